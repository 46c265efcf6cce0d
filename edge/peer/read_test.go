package peer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// pieces is the receiving half of a connection: each Read gives the next piece of at most size bytes.
type pieces struct {
	net.Conn
	text []byte
	size int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.text) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), p.size)], p.text)
	p.text = p.text[n:]
	return n, nil
}

func (p *pieces) SetReadDeadline(time.Time) error { return nil }

// readAll reads what comes and says how it ended.
func readAll(wire []byte, size int, limit int64, deflate bool) (messages []string, end string) {
	r := reader{net: &pieces{text: bytes.Clone(wire), size: size}, masked: true, deflate: deflate, limit: limit}
	for {
		op, payload, err := r.next()
		if err != nil {
			if v := (*violation)(nil); errors.As(err, &v) {
				return messages, fmt.Sprint(v.code)
			}
			if c := (*websocket.CloseError)(nil); errors.As(err, &c) {
				return messages, fmt.Sprint(c.Code)
			}
			return messages, err.Error()
		}
		messages = append(messages, fmt.Sprintf("%d %s", op, payload))
	}
}

const fin, rsv1 = 0x80, 0x40

func masked(head byte, payload string) []byte {
	frame := appendFrame(nil, 0, []byte(payload), true)
	frame[0] = head
	return frame
}

func join(frames ...[]byte) []byte { return bytes.Join(frames, nil) }

func TestReader(t *testing.T) {
	long := strings.Repeat("0123456789", 7000)
	packed := func(s string) []byte {
		c := Conn{deflate: true, mask: true}
		return c.appendText(nil, []byte(s))
	}
	for _, c := range []struct {
		name string
		wire []byte
		want []string
		end  string
	}{
		{"one message", masked(fin|1, "hello"), []string{"1 hello"}, "1006"},
		{"lengths of all three forms", join(masked(fin|1, long[:125]), masked(fin|2, long[:126]), masked(fin|1, long[:65535]), masked(fin|1, long[:65536])),
			[]string{"1 " + long[:125], "2 " + long[:126], "1 " + long[:65535], "1 " + long[:65536]}, "1006"},
		{"fragments with a ping between them", join(masked(1, "he"), masked(0, "l"), masked(fin|9, "?"), masked(fin, "lo"), masked(fin|1, "x")),
			[]string{"9 ?", "1 hello", "1 x"}, "1006"},
		{"empty frames", join(masked(fin|1, ""), masked(1, ""), masked(0, ""), masked(fin, "")), []string{"1 ", "1 "}, "1006"},
		{"compressed", join(packed(long), packed("short"), masked(fin|1, "plain")), []string{"1 " + long, "1 short", "1 plain"}, "1006"},
		{"not masked", []byte{fin | 1, 1, 'x'}, nil, "1002"},
		{"a reserved bit", masked(fin|0x20|1, "x"), nil, "1002"},
		{"an unknown kind", masked(fin|3, "x"), nil, "1002"},
		{"an unknown control frame", masked(fin|11, "x"), nil, "1002"},
		{"a compressed ping", masked(fin|rsv1|9, "x"), nil, "1002"},
		{"a ping in fragments", masked(9, "x"), nil, "1002"},
		{"a large ping", masked(fin|9, long[:126]), nil, "1002"},
		{"a continuation of nothing", masked(fin, "x"), nil, "1002"},
		{"a message inside another", join(masked(1, "x"), masked(fin|1, "y")), nil, "1002"},
		{"a message over the limit", masked(fin|1, long+long), nil, "1009"},
		{"fragments over the limit", join(masked(1, long), masked(fin, long)), nil, "1009"},
		{"a length of 2^63", []byte{fin | 1, fin | 127, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}, nil, "1009"},
		{"compressed over the limit", packed(strings.Repeat("x", 200_000)), nil, "1009"},
		{"not deflate", masked(fin|rsv1|1, "\xff\xff\xff"), nil, "1007"},
	} {
		for _, size := range []int{1, 2, 3, 7, 100, 4096, 1 << 20} {
			got, end := readAll(c.wire, size, 100_000, true)
			if fmt.Sprint(got) != fmt.Sprint(c.want) || end != c.end {
				t.Errorf("%s, %d bytes at a time: read %.200q and ended with %s, want %.200q and %s", c.name, size, got, end, c.want, c.end)
			}
		}
	}
}

