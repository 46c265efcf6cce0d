package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// mostBesieged is what a host may have whose own broker is attacked, in MB. A third of it is the program's text.
const mostBesieged = 80

// besieged is a host whose broker strangers reach, and whose bridge is at that broker.
type besieged struct {
	*bridged
	conns []net.Conn // of strangers, that stay
}

func newBesieged(t *testing.T) *besieged {
	t.Helper()
	address := freePort(t)
	b := &besieged{bridged: &bridged{mosquitto: &mosquitto{address: address}}}
	b.begin(t, fmt.Sprintf("[broker]\nlisten = %q\n", address))
	t.Cleanup(b.leave)
	return b
}

// stay opens a connection that is there until leave. It is nil where the broker has no room for it.
func (b *besieged) stay(id string, clean bool) net.Conn {
	c, err := connect(b.address, id, clean)
	if err != nil {
		return nil
	}
	b.conns = append(b.conns, c)
	return c
}

func (b *besieged) leave() {
	for _, c := range b.conns {
		c.Close()
	}
	b.conns = nil
}

// join is a client that is let in as soon as there is room: the broker has to notice first that strangers have left.
func (b *besieged) join(t *testing.T, id string) *publisher {
	t.Helper()
	for end := time.Now().Add(patience); ; {
		c, err := connect(b.address, id, true)
		if err == nil {
			t.Cleanup(func() { c.Close() })
			return &publisher{c: c}
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

// deaf are clients that subscribe to everything and read nothing.
func (b *besieged) deaf(t *testing.T, name string, n int, clean bool) {
	t.Helper()
	for i := range n {
		c := b.stay(fmt.Sprint(name, i), clean)
		if c == nil {
			return
		}
		if err := c.(*net.TCPConn).SetReadBuffer(4096); err != nil {
			t.Fatal(err)
		}
		p := packets.NewControlPacket(packets.Subscribe).(*packets.SubscribePacket)
		p.MessageID, p.Topics, p.Qoss = 1, []string{"#"}, []byte{byte(i % 3)}
		_ = p.Write(c) // the broker may have had enough of it
	}
}

// Whatever clients of the embedded broker do, the host's memory has its bound, and another client its messages.
func TestStrangersAtTheBroker(t *testing.T) {
	large := bytes.Repeat([]byte("7"), 256_000)
	junk := rand.NewChaCha8([32]byte{1})
	attacks := []struct {
		name string
		do   func(t *testing.T, b *besieged)
	}{
		{"10,000 retained topics", func(t *testing.T, b *besieged) {
			p := b.join(t, "many")
			for i := range 10_000 {
				p.publish(fmt.Sprint("text/t", i), bytes.Repeat([]byte("1"), 500), 0, true)
			}
			p.publish("other", nil, 1, false)
			p.flush(t, 0)
		}},
		{"200 of 256 kB, retained", func(t *testing.T, b *besieged) {
			p := b.join(t, "large")
			for i := range 200 {
				p.publish(fmt.Sprint("large/", i), large, 1, true)
				p.flush(t, 0)
			}
		}},
		{"depth 200", func(t *testing.T, b *besieged) {
			p := b.join(t, "deep")
			for range 100 {
				p.publish("json/deep", []byte(strings.Repeat(`{"p":[`, 100)+"1"+strings.Repeat("]}", 100)), 1, true)
				p.publish("deep"+strings.Repeat("/x", 31), []byte("x"), 0, true)
			}
			p.flush(t, 0)
		}},
		{"2,000 idle", func(t *testing.T, b *besieged) {
			for i := range 2000 {
				b.stay(fmt.Sprint("idle", i), i%2 == 0)
			}
			b.leave()
		}},
		{"one id", func(t *testing.T, b *besieged) {
			for range 300 {
				b.stay("twin", false)
			}
			b.leave()
		}},
		{"malformed", func(t *testing.T, b *besieged) {
			for i := range 300 {
				c, err := net.Dial("tcp", b.address)
				if i%2 == 0 {
					c, err = connect(b.address, fmt.Sprint("junk", i), true)
				}
				if err != nil {
					continue
				}
				text := make([]byte, 1+rand.N(5000))
				_, _ = junk.Read(text)
				_, _ = c.Write(text)
				c.Close()
			}
		}},
		{"claims of 1 MB", func(t *testing.T, b *besieged) {
			strangers := b.join(t, "behind")
			for i := range 200 {
				if c := b.stay(fmt.Sprint("claim", i), true); c != nil {
					_, _ = c.Write(append([]byte{0x30, 0xf0, 0xff, 0x3f, 0, 1, 'x'}, large[:i*100]...)) // MQTT 3.1.1, 2.2.3
				}
			}
			strangers.publish("large/0", large, 1, false)
			strangers.flush(t, 0)
			b.leave()
		}},
		{"who do not read", func(t *testing.T, b *besieged) {
			b.deaf(t, "deaf", 10, true)
			b.deaf(t, "later", 10, false)
			p := b.join(t, "loud")
			for range 200 {
				p.publish("x", large, 1, false)
				p.flush(t, 0)
			}
			b.leave()
		}},
		{"many who do not read", func(t *testing.T, b *besieged) {
			p := b.join(t, "loud")
			b.deaf(t, "crowd", 200, true)
			for i := range 200 {
				p.publish("x", large[:1000*i], byte(i%2), false)
				p.flush(t, 0)
			}
			b.leave()
		}},
		{"many who publish", func(t *testing.T, b *besieged) {
			var all sync.WaitGroup
			for i := range 20 {
				all.Go(func() {
					p := b.join(t, fmt.Sprint("loud", i))
					for range 20 {
						p.publish(fmt.Sprint("text/loud", i), large, byte(i%2), false)
						p.flush(t, 0)
					}
				})
			}
			all.Wait()
		}},
	}
	t.Setenv("GOMEMLIMIT", "30MiB") // as on a small board
	b := newBesieged(t)
	for _, attack := range attacks {
		stop := b.echo(t)
		attack.do(t, b)
		all := stop()
		if len(all) == 0 {
			t.Fatalf("%s: the other client gets nothing", attack.name)
		}
		t.Logf("%-24s %5.1f MB at most; of %5d messages of another client half within %v, 99 %% within %v",
			attack.name, b.peak(t), len(all), all[len(all)/2].Round(10*time.Microsecond), all[len(all)*99/100].Round(10*time.Microsecond))
	}
	b.within(t, mostBesieged)
}

// echo is a client that sends itself messages until stop is called, which returns how long they took, sorted.
func (b *besieged) echo(t *testing.T) (stop func() []time.Duration) {
	t.Helper()
	c := b.join(t, "echo").c
	p := packets.NewControlPacket(packets.Subscribe).(*packets.SubscribePacket)
	p.MessageID, p.Topics, p.Qoss = 1, []string{"echo"}, []byte{0}
	if err := p.Write(c); err != nil {
		t.Fatal(err)
	}
	if _, err := packets.ReadPacket(c); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var took []time.Duration
	var running sync.WaitGroup
	running.Go(func() {
		m := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
		m.TopicName, m.Payload = "echo", []byte("x")
		for ctx.Err() == nil {
			began := time.Now()
			err := m.Write(c)
			if err == nil {
				_, err = packets.ReadPacket(c)
			}
			if err != nil {
				t.Error(err)
				return
			}
			took = append(took, time.Since(began))
			select {
			case <-time.After(time.Millisecond): // it does no harm itself
			case <-ctx.Done():
			}
		}
	})
	return func() []time.Duration {
		cancel()
		running.Wait()
		c.Close()
		return slices.Sorted(slices.Values(took))
	}
}
