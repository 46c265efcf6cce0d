package broker

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/mochi-mqtt/server/v2/packets"

	"selvage/edge/health"
)

const retainedCode = "broker.retained"

// retained is what is retained for clients. mochi would keep some 2 KB besides each payload, without a bound.
type retained struct {
	limits Limits
	board  *health.Board
	saver  *saver

	mu    sync.Mutex
	all   []message // by topic
	bytes int64

	refuses atomic.Bool // for want of room, not long ago
}

// message is one that is retained. Its payload is not to be changed.
type message struct {
	topic   string
	payload []byte
	qos     byte
	number  int64 // see hook.OnPublish
}

func (m message) size() int64 { return int64(len(m.topic) + len(m.payload) + perMessage) }

// packet is m as a client gets it.
func (m message) packet() (pk packets.Packet) {
	pk.FixedHeader = packets.FixedHeader{Type: packets.Publish, Qos: m.qos, Retain: true} // [MQTT-3.3.1-8]
	pk.TopicName, pk.Payload, pk.Created = m.topic, m.payload, m.number
	share(&pk)
	return pk
}

// keep retains a message in place of an older one with its topic. If there is no room for it, the older one goes too:
// none is better than one that is not true any more. One that is empty only takes the older one away [MQTT-3.3.1-10].
func (r *retained) keep(m message) {
	if r.put(m) {
		r.saver.change(m.topic)
	}
}

// put tells whether something has changed.
func (r *retained) put(m message) (changed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, had := r.find(m.topic)
	count, bytes := len(r.all), r.bytes
	if had {
		count, bytes = count-1, bytes-r.all[at].size()
	}
	fits := count < r.limits.Retained && bytes+m.size() <= r.limits.RetainedBytes
	switch {
	case len(m.payload) > 0 && fits && had:
		m.topic = r.all[at].topic
		r.all[at], r.bytes = m, bytes+m.size()
	case len(m.payload) > 0 && fits:
		m.topic = strings.Clone(m.topic) // it is part of a packet
		r.all, r.bytes = slices.Insert(r.all, at, m), bytes+m.size()
	case had:
		r.all, r.bytes = slices.Delete(r.all, at, at+1), bytes
	}
	if len(m.payload) > 0 && !fits {
		r.refuse(m.topic)
	} else if len(r.all)*10 <= r.limits.Retained*9 && r.bytes <= r.limits.RetainedBytes/10*9 {
		r.refuses.Store(false)
		r.board.Clear(retainedCode)
	}
	return had || len(m.payload) > 0
}

// refuse tells that there is no room for a message. It is called with r.mu held.
func (r *retained) refuse(topic string) {
	r.refuses.Store(true)
	r.board.Add("broker.retained.refused", 1)
	r.board.Raise(health.Condition{
		Code: retainedCode,
		Text: fmt.Sprintf("the MQTT broker retains %d messages with %d KB, and no more: one for %q was delivered without being retained",
			len(r.all), r.bytes>>10, topic),
		Remedy: "see what is retained: mosquitto_sub --retained-only -v -t '#'; remove what is not needed: mosquitto_pub -r -n -t TOPIC",
	})
}

// find is called with r.mu held.
func (r *retained) find(topic string) (at int, has bool) {
	return slices.BinarySearchFunc(r.all, topic, func(m message, topic string) int { return strings.Compare(m.topic, topic) })
}

func (r *retained) get(topic string) (m message, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at, has := r.find(topic); has {
		return r.all[at], true
	}
	return m, false
}

// after returns the first n topics behind last that match a filter, in order.
func (r *retained) after(filter, last string, n int) (topics []string) {
	wild := strings.IndexAny(filter, "+#")
	r.mu.Lock()
	defer r.mu.Unlock()
	if wild < 0 {
		if _, has := r.find(filter); has && last == "" {
			topics = append(topics, filter)
		}
		return topics
	}
	start := strings.TrimSuffix(filter[:wild], "/") // a/# matches a, too
	at, _ := r.find(max(start, last))
	for _, m := range r.all[at:] {
		if len(topics) == n || !strings.HasPrefix(m.topic, start) {
			break
		}
		if m.topic > last && matches(filter, m.topic) {
			topics = append(topics, m.topic)
		}
	}
	return topics
}

// load retains what the book has.
func (r *retained) load() {
	for i, m := range r.saver.load() {
		m.number = int64(i + 1) // below firstNumber
		r.put(m)
	}
}

func (r *retained) count() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return int64(len(r.all))
}
