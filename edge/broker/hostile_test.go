package broker

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"selvage/edge/health"
)

// Whatever bytes come by a connection, it ends when they do, and nothing panics.
func FuzzConnection(f *testing.F) {
	join := connectPacket("f", cleanSession)
	for _, after := range [][]byte{
		nil, publishPacket("a/b", 1, 1, []byte("x")), packet(0x35, text("a"), []byte{0, 2}, []byte("x")), subscribePacket(1, 2, "#", "$share/g/+"),
		idPacket(pubrelPart, 2), {0xc0, 0}, {0xe0, 0}, packet(0xa2, []byte{0, 1}, text("#")), {0x30, 0xff, 0xff, 0xff, 0x7f},
		connectPacket("g", cleanSession|hasUser|hasPassword, text("boss"), text("x")),
	} {
		f.Add(slices.Concat(join, after))
		f.Add(after)
	}
	o := Options{Listen: "127.0.0.1:0", Health: health.NewBoard(), Log: slog.New(slog.DiscardHandler), Book: &shelf{}}
	b := New(o)
	if err := b.Start(); err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { b.Stop(f.Context()) })
	f.Fuzz(func(t *testing.T, sent []byte) {
		c := dial(t, b)
		_, _ = c.Write(sent) // fails where the broker has ended the connection
		_ = c.Conn.(*net.TCPConn).CloseWrite()
		c.wantEnd(t, "no more bytes")
		c.Close()
		if n := b.Health.Count("broker.panic"); n > 0 {
			t.Errorf("%d panics", n)
		}
	})
}

// heapBound is what the broker may hold besides the test itself, on a host that has 64 MB in all.
const heapBound = 12 << 20

// heap tells what is held, after garbage has been collected.
func heap(t *testing.T, when string) {
	t.Helper()
	runtime.GC()
	runtime.GC() // what pools hold goes with the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	t.Logf("%-40s %3d MB on the heap, %d goroutines", when, m.HeapAlloc>>20, runtime.NumGoroutine())
	if m.HeapAlloc > heapBound {
		t.Errorf("%s: %d MB are on the heap, want at most %d", when, m.HeapAlloc>>20, heapBound>>20)
	}
}

// echo is a client that sends itself messages, one after another, until stop is called, which returns how long they
// took.
func echo(t *testing.T, b *Broker) (stop func() []time.Duration) {
	t.Helper()
	c := dial(t, b)
	c.join(t, "echo", cleanSession)
	c.send(t, subscribePacket(1, 0, "echo"))
	c.want(t, 0x90)
	var took []time.Duration
	var running sync.WaitGroup
	quit := make(chan struct{})
	running.Go(func() {
		for {
			select {
			case <-quit:
				return
			default:
			}
			began := time.Now()
			if _, err := c.Write(publishPacket("echo", 0, 0, []byte("x"))); err != nil {
				t.Error(err)
				return
			}
			if _, _, err := c.next(); err != nil {
				t.Error(err)
				return
			}
			took = append(took, time.Since(began))
		}
	})
	return func() []time.Duration {
		close(quit)
		running.Wait()
		return took
	}
}

func quickly(t *testing.T, took []time.Duration) {
	t.Helper()
	slices.Sort(took)
	n := len(took)
	t.Logf("meanwhile %d messages of another client: p50 %v, p99 %v, at most %v", n, took[n/2], took[n*99/100], took[n-1])
}

// Clients that send as much as they can leave the broker within its bounds, and the others their messages.
func TestHostileSenders(t *testing.T) {
	b := startKept(t, &shelf{})
	stopEcho := echo(t, b)
	c := dial(t, b)
	c.join(t, "many", cleanSession)
	for i := range 10_000 {
		c.send(t, packet(0x31, text(fmt.Sprint("many/", i)), bytes.Repeat([]byte("x"), 1000)))
	}
	c.ping(t)
	if n := b.Stats().Retained; n != int64(b.Limits.Retained) {
		t.Errorf("of 10,000 messages %d are retained, want %d", n, b.Limits.Retained)
	}
	heap(t, "10,000 retained topics")
	large := bytes.Repeat([]byte("y"), 256<<10)
	for i := range 200 {
		c.send(t, packet(0x33, text(fmt.Sprint("many/", i)), []byte{0, byte(i + 1)}, large))
		c.wantID(t, pubackPart, uint16(i+1))
	}
	if got := b.hook.retained.bytes; got > b.Limits.RetainedBytes {
		t.Errorf("%d bytes are retained, want at most %d", got, b.Limits.RetainedBytes)
	}
	heap(t, "200 retained messages of 256 kB")
	deep := strings.Repeat(`{"a":[`, 100) + strings.Repeat(`]}`, 100)
	s := dial(t, b)
	s.join(t, "deep", cleanSession)
	s.send(t, subscribePacket(1, 1, "deep"))
	s.want(t, 0x90)
	c.send(t, publishPacket("deep", 1, 1, []byte(deep)))
	c.wantID(t, pubackPart, 1)
	if got, _ := s.message(t, 0x32); got != deep {
		t.Errorf("JSON of depth 200 arrives as %q", got)
	}
	quickly(t, stopEcho())
}

