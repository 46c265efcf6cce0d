package broker

import (
	"slices"
	"sync"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

const (
	perMessage  = 1 << 10                // bytes that a queued message takes besides its content
	recountTime = 100 * time.Millisecond // between two counts of a queue that is full
)

// queue bounds the bytes of a session's messages with QoS 1 and 2 that are not acknowledged; mochi
// bounds their number only. mochi does not tell of every message that leaves, so the estimate only
// grows, and what is really there is counted again when it reaches the bound.
type queue struct {
	mu       sync.Mutex
	estimate int64
	counted  time.Time // when it was found full
}

func (q *queue) add(pk packets.Packet) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.estimate += sizeOf(pk)
}

// isFull tells whether a client's queue has no room for more: it holds more than its share, and all together hold
// all that they may.
func (h *hook) isFull(cl *mqtt.Client, c *conn) bool {
	share := h.limits.QueuedBytes / int64(max(1, h.server.Clients.Len()))
	if !c.queue.full(cl, share) || h.flow.queued.Load() < h.limits.QueuedBytes {
		return false
	}
	if last := h.flow.recounted.Load(); time.Since(time.Unix(0, last)) < recountTime || !h.flow.recounted.CompareAndSwap(last, time.Now().UnixNano()) {
		return true
	}
	before, all := h.flow.queued.Load(), int64(0)
	for _, cl := range h.server.Clients.GetAll() {
		if c, ok := cl.Net.Conn.(*conn); ok {
			all += c.queue.held(cl)
		}
	}
	h.flow.queued.Add(all - before)
	return all >= h.limits.QueuedBytes
}

// held is what the queue is believed to hold.
func (q *queue) held(cl *mqtt.Client) int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	if cl.State.Inflight.Len() == 0 {
		q.estimate = 0
	}
	return q.estimate
}

// full tells whether cl's queue holds bound bytes.
func (q *queue) full(cl *mqtt.Client, bound int64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.estimate < bound {
		return false
	}
	if time.Since(q.counted) < recountTime {
		return true
	}
	q.estimate = 0
	for _, pk := range cl.State.Inflight.GetAll(false) {
		q.estimate += sizeOf(pk)
	}
	if q.estimate < bound-bound/8 {
		return false
	}
	q.estimate = max(q.estimate, bound)
	q.counted = time.Now()
	return true
}

func sizeOf(pk packets.Packet) int64 {
	return int64(len(pk.TopicName) + len(payload(pk)) + perMessage)
}

// renumber has mochi send a resumed session's queue in the order it was published in: mochi sorts
// by the low 16 bits of Created, which hook.OnPublish has made a growing number.
func renumber(in *mqtt.Inflight) {
	all := in.GetAll(false)
	slices.SortStableFunc(all, func(a, b packets.Packet) int {
		return int(min(max(a.Created-b.Created, -1), 1))
	})
	for i, pk := range all {
		pk.Created = int64(i + 1)
		in.Set(pk)
	}
}
