package peer

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"
)

// A message beyond slowSize has to be complete within slowTime, or many clients that each hold one
// back could fill the memory.
const (
	slowSize = 16 << 10
	slowTime = 30 * time.Second
)

const readRoom = 16 << 10 // bytes that are read at once

var readBuffers = sync.Pool{New: func() any { return new([readRoom]byte) }}

// reader takes WebSocket messages off a connection (RFC 6455, 5). A message that came in one frame is
// handed over where it was read. While there is nothing to read it holds no buffer.
type reader struct {
	net     net.Conn
	raw     syscall.RawConn // nil where net is no plain socket
	masked  bool            // frames must be, or must not be
	deflate bool            // they may be compressed
	limit   int64           // bytes of a message

	heard   atomic.Bool // something since the last ping
	waiting atomic.Bool // for the other end, not for a message to be handled

	room       *[readRoom]byte // buf, while that is borrowed
	buf        []byte
	start, end int // of what is not taken yet
	slow       bool

	began     byte // opcode of a message in fragments, 0 outside of one
	packed    bool // it is compressed
	fragments []byte
	inflated  []byte
}

func protocolError(what string) error {
	return &violation{websocket.CloseProtocolError, what}
}

// next returns a whole message, or a control frame. The payload is valid until the next call.
func (r *reader) next() (op int, payload []byte, err error) {
	r.tidy()
	for {
		head, payload, err := r.frame()
		if err != nil {
			return 0, nil, err
		}
		op := head & 0x0f
		if op >= websocket.CloseMessage { // control frames may stand between fragments
			return int(op), payload, nil
		}
		if r.began == 0 {
			if op == 0 {
				return 0, nil, protocolError("a continuation of nothing")
			}
			r.began, r.packed = op, head&compressed != 0
		} else if op != 0 {
			return 0, nil, protocolError("a message inside another")
		}
		whole := head&0x80 != 0
		if !whole || len(r.fragments) > 0 {
			if int64(len(r.fragments)+len(payload)) > r.limit {
				return 0, nil, r.tooBig()
			}
			r.fragments = append(r.fragments, payload...)
			payload = r.fragments
		}
		if !whole {
			continue
		}
		op, packed := r.began, r.packed
		r.began = 0
		r.quick()
		if packed {
			payload, err = r.inflate(payload)
		}
		return int(op), payload, err
	}
}

// tidy gives back what the message before took, if that was much.
func (r *reader) tidy() {
	if r.began == 0 {
		r.fragments = r.fragments[:0]
		if cap(r.fragments) > readRoom {
			r.fragments = nil
		}
	}
	if cap(r.inflated) > readRoom {
		r.inflated = nil
	}
}

// frame returns the first byte of the next frame and its payload, unmasked.
func (r *reader) frame() (head byte, payload []byte, err error) {
	if err := r.want(2); err != nil {
		return 0, nil, err
	}
	head = r.buf[r.start]
	second := r.buf[r.start+1]
	if fault := r.check(head, second); fault != "" {
		return 0, nil, protocolError(fault)
	}
	size := 2
	length := uint64(second & 0x7f)
	switch length {
	case 126:
		size = 4
	case 127:
		size = 10
	}
	if r.masked {
		size += 4
	}
	if err := r.want(size); err != nil {
		return 0, nil, err
	}
	h := r.buf[r.start : r.start+size]
	switch length {
	case 126:
		length = uint64(binary.BigEndian.Uint16(h[2:]))
	case 127:
		length = binary.BigEndian.Uint64(h[2:])
	}
	if length > uint64(r.limit) {
		return 0, nil, r.tooBig()
	}
	if err := r.want(size + int(length)); err != nil {
		return 0, nil, err
	}
	all := r.buf[r.start : r.start+size+int(length)]
	r.start += len(all)
	payload = all[size:]
	if r.masked {
		unmask(payload, binary.LittleEndian.Uint32(all[size-4:]))
	}
	return head, payload, nil
}

// check finds what is wrong with the first two bytes of a frame (RFC 6455, 5.2 and 5.5; RFC 7692, 6).
func (r *reader) check(head, second byte) string {
	op := head & 0x0f
	switch {
	case (second&0x80 != 0) != r.masked && r.masked:
		return "a client's frame is masked"
	case (second&0x80 != 0) != r.masked:
		return "a server's frame is not masked"
	case head&0x30 != 0, head&compressed != 0 && (!r.deflate || op == 0 || op >= websocket.CloseMessage):
		return "a reserved bit is set"
	case op > websocket.BinaryMessage && op < websocket.CloseMessage, op > websocket.PongMessage:
		return "an unknown kind of frame"
	case op >= websocket.CloseMessage && (head&0x80 == 0 || second&0x7f > 125):
		return "a control frame is whole and small"
	}
	return ""
}

func (r *reader) tooBig() error {
	return &violation{websocket.CloseMessageTooBig, "a message has at most " + strconv.FormatInt(r.limit, 10) + " bytes"}
}

