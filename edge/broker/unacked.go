package broker

import (
	"slices"

	"github.com/mochi-mqtt/server/v2/packets"
)

// ack is a PUBACK or PUBREC of a connection: its bytes, and the message it waits for, nil if that has no need.
type ack struct {
	text [4]byte
	of   *held
}

// put takes whole packets that are to be written. Acknowledgements stay behind that have to wait, and those
// after them: they go out in the order of their messages [MQTT-4.6.0-2]. c.mu is held.
func (c *conn) put(b []byte) {
	for len(b) > 0 {
		n := packetSize(b)
		if body := c.bodyOf(b[:n]); body != nil {
			c.putBody(b[:n], body)
		} else if kind := b[0] >> 4; n != 4 || kind != packets.Puback && kind != packets.Pubrec || !c.holdBack([4]byte(b)) {
			c.waiting.add(b[:n])
		}
		b = b[n:]
	}
}

func (c *conn) holdBack(text [4]byte) bool {
	m := c.holds.await(c, sending{c.client, uint16(text[2])<<8 | uint16(text[3])})
	if m == nil && len(c.acks) == 0 {
		return false
	}
	// mochi answers to a QoS 2 message that comes again what it has answered before.
	if !slices.ContainsFunc(c.acks, func(a ack) bool { return a.text == text }) {
		c.acks = append(c.acks, ack{text, m})
		c.unacked.Store(int64(len(c.acks)))
	}
	return true
}

// release writes the acknowledgements that need not wait any more.
func (c *conn) release() {
	c.mu.Lock()
	n := 0
	for n < len(c.acks) && (c.acks[n].of == nil || c.acks[n].of.done.Load()) {
		if !c.closing {
			c.waiting.add(c.acks[n].text[:])
		}
		n++
	}
	c.acks = slices.Delete(c.acks, 0, n)
	c.unacked.Store(int64(len(c.acks)))
	if c.waiting.size > 0 {
		c.write()
	}
	c.mu.Unlock()
	if n > 0 {
		c.holds.wake()
	}
}

// endTurn notes that a message of the client was handed out, or was not.
func (c *conn) endTurn(err error) {
	if m := c.publishing; m != nil {
		c.publishing = nil
		c.holds.passed(m, err)
	}
	c.inTurn = false
	c.turn.Unlock()
}

// packetSize returns the size of the packet that b begins with.
func packetSize(b []byte) int {
	n := 0
	for i := 1; i < len(b) && i <= 4; i++ {
		n |= int(b[i]&0x7f) << (7 * (i - 1))
		if b[i] < 0x80 {
			return min(i+1+n, len(b))
		}
	}
	return len(b)
}
