package broker

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"selvage/edge/health"
)

const retainedCode = "broker.retained"

// retained counts what mochi retains for clients; mochi has no bound for it.
type retained struct {
	limits Limits
	board  *health.Board
	topics *mqtt.TopicsIndex
	saver  *saver

	mu    sync.Mutex
	sizes map[string]int64 // by topic
	order []string         // the topics of sizes, sorted
	bytes int64
}

// admit tells whether a message may be retained, and if so counts it.
func (r *retained) admit(topic string, size int64, empty bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if empty {
		return true // it takes a message away
	}
	old, had := r.sizes[topic]
	bytes, count := r.bytes-old+size, len(r.sizes)
	if !had {
		count++
	}
	if count > r.limits.Retained || bytes > r.limits.RetainedBytes {
		r.board.Add("broker.retained.refused", 1)
		r.board.Raise(health.Condition{
			Code: retainedCode,
			Text: fmt.Sprintf("the MQTT broker retains %d messages with %d KB, and no more: one for %q was delivered without being retained",
				len(r.sizes), r.bytes>>10, topic),
			Remedy: "see what is retained: mosquitto_sub --retained-only -v -t '#'; remove what is not needed: mosquitto_pub -r -n -t TOPIC",
		})
		return false
	}
	r.set(topic, size)
	return true
}

// set is called with r.mu held.
func (r *retained) set(topic string, size int64) {
	at, had := slices.BinarySearch(r.order, topic)
	if !had {
		r.order = slices.Insert(r.order, at, topic)
	}
	r.bytes += size - r.sizes[topic]
	r.sizes[topic] = size
}

// unset is called with r.mu held.
func (r *retained) unset(topic string) {
	if at, had := slices.BinarySearch(r.order, topic); had {
		r.order = slices.Delete(r.order, at, at+1)
		r.bytes -= r.sizes[topic]
		delete(r.sizes, topic)
	}
}

// after returns the first n topics behind last that match a filter, in order.
func (r *retained) after(filter, last string, n int) (topics []string) {
	wild := strings.IndexAny(filter, "+#")
	r.mu.Lock()
	defer r.mu.Unlock()
	if wild < 0 {
		if _, has := r.sizes[filter]; has && last == "" {
			topics = append(topics, filter)
		}
		return topics
	}
	start := strings.TrimSuffix(filter[:wild], "/") // a/# matches a, too
	at, _ := slices.BinarySearch(r.order, max(start, last))
	for _, topic := range r.order[at:] {
		if len(topics) == n || !strings.HasPrefix(topic, start) {
			break
		}
		if topic > last && matches(filter, topic) {
			topics = append(topics, topic)
		}
	}
	return topics
}

// load retains what the book has.
func (r *retained) load() {
	for _, pk := range r.saver.load() {
		if r.admit(pk.TopicName, sizeOf(pk), false) {
			share(&pk)
			r.topics.RetainMessage(pk)
		}
	}
}

// settle brings the count of a topic in line with what mochi has, after each change: of two clients
// that publish to one topic at the same time, the second to be admitted may be the first to be retained.
func (r *retained) settle(topic string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if pk, ok := r.topics.Retained.Get(topic); ok {
		r.set(topic, sizeOf(pk))
	} else {
		r.unset(topic)
	}
	r.saver.change(topic)
}

// ease withdraws the condition when there is room again.
func (r *retained) ease() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.sizes)*10 <= r.limits.Retained*9 && r.bytes <= r.limits.RetainedBytes/10*9 {
		r.board.Clear(retainedCode)
	}
}

func (r *retained) count() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return int64(len(r.sizes))
}

// retainedSize is what a message will count once it is retained.
func retainedSize(topic string, payload []byte) int64 {
	return sizeOf(packets.Packet{TopicName: topic, Payload: payload})
}
