package broker

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"slices"

	"github.com/mochi-mqtt/server/v2/packets"
)

// outbox is what waits to be written to a client.
type outbox struct {
	parts []part
	size  int    // bytes
	spare []byte // for a part
}

// part is small packets one after another, or the payload of a large one, which all who get it share.
type part struct {
	bytes []byte
	body  *body // whose payload it is
}

func (o *outbox) add(b []byte) {
	if n := len(o.parts); n == 0 || o.parts[n-1].body != nil {
		o.parts = append(o.parts, part{bytes: o.spare})
		o.spare = nil
	}
	last := &o.parts[len(o.parts)-1]
	last.bytes = append(last.bytes, b...)
	o.size += len(b)
}

func (o *outbox) share(b *body) {
	o.parts = append(o.parts, part{b.payload, b})
	o.size += len(b.payload)
}

// take empties o.
func (o *outbox) take() (parts []part, size int) {
	parts, size = o.parts, o.size
	o.parts, o.size = nil, 0
	return parts, size
}

// reuse takes back a part that has been written.
func (o *outbox) reuse(p part) {
	if cap(p.bytes) <= keepSpare {
		o.spare = p.bytes[:0]
	}
}

// body is a large payload that is to be written, and has room for that.
type body struct {
	payload []byte
	grant   *grant
	number  uint64
}

// secret begins what stands for a large payload in packets that mochi encodes, which would copy it for each client.
// Nobody can guess it; conn.put has the payload go out in its place.
var secret = func() (s [16]byte) {
	_, _ = rand.Read(s[:]) // never fails
	return s
}()

const standInSize = len(secret) + 8

// grantOut waits for room for a packet that is to go out; mochi calls Write with it next. It returns what mochi is to
// take for its payload.
func (c *conn) grantOut(pk packets.Packet) []byte {
	if len(pk.Payload) < large {
		return pk.Payload
	}
	g := c.flow.writing.try(int64(len(pk.Payload)), c.tooSlow)
	if g == nil {
		c.seek(1)
		g = c.flow.writing.take(c.ctx, int64(len(pk.Payload)), c.tooSlow)
		c.seek(-1)
	}
	if g == nil {
		return nil // the connection ends
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		g.release()
		return nil
	}
	if c.waiting.size+c.writing == 0 {
		c.caughtUp()
	}
	c.bodies++
	c.outgoing = append(c.outgoing, &body{payload: pk.Payload, grant: g, number: c.bodies})
	return binary.BigEndian.AppendUint64(bytes.Clone(secret[:]), c.bodies)
}

// seek notes who waits for room. Until it has it, the client is behind.
func (c *conn) seek(more int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seeking += more; !c.closing && c.seeking > 0 {
		c.lag()
	}
}

// tooSlow ends a connection that takes too long to read a large packet while others wait for its room.
func (c *conn) tooSlow() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end()
}

// bodyOf returns what is to go out in place of the last standInSize bytes of a packet, nil if that is they themselves.
// c.mu is held.
func (c *conn) bodyOf(packet []byte) *body {
	at := len(packet) - standInSize
	if at < 0 || packet[0]>>4 != packets.Publish || !bytes.HasPrefix(packet[at:], secret[:]) {
		return nil
	}
	number := binary.BigEndian.Uint64(packet[at+len(secret):])
	if i := slices.IndexFunc(c.outgoing, func(b *body) bool { return b.number == number }); i >= 0 {
		return c.outgoing[i]
	}
	return nil
}

// putBody has a PUBLISH written with a payload in place of what stands for it. c.mu is held.
func (c *conn) putBody(packet []byte, b *body) {
	var header [5]byte
	header[0] = packet[0]
	head := 2 // bytes of the fixed header [MQTT 3.1.1, 2.2.3]
	for packet[head-1] >= 0x80 {
		head++
	}
	rest := packet[head : len(packet)-standInSize]
	c.waiting.add(header[:1+binary.PutUvarint(header[1:], uint64(len(rest)+len(b.payload)))])
	c.waiting.add(rest)
	c.waiting.share(b)
}

// written lets go of bodies that have been written, or never will be. c.mu is held.
func (c *conn) written(bodies ...*body) {
	for _, b := range bodies {
		if i := slices.Index(c.outgoing, b); i >= 0 {
			c.outgoing = slices.Delete(c.outgoing, i, i+1)
			b.grant.release()
		}
	}
}
