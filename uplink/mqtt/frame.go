package mqtt

import (
	"bufio"
	"fmt"
	"net"
	"sync"
)

// maxPacket is how long a packet may be behind its fixed header, in bytes. MQTT allows 256 MB, and
// paho reads a packet into memory, twice.
const maxPacket = 1 << 20

// publishPacket is the type of the packets that carry messages (MQTT 3.1.1, 2.2.1).
const publishPacket = 3

// frames is a connection that cuts long messages. One ends after maxPacket+1 bytes, so that its taker
// can refuse it by name and acknowledge it; to end the connection instead would bring it again, for
// ever. It also reads ahead: paho asks for a byte or two at a time. And it can write together what paho writes
// packet by packet.
type frames struct {
	net.Conn
	in   *bufio.Reader
	head [5]byte
	rest []byte // of head, to be handed out
	pass int    // bytes of the packet that follow it
	drop int    // bytes of the packet after these

	out  sync.Mutex
	held bool
	wait []byte // to be written on release
}

// mostHeld is how much is written together at most, in bytes.
const mostHeld = 16 << 10

func newFrames(c net.Conn) *frames { return &frames{Conn: c, in: bufio.NewReaderSize(c, 16<<10)} }

// Write implements net.Conn.
func (f *frames) Write(p []byte) (int, error) {
	f.out.Lock()
	defer f.out.Unlock()
	f.wait = append(f.wait, p...)
	if f.held && len(f.wait) < mostHeld {
		return len(p), nil
	}
	return len(p), f.flush()
}

func (f *frames) flush() error {
	_, err := f.Conn.Write(f.wait)
	f.wait = f.wait[:0]
	return err
}

// hold has what is written wait for release.
func (f *frames) hold() {
	f.out.Lock()
	defer f.out.Unlock()
	f.held = true
}

// release writes what has waited. If that fails, who reads is told.
func (f *frames) release() {
	f.out.Lock()
	defer f.out.Unlock()
	f.held = false
	if len(f.wait) > 0 {
		_ = f.flush()
	}
}

// Read implements net.Conn.
func (f *frames) Read(p []byte) (int, error) {
	for len(f.rest) == 0 && f.pass == 0 {
		if err := f.next(); err != nil {
			return 0, err
		}
	}
	if len(f.rest) > 0 {
		n := copy(p, f.rest)
		f.rest = f.rest[n:]
		return n, nil
	}
	n, err := f.in.Read(p[:min(len(p), f.pass)])
	f.pass -= n
	return n, err
}

// next drops what is left of a packet and reads the fixed header of the one that follows.
func (f *frames) next() error {
	for f.drop > 0 {
		n, err := f.in.Discard(f.drop)
		f.drop -= n
		if err != nil {
			return err
		}
	}
	kind, err := f.in.ReadByte()
	if err != nil {
		return err
	}
	f.head[0] = kind
	length, n := 0, 1
	for more := true; more; n++ { // seven bits in each byte, the lowest first (2.2.3)
		if n == len(f.head) {
			return fmt.Errorf("what comes is not MQTT: the length of a packet has more than four bytes")
		}
		c, err := f.in.ReadByte()
		if err != nil {
			return err
		}
		f.head[n] = c
		length |= int(c&0x7f) << (7 * (n - 1))
		more = c&0x80 != 0
	}
	if length > maxPacket {
		if kind>>4 != publishPacket {
			return fmt.Errorf("what comes is not MQTT: a packet of type %d has %d bytes", kind>>4, length)
		}
		f.drop = length - (maxPacket + 1)
		length = maxPacket + 1
		n = 1
		for l := length; ; n++ {
			f.head[n] = byte(l & 0x7f)
			if l >>= 7; l == 0 {
				n++
				break
			}
			f.head[n] |= 0x80
		}
	}
	f.rest, f.pass = f.head[:n], length
	return nil
}
