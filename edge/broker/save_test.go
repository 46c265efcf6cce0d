package broker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
)

// shelf is a book whose flash can be slow, or full.
type shelf struct {
	mu      sync.Mutex
	kept    map[string][]byte
	saves   int           // entries
	flushes chan struct{} // each Flush takes one; nil for as many as there are
	full    error
}

func (s *shelf) Load() (map[string][]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.kept), s.full
}

func (s *shelf) Save(_ context.Context, changes map[string][]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.full != nil {
		return s.full
	}
	if s.kept == nil {
		s.kept = map[string][]byte{}
	}
	for topic, entry := range changes {
		s.saves++
		if entry == nil {
			delete(s.kept, topic)
		} else {
			s.kept[topic] = bytes.Clone(entry)
		}
	}
	return nil
}

func (s *shelf) Flush(ctx context.Context) error {
	if s.flushes == nil {
		return nil
	}
	select {
	case <-s.flushes:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *shelf) at(topic string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.kept[topic])
}

func (s *shelf) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.saves
}

func startKept(t *testing.T, book *shelf) *Broker {
	t.Helper()
	o := options()
	o.Book = book
	return begin(t, o)
}

// retainedBy returns all that a new client is sent of what is retained.
func retainedBy(t *testing.T, b *Broker) map[string]string {
	t.Helper()
	c := dial(t, b)
	c.join(t, "reader", cleanSession)
	defer c.Close()
	c.send(t, subscribePacket(1, 2, "#"))
	c.want(t, 0x90)
	got := map[string]string{}
	for len(got) < int(b.Stats().Retained) {
		header, body, err := c.next()
		if err != nil {
			t.Fatal(err)
		}
		n := 2 + int(body[0])<<8 + int(body[1])
		rest := body[n:]
		if header&0x06 > 0 {
			rest = rest[2:]
		}
		got[string(body[2:n])] = fmt.Sprint(header>>1&3, " ", string(rest))
	}
	return got
}

// What is retained outlasts the broker, byte for byte, with its QoS.
func TestRetainedKept(t *testing.T) {
	book := &shelf{}
	b := startKept(t, book)
	c := dial(t, b)
	c.join(t, "c", cleanSession)
	binary := string([]byte{0, 1, 0xff, '\n', 0})
	c.send(t, packet(0x31, text("zero"), []byte(binary)), packet(0x33, text("one"), []byte{0, 1}, []byte("1")),
		packet(0x35, text("two/é"), []byte{0, 2}, bytes.Repeat([]byte("x"), 900_000)), packet(0x33, text("gone"), []byte{0, 3}, []byte("x")),
		packet(0x31, text("gone")), packet(0x31, text("zero"), []byte(binary+"!")))
	c.wantID(t, pubackPart, 1)
	c.wantID(t, pubrecPart, 2)
	c.wantID(t, pubackPart, 3)
	c.ping(t)
	want := retainedBy(t, b)
	if len(want) != 3 || want["zero"] != "0 "+binary+"!" || want["one"] != "1 1" || len(want["two/é"]) != 900_002 {
		t.Fatalf("it retains %.100q", want)
	}
	stop(t, b)
	b = startKept(t, book)
	if got := retainedBy(t, b); !maps.Equal(got, want) {
		t.Errorf("after a restart it retains %.100q", got)
	}
	stop(t, b)
	if n := book.count(); n > 6 {
		t.Errorf("%d entries were saved", n)
	}
}

// A retained message with QoS 1 or 2 is acknowledged when it is on flash, one that is not retained at once.
func TestRetainedAcknowledged(t *testing.T) {
	book := &shelf{flushes: make(chan struct{})}
	b := startKept(t, book)
	other := dial(t, b)
	other.join(t, "other", cleanSession)
	c := dial(t, b)
	c.join(t, "c", cleanSession)
	c.send(t, packet(0x33, text("a"), []byte{0, 1}, []byte("1")))
	c.ping(t)
	other.send(t, publishPacket("b", 1, 1, []byte("x")))
	other.wantID(t, pubackPart, 1)
	if n := c.in.Buffered(); n > 0 {
		t.Errorf("%d bytes came before it was on flash", n)
	}
	book.flushes <- struct{}{}
	c.wantID(t, pubackPart, 1)
	if got := book.at("a"); got != "11" {
		t.Errorf("the book has %q", got)
	}
	c.send(t, packet(0x35, text("a"), []byte{0, 2})) // takes it away
	book.flushes <- struct{}{}
	c.wantID(t, pubrecPart, 2)
	if got := book.at("a"); got != "" {
		t.Errorf("the book has %q", got)
	}
	close(book.flushes)
}

// What is published again and has not changed is not written again.
func TestRetainedUnchanged(t *testing.T) {
	book := &shelf{}
	b := startKept(t, book)
	c := dial(t, b)
	c.join(t, "c", cleanSession)
	for i := range uint16(50) {
		c.send(t, packet(0x33, text("a"), []byte{0, byte(i + 1)}, []byte("same")))
		c.wantID(t, pubackPart, i+1)
	}
	if n := book.count(); n != 1 {
		t.Errorf("%d entries were saved, want 1", n)
	}
}

// A house goes on when its flash is full: messages are acknowledged, a condition tells, and what could not be saved is
// when there is room again.
func TestBookFull(t *testing.T) {
	book := &shelf{full: errors.New("no space left")}
	b := startKept(t, book)
	c := dial(t, b)
	c.join(t, "c", cleanSession)
	c.send(t, packet(0x33, text("a"), []byte{0, 1}, []byte("1")))
	c.wantID(t, pubackPart, 1)
	if active := b.Health.Codes(); len(active) != 1 || active[0] != bookCode {
		t.Errorf("conditions %v", active)
	}
	book.mu.Lock()
	book.full = nil
	book.mu.Unlock()
	c.send(t, packet(0x33, text("a"), []byte{0, 2}, []byte("2")))
	c.wantID(t, pubackPart, 2)
	if active := b.Health.Codes(); len(active) != 0 || book.at("a") != "12" {
		t.Errorf("with room again: conditions %v, the book has %q", active, book.at("a"))
	}
}

// As many as may be are saved and loaded again, and none is read that is none.
func TestManyKept(t *testing.T) {
	book := &shelf{}
	b := startKept(t, book)
	n := b.Limits.Retained
	c := dial(t, b)
	c.join(t, "c", cleanSession)
	for i := range n {
		c.send(t, packet(0x31, text(fmt.Sprint("state/", i)), bytes.Repeat([]byte{byte(i)}, 1000)))
	}
	c.ping(t)
	stop(t, b)
	if len(book.kept) != n {
		t.Errorf("%d are saved, want %d", len(book.kept), n)
	}
	book.kept["empty"], book.kept["short"], book.kept["odd"] = nil, []byte("1"), []byte("3x")
	b = startKept(t, book)
	if got := b.Stats().Retained; got != int64(n) {
		t.Errorf("%d are loaded, want %d", got, n)
	}
}
