package broker

import (
	"runtime"
	"strings"
	"sync/atomic"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

const (
	handful    = 64 // topics that are looked up at a time
	mostRounds = 3  // that a message is sent which changes all the time
	mostAsked  = 64 // subscriptions of a connection that wait for retained messages; its reading waits for room
)

// byHand has mochi send no retained messages for a subscription, of which it has none but its own, nor look for them: it
// goes through all subscriptions for that.
const byHand = 2

func isByHand(filter string) bool { return !strings.HasPrefix(filter, "$SYS") }

// hand sends a client what is retained and matches what it has just subscribed to [MQTT-3.3.1-6], as fast as the
// client reads. It does not wait for that. mochi would copy all that match first, for every subscriber, and drop those
// for which the client's queue has no room.
func (h *hook) hand(cl *mqtt.Client, c *conn, asked packets.Subscriptions) {
	for _, sub := range asked {
		if sub.Filter == "" || mqtt.IsSharedFilter(sub.Filter) { // it was refused, or brings none [MQTT 5, 4.8.2]
			continue
		}
		c.mu.Lock()
		for len(c.asks) >= mostAsked && !c.closing {
			c.changed.Wait()
		}
		c.asks = append(c.asks, sub.Filter)
		if !c.hands {
			c.hands = true
			c.handing.Go(func() { h.handAll(cl, c) })
		}
		c.mu.Unlock()
	}
}

// handAll sends what is retained until no subscription waits for it.
func (h *hook) handAll(cl *mqtt.Client, c *conn) {
	defer h.guard()
	for {
		c.mu.Lock()
		if len(c.asks) == 0 || c.closing {
			c.hands = false
			c.mu.Unlock()
			return
		}
		filter := c.asks[0]
		c.asks = c.asks[1:]
		c.changed.Broadcast()
		c.mu.Unlock()
		h.handMatching(cl, c, filter)
	}
}

func (h *hook) handMatching(cl *mqtt.Client, c *conn, filter string) {
	for last := ""; ; {
		topics := h.retained.after(filter, last, handful)
		if len(topics) == 0 {
			return
		}
		for _, topic := range topics {
			sub, still := cl.State.Subscriptions.Get(filter)
			if !still || c.leaves.Load() || h.handOne(cl, topic, sub.Qos) != nil {
				return
			}
			runtime.Gosched() // many may be handed out at the same time, and live messages go first
		}
		last = topics[len(topics)-1]
	}
}

// handOne sends what is retained under a topic: again, if it has changed before it was sent, for what was published
// meanwhile may have overtaken it. An error says that the connection ends.
func (h *hook) handOne(cl *mqtt.Client, topic string, qos byte) error {
	m, ok := h.retained.get(topic)
	for round := 0; ok && round < mostRounds && h.OnACLCheck(cl, topic, false); round++ {
		if err := h.handNow(cl, m, qos); err != nil {
			return err
		}
		was := m.number
		if m, ok = h.retained.get(topic); ok && m.number == was {
			return nil
		}
		if !ok && !h.retained.refuses.Load() { // it was taken away
			return h.handNow(cl, message{topic: topic, number: h.order.Add(1)}, qos)
		}
	}
	return nil
}

// handNow sends a message as mochi's publishToClient does.
func (h *hook) handNow(cl *mqtt.Client, m message, qos byte) error {
	out := m.packet()
	if out.FixedHeader.Qos = min(out.FixedHeader.Qos, qos); out.FixedHeader.Qos > 0 {
		id, err := cl.NextPacketID()
		if err != nil || cl.State.Inflight.Len() >= h.limits.Queued {
			h.dropped.Add(1)
			return nil
		}
		out.PacketID = uint16(id)
		if cl.State.Inflight.Set(out) {
			atomic.AddInt64(&h.server.Info.Inflight, 1)
			h.OnQosPublish(cl, out, out.Created, 0)
		}
	}
	return cl.WritePacket(out)
}