func TestCloseFrames(t *testing.T) {
	for payload, want := range map[string]string{
		"": "1005", "\x03": "1002", "\x03\xe8": "1000", "\x03\xe9bye": "1001", "\x03\xe7": "1002", "\x03\xed": "1002",
		"\x0b\xb8": "3000", "\x13\x88": "1002", "\x03\xe8\xff": "1007",
	} {
		err := closed([]byte(payload))
		got := ""
		if c := (*websocket.CloseError)(nil); errors.As(err, &c) {
			got = fmt.Sprint(c.Code)
		} else if v := (*violation)(nil); errors.As(err, &v) {
			got = fmt.Sprint(v.code)
		}
		if got != want {
			t.Errorf("close frame %q is read as %s, want %s", payload, got, want)
		}
	}
}

// What gorilla reads behind the header of an answer is not lost.
func TestHandshakeLeavesTheRest(t *testing.T) {
	const header, rest = "HTTP/1.1 101 x\r\nA: \r\r\n\r\n", "frames"
	for size := 1; size <= len(header+rest); size++ {
		h := &handshake{Conn: &pieces{text: []byte(header + rest), size: size}}
		var got []byte
		room := make([]byte, 100)
		for len(got) < len(header) {
			n, err := h.Read(room)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, room[:n]...)
		}
		behind, _ := io.ReadAll(h.Conn)
		if string(got) != header || string(h.ahead)+string(behind) != rest {
			t.Errorf("%d bytes at a time: gorilla gets %q, what is left is %q", size, got, string(h.ahead)+string(behind))
		}
	}
}

// late has nothing more after its text until the deadline.
type late struct{ pieces }

func (l *late) Read(b []byte) (int, error) {
	n, err := l.pieces.Read(b)
	if err == io.EOF {
		err = os.ErrDeadlineExceeded
	}
	return n, err
}

func TestSlowMessage(t *testing.T) {
	frame := masked(fin|1, strings.Repeat("x", 60_000))
	for size, want := range map[int]string{20_000: "a message of more than 16384 bytes has to be complete within 30s", 100: os.ErrDeadlineExceeded.Error()} {
		r := reader{net: &late{pieces{text: frame[:size], size: 4096}}, masked: true, limit: 100_000}
		if _, _, err := r.next(); err == nil || err.Error() != want {
			t.Errorf("%d of %d bytes: %v, want %s", size, len(frame), err, want)
		}
	}
}

// What a connection remembers of names is bounded in bytes.
func TestMemory(t *testing.T) {
	var m memory[string]
	for i := range 10_000 {
		text := fmt.Sprint(i, strings.Repeat("x", 1000))
		m.add(text, name[string]{text, text})
		if n, ok := m.find([]byte(text)); !ok || n.key != text {
			t.Fatalf("name %d is not remembered", i)
		}
		if held := len(m.more) * 3000; held > maxMemory {
			t.Fatalf("%d bytes are held", held)
		}
	}
}

// FuzzReader: whatever comes, in whatever pieces, it is read alike, and in bounds.
func FuzzReader(f *testing.F) {
	f.Add(join(masked(1, "he"), masked(fin|9, "?"), masked(fin, "llo")), 3)
	f.Add(masked(fin|rsv1|1, "\xf2\x48\xcd\xc9\xc9\x07\x00"), 5)
	f.Add([]byte{fin | 1, fin | 127, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4}, 1)
	f.Fuzz(func(t *testing.T, wire []byte, size int) {
		if size < 1 || size > 1<<20 {
			return
		}
		const limit = 2000
		whole, end := readAll(wire, 1<<20, limit, true)
		cut, cutEnd := readAll(wire, size, limit, true)
		if fmt.Sprint(whole) != fmt.Sprint(cut) || end != cutEnd {
			t.Errorf("%x is read as %q %s at once, as %q %s in pieces of %d", wire, whole, end, cut, cutEnd, size)
		}
		for _, m := range whole {
			if len(m) > limit+2 {
				t.Errorf("a message of %d bytes passed the limit", len(m))
			}
		}
	})
}