// want reads until n bytes are there.
func (r *reader) want(n int) error {
	for r.end-r.start < n {
		if r.start == r.end {
			r.start, r.end = 0, 0
			if r.raw != nil || r.room == nil {
				r.release()
			}
		} else if len(r.buf)-r.start < n {
			r.makeRoom(n)
		}
		if held := r.end - r.start + len(r.fragments); held > slowSize && (!r.slow || !r.masked) {
			r.slow = true // for a server whom we have chosen, as long as nothing comes at all
			r.net.SetReadDeadline(time.Now().Add(slowTime))
		}
		if err := r.fill(); err != nil {
			return err
		}
	}
	return nil
}

// makeRoom brings the unread part of a frame of n bytes to the front. A full buffer is only doubled,
// for how much will come is but the sender's word.
func (r *reader) makeRoom(n int) {
	unread := r.buf[r.start:r.end]
	switch {
	case len(unread) == len(r.buf):
		larger := make([]byte, min(n, 2*len(r.buf)))
		copy(larger, unread)
		r.release()
		r.buf = larger
	case r.start > 0:
		copy(r.buf, unread)
	}
	r.start, r.end = 0, len(unread)
}

// fill reads what there is, and waits until there is something.
func (r *reader) fill() (err error) {
	n := 0
	r.waiting.Store(true)
	if r.raw == nil {
		r.borrow()
		n, err = r.net.Read(r.buf[r.end:])
	} else {
		var failed error
		err = r.raw.Read(func(fd uintptr) bool {
			r.borrow()
			n, failed = readSocket(fd, r.buf[r.end:])
			if failed == syscall.EAGAIN {
				if r.end == 0 {
					r.release()
				}
				return false
			}
			return true
		})
		if err == nil {
			err = failed
		}
		if n == 0 && err == nil {
			err = io.EOF
		}
	}
	r.waiting.Store(false)
	if r.end += n; n > 0 {
		r.heard.Store(true)
	}
	if r.slow && errors.Is(err, os.ErrDeadlineExceeded) {
		return &violation{websocket.ClosePolicyViolation, fmt.Sprintf("a message of more than %d bytes has to be complete within %v", slowSize, slowTime)}
	}
	if errors.Is(err, io.EOF) {
		return &websocket.CloseError{Code: websocket.CloseAbnormalClosure, Text: io.ErrUnexpectedEOF.Error()}
	}
	return err
}

func (r *reader) borrow() {
	if r.buf == nil {
		r.room = readBuffers.Get().(*[readRoom]byte)
		r.buf = r.room[:]
	}
}

func (r *reader) release() {
	if r.room != nil {
		readBuffers.Put(r.room)
	}
	r.room, r.buf = nil, nil
}

// quick ends the deadline of a slow message.
func (r *reader) quick() {
	if r.slow {
		r.slow = false
		r.net.SetReadDeadline(time.Time{})
	}
}

var inflaters = sync.Pool{New: func() any { return flate.NewReader(nil) }}

// inflateTail is what a sender has left out (RFC 7692, 7.2.2), and an empty last block.
const inflateTail = "\x00\x00\xff\xff\x01\x00\x00\xff\xff"

func (r *reader) inflate(packed []byte) ([]byte, error) {
	z := inflaters.Get().(io.Reader)
	defer inflaters.Put(z)
	z.(flate.Resetter).Reset(io.MultiReader(bytes.NewReader(packed), strings.NewReader(inflateTail)), nil)
	out := bytes.NewBuffer(r.inflated[:0])
	n, err := io.Copy(out, io.LimitReader(z, r.limit+1))
	r.inflated = out.Bytes()
	switch {
	case err != nil:
		return nil, &violation{websocket.CloseInvalidFramePayloadData, "a message cannot be decompressed"}
	case n > r.limit:
		return nil, r.tooBig()
	}
	return r.inflated, nil
}

// unmask applies the mask, whose first byte is the key's lowest (RFC 6455, 5.3).
func unmask(b []byte, key uint32) {
	wide := uint64(key)<<32 | uint64(key)
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^wide)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= byte(key >> (8 * (i & 3)))
	}
}

// closed reads the payload of a close frame.
func closed(payload []byte) error {
	if len(payload) == 0 {
		return &websocket.CloseError{Code: websocket.CloseNoStatusReceived}
	}
	if len(payload) == 1 {
		return protocolError("half a close code")
	}
	code, reason := int(binary.BigEndian.Uint16(payload)), payload[2:]
	switch {
	case code < 1000, code >= 5000, code > 1014 && code < 3000, code == 1004, code == 1005, code == 1006: // RFC 6455, 7.4
		return protocolError("an invalid close code")
	case !utf8.Valid(reason):
		return &violation{websocket.CloseInvalidFramePayloadData, "a close reason that is not UTF-8"}
	}
	return &websocket.CloseError{Code: code, Text: string(reason)}
}
