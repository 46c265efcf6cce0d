package broker

import "net"

// intake follows the packets that a client sends, so that a large one has room before mochi hears of it: it would make
// room at once, by what the packet's first bytes say. Only the client's reading goroutine has it.
type intake struct {
	header [5]byte // of a packet whose length is not known yet
	has    int     // bytes of header
	left   int     // bytes of the packet that are to come
	grant  *grant  // of the packet, until mochi has done with it
}

// Read reads no further than to the end of a large packet: when mochi asks for more, it has done with that one.
func (c *conn) Read(b []byte) (int, error) {
	in := &c.intake
	if in.grant != nil {
		if in.left == 0 {
			c.letGo()
		} else {
			b = b[:min(len(b), in.left)]
		}
	}
	n, err := c.Conn.Read(b)
	if !c.arrive(b[:n]) {
		return 0, net.ErrClosed
	}
	return n, err
}

// arrive takes in what was read. It waits where a large packet begins, and returns false if the connection ends
// meanwhile.
func (c *conn) arrive(b []byte) bool {
	in := &c.intake
	for len(b) > 0 {
		if in.left > 0 {
			n := min(in.left, len(b))
			in.left, b = in.left-n, b[n:]
			if in.grant != nil {
				in.grant.got.Add(int64(n))
			}
			continue
		}
		in.header[in.has] = b[0]
		in.has, b = in.has+1, b[1:]
		switch {
		case in.has > 1 && in.header[in.has-1] < 0x80: // [MQTT 3.1.1, 2.2.3]
			for i := range in.has - 1 {
				in.left |= int(in.header[i+1]&0x7f) << (7 * i)
			}
			in.has = 0
			if in.left >= large && in.left < c.limits.Packet { // mochi refuses what is larger
				if in.grant = c.flow.reading.take(c.ctx, int64(readCost*in.left), func() { c.Close() }); in.grant == nil {
					return false
				}
			}
		case in.has == len(in.header):
			in.has = 0 // a length that does not end, which mochi refuses
		}
	}
	if in.grant != nil && in.left == 0 {
		in.grant.here.Store(true)
	}
	return true
}

// letGo is called when mochi has done with a large packet, or with the connection.
func (c *conn) letGo() {
	if c.intake.grant != nil {
		c.intake.grant.release()
		c.intake.grant = nil
	}
}