// Clients that do not read, a dozen at a time, while 50 MB are published to them.
func TestHostileReaders(t *testing.T) {
	b := start(t, nil)
	stopEcho := echo(t, b)
	var slow []*raw
	for i := range 12 {
		c := dial(t, b)
		c.join(t, fmt.Sprint("slow ", i), byte(i%2)*cleanSession)
		c.send(t, subscribePacket(1, byte(i%3), "flood"))
		c.want(t, 0x90)
		slow = append(slow, c)
	}
	p := dial(t, b)
	p.join(t, "publisher", cleanSession)
	for i := range 200 {
		p.send(t, publishPacket("flood", 1, uint16(i+1), make([]byte, 256<<10)))
		p.wantID(t, pubackPart, uint16(i+1))
		if i%50 == 49 {
			heap(t, fmt.Sprintf("%d MB to 12 who do not read", (i+1)/4))
		}
	}
	for i, c := range slow {
		if i%3 == 0 { // with QoS 1 and 2 it has little to read as long as it acknowledges nothing
			c.wantEnd(t, "one that does not read")
		}
	}
	quickly(t, stopEcho())
}

// Who says that a large packet comes, and does not send it, holds up others that have one for a short time only.
func TestHostileClaims(t *testing.T) {
	b := start(t, nil)
	var all []*raw
	for i := range 20 {
		c := dial(t, b)
		c.join(t, fmt.Sprint("claims ", i), cleanSession)
		c.send(t, append([]byte{0x30, 0xf0, 0xff, 0x3f}, make([]byte, 1000*i)...)) // 1 MB [MQTT 3.1.1, 2.2.3]
		all = append(all, c)
	}
	p := dial(t, b)
	p.join(t, "publisher", cleanSession)
	p.send(t, publishPacket("x", 1, 1, make([]byte, 512<<10)))
	p.wantID(t, pubackPart, 1)
	all[0].wantEnd(t, "a packet that does not come")
}

// Who leaves while it waits for room is behind no more: the others share what it had.
func TestBehindNoMore(t *testing.T) {
	b := start(t, nil)
	slow := dial(t, b)
	slow.join(t, "slow", cleanSession)
	slow.send(t, subscribePacket(1, 0, "x"))
	slow.want(t, 0x90)
	flow := b.hook.flow
	g := flow.writing.take(t.Context(), b.Limits.Writing, nil) // nobody else has room
	p := dial(t, b)
	p.join(t, "publisher", cleanSession)
	p.send(t, publishPacket("x", 0, 0, make([]byte, large)))
	counts(t, b, "it waits for room", func(Stats) bool { return flow.behind.Load() == 1 })
	for range 3 {
		slow.ping(t) // which is written, while what waits is not
	}
	if n := flow.behind.Load(); n != 1 {
		t.Errorf("%d are behind, want the one that waits for room", n)
	}
	slow.Close()
	counts(t, b, "it has left", func(Stats) bool { return flow.behind.Load() == 0 })
	g.release()
}

// Many connections that say no more than CONNECT: as many as may be stay, others are told that there is no room. Of
// those that come again and again with one identifier one stays.
func TestHostileCrowd(t *testing.T) {
	b := start(t, nil)
	stopEcho := echo(t, b)
	for range 200 {
		c := dial(t, b)
		c.join(t, "twin", 0)
	}
	counts(t, b, "200 times one client", func(s Stats) bool { return s.Clients == 2 && s.Sessions == 2 })
	heap(t, "200 times one client")
	answers := map[int]int{}
	for i := range 2000 {
		c, err := net.Dial("tcp", plain(b))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		answer := make([]byte, 4)
		_, _ = c.Write(connectPacket(fmt.Sprint("idle ", i), cleanSession)) // fails where there is no room
		switch _, err := io.ReadFull(c, answer); {
		case err == nil:
			answers[int(answer[3])]++
		case errors.Is(err, io.EOF) || !isLate(err):
			answers[-1]++
		default:
			t.Fatal(err)
		}
	}
	t.Logf("of 2,000 idle connections %d stay, %d are told that there is no room, %d are closed", answers[accepted], answers[unavailable], answers[-1])
	if answers[accepted] != b.Limits.Clients-2 || answers[accepted]+answers[unavailable]+answers[-1] != 2000 || answers[unavailable] == 0 {
		t.Errorf("answers %v", answers)
	}
	heap(t, "2,000 idle connections")
	quickly(t, stopEcho())
}

func isLate(err error) bool {
	var late net.Error
	return errors.As(err, &late) && late.Timeout()
}
