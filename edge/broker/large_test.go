package broker

import (
	"errors"
	"fmt"
	"sync"
	"testing"
)

// Large messages, one after another, reach everybody who reads, as they were sent.
func TestLargeToMany(t *testing.T) {
	b := start(t, nil)
	const subscribers, messages, size = 10, 6, 300 << 10
	var reading sync.WaitGroup
	for i := range subscribers {
		c := dial(t, b)
		c.join(t, fmt.Sprint("subscriber ", i), cleanSession)
		c.send(t, subscribePacket(1, 0, "x"))
		c.want(t, 0x90)
		reading.Go(func() {
			for n := range messages {
				header, body, err := c.next()
				if err != nil || header != 0x30 || len(body) != 3+size || body[2] != 'x' || body[3] != byte(n) || body[2+size] != byte(n) {
					t.Errorf("subscriber %d: message %d: %#x with %d bytes, %v", i, n, header, len(body), err)
					return
				}
			}
		})
	}
	p := dial(t, b)
	p.join(t, "publisher", cleanSession)
	for n := range messages {
		payload := make([]byte, size)
		payload[0], payload[size-1] = byte(n), byte(n)
		p.send(t, publishPacket("x", 0, 0, payload))
	}
	reading.Wait()
	if n := b.hook.flow.behind.Load(); n != 0 {
		t.Errorf("%d are behind when all has been read", n)
	}
}

// What is retained and waits for room may be overtaken by what is published then: the last to arrive is the newest.
func TestRetainedOvertaken(t *testing.T) {
	b := start(t, nil)
	p, c := dial(t, b), dial(t, b)
	p.join(t, "publisher", cleanSession)
	p.send(t, packet(0x31, text("x"), append([]byte("old"), make([]byte, large)...)))
	p.ping(t)
	room := b.hook.flow.writing
	g := room.take(t.Context(), room.total, nil)
	c.join(t, "subscriber", cleanSession)
	c.send(t, subscribePacket(1, 0, "x"))
	c.want(t, 0x90)
	counts(t, b, "it waits for room", func(Stats) bool {
		room.mu.Lock()
		defer room.mu.Unlock()
		return room.waiting == 1
	})
	p.send(t, packet(0x31, text("x"), []byte("new")))
	p.ping(t)
	g.release()
	var got []string
	for range 3 {
		_, body, err := c.next()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(body[3:6]))
	}
	if got[2] != "new" {
		t.Errorf("it receives %q, want the new one last", got)
	}
}

// A client that reads has room for a burst, however many sessions there are that hold nothing.
func TestQueueBesideMany(t *testing.T) {
	b := start(t, func(l *Limits) { l.Clients, l.Sessions = 1000, 2000 })
	for i := range 1000 {
		b.hook.server.Clients.Add(b.hook.server.NewClient(nil, "tcp", fmt.Sprint("away ", i), false))
	}
	c, p := dial(t, b), dial(t, b)
	c.join(t, "subscriber", cleanSession)
	c.send(t, subscribePacket(1, 1, "x"))
	c.want(t, 0x90)
	p.join(t, "publisher", cleanSession)
	for i := range 50 {
		p.send(t, publishPacket("x", 1, uint16(i+1), []byte("burst")))
		p.wantID(t, pubackPart, uint16(i+1))
	}
	p.ping(t)
	if n := b.Stats().Dropped; n > 0 {
		t.Errorf("%d of 50 messages were dropped", n)
	}
}

// What cannot be retained, nor saved, is not held by its topic either.
func TestRefusedAreNotHeld(t *testing.T) {
	book := &shelf{full: errors.New("no space left on device")}
	b := startKept(t, book)
	p := dial(t, b)
	p.join(t, "publisher", cleanSession)
	for i := range 40 {
		p.send(t, packet(0x31, text(fmt.Sprint("x", i)), []byte("small")))
		p.send(t, packet(0x31, text(fmt.Sprint("x", i)), make([]byte, 1000<<10)))
	}
	p.ping(t)
	heap(t, "40 of 1 MB, most of which were refused")
}
