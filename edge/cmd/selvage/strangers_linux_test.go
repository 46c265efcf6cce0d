package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// mostMemory is what a host may have at most, whatever a broker sends it, in MB.
const mostMemory = 64

// bridged is a host with a bridge to a Mosquitto without limits. Its twin good is known from the config and has a
// history; there are others for whatever is published.
type bridged struct {
	*mosquitto
	*program
	broker *program
}

func newBridged(t *testing.T) *bridged {
	t.Helper()
	m := newMosquitto(t, "max_inflight_messages 0")
	return &bridged{mosquitto: m, broker: m.start(t)}
}

func (b *bridged) run(t *testing.T) {
	t.Helper()
	b.begin(t, "")
}

// begin starts the host, with more of a config.
func (b *bridged) begin(t *testing.T, more string) {
	t.Helper()
	b.program = folderWith(t, fmt.Sprintf(`[host]
data = "./var"
listen = "127.0.0.1:0"
[history."/device/good/*"]
keep = "1d"
[uplink.broker]
kind = "mqtt"
url = "mqtt://%s"
client = "bridge"
[uplink.broker.map."good"]
device = "/device/good"
channel = { n = { } }
[uplink.broker.map."text/{name}"]
device = "/device/{name}"
channel = { value = { } }
[uplink.broker.map."json/{name}"]
device = "/device/json-{name}"
channel = { value = { path = "p.p" } }
[uplink.broker.map."deep/{name}%s"]
device = "/device/deep-{name}"
channel = { value = { } }
`, b.address, strings.Repeat("/x", 198))+more).host(t)
	b.connected(t)
}

func (b *bridged) connected(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(patience); !strings.Contains(get(t, b.program, "/uplink/broker", "status"), "state:connected"); {
		if time.Now().After(end) {
			t.Fatal("the bridge does not connect")
		}
	}
}

// holds checks that the memory is bounded.
func (b *bridged) holds(t *testing.T) {
	t.Helper()
	b.within(t, mostMemory)
}

// within checks that the host has never had more than most MB.
func (b *bridged) within(t *testing.T, most float64) {
	t.Helper()
	peak := b.peak(t)
	t.Logf("%.1f MB at most", peak)
	if peak > most && !raceEnabled {
		t.Errorf("the host has had %.1f MB, want %.0f at most", peak, most)
	}
}

// What strangers publish is refused by name, and what comes behind it is taken.
func TestStrangersPublish(t *testing.T) {
	junk := rand.NewChaCha8([32]byte{})
	for _, tt := range []struct {
		name    string
		publish func(p *publisher)
		shows   []string // conditions
	}{
		{"10,000 retained topics", func(p *publisher) {
			for i := range 10_000 {
				p.publish(fmt.Sprint("text/t", i), []byte("1"), 1, true)
			}
		}, []string{"uplink.broker.devices"}},
		{"200 of 256 kB", func(p *publisher) {
			text, list := bytes.Repeat([]byte("7"), 256_000), []byte(`{"p":{"p":[`+strings.Repeat("1,", 128_000)+`1]}}`)
			for range 100 {
				p.publish("text/large", text, 1, false)
				p.publish("json/large", list, 1, false)
			}
		}, []string{"large", "json-large"}},
		{"more than 1 MB", func(p *publisher) {
			for qos := range byte(2) {
				for range 10 {
					p.publish("text/larger", make([]byte, 2<<20), qos, false)
				}
			}
		}, []string{"uplink.broker.size", "larger"}},
		{"depth", func(p *publisher) {
			for _, depth := range []int{200, 10_000, 300_000} {
				p.publish("json/list", bytes.Repeat([]byte("["), depth), 1, false)
				p.publish("json/map", bytes.Repeat([]byte(`{"p":`), depth/2), 1, false)
				p.publish("json/whole", []byte(strings.Repeat(`{"p":`, depth/2)+"1"+strings.Repeat("}", depth/2)), 1, false)
			}
		}, []string{"json-list", "json-map", "json-whole"}},
		{"junk", func(p *publisher) {
			for range 1000 {
				b := make([]byte, 1+rand.N(1000))
				_, _ = junk.Read(b)
				p.publish("text/junk", b, 1, false)
				p.publish("json/junk", b, 1, false)
			}
		}, []string{"junk", "json-junk"}},
		{"long topics", func(p *publisher) {
			long := strings.Repeat("x", 65_000)
			for i := range 1000 {
				p.publish(fmt.Sprint("text/", i, long), []byte("1"), 1, false)
			}
		}, []string{"uplink.broker.topics"}},
		{"deep and odd topics", func(p *publisher) {
			for i := range 100 {
				p.publish(fmt.Sprint("deep/", i, strings.Repeat("/x", 198)), []byte("x"), 1, false)
				p.publish(fmt.Sprint("text/\u00e9\U0001f600 %2f?", i), []byte("1"), 1, false)
			}
		}, []string{"deep-0"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBridged(t)
			p := newPublisher(t, b.address, "stranger")
			if strings.Contains(tt.name, "retained") {
				tt.publish(p) // before the bridge is there
				p.flush(t, 0)
				b.run(t)
			} else {
				b.run(t)
				tt.publish(p)
			}
			p.publish("good", []byte("1"), 1, false)
			p.flush(t, 0)
			arrives(t, b.program, "good", 1)
			for _, name := range tt.shows {
				b.program.err.wait(t, b.program, "! "+name+" ")
			}
			b.holds(t)
		})
	}
}

// A flood that nobody can take keeps nothing from another device.
func TestFlood(t *testing.T) {
	b := newBridged(t)
	b.run(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	flood := newPublisher(t, b.address, "flood")
	flood.publish("good", []byte("0"), 1, false)
	flood.flush(t, 0)
	arrives(t, b.program, "good", 0) // there is no lane to follow before
	s := &sender{address: b.address, id: "good", topic: "good", qos: 1, window: 1000, pace: 5 * time.Millisecond}
	delays := b.delays(t, s)
	var sending sync.WaitGroup
	sending.Go(func() { s.run(ctx) })
	sent := 0
	for began := time.Now(); time.Since(began) < 3*time.Second; sent += 100 {
		for i := range 100 {
			flood.publish("text/flood", strconv.AppendInt(nil, int64(sent+i), 10), 0, false)
		}
		flood.flush(t, 0)
	}
	stop()
	sending.Wait()
	s.check(t)
	lost, doubled, swapped := compare(arrives(t, b.program, "good", s.acked), s.acked)
	if lost+doubled+swapped > 0 || s.acked == 0 {
		t.Errorf("of %d messages %d were lost, %d doubled, %d out of order", s.acked, lost, doubled, swapped)
	}
	all := delays()
	t.Logf("beside %d of a flood, %d came, half within %v, 99 %% within %v", sent, s.acked, all[len(all)/2], all[len(all)*99/100])
	b.holds(t)
}

// delays notes how long after its time each of a sender's messages is an event.
func (b *bridged) delays(t *testing.T, s *sender) (sorted func() []time.Duration) {
	t.Helper()
	e := follow(t, b.program, "/device/good", "n")
	all := make(chan []time.Duration)
	end := make(chan struct{})
	go func() {
		var delays []time.Duration
		for {
			select {
			case body := <-e.body:
				_, rest, _ := strings.Cut(body, "value:")
				digits, _, _ := strings.Cut(rest, ",")
				if n, err := strconv.Atoi(digits); err == nil && n > 0 {
					s.mu.Lock()
					delays = append(delays, time.Since(s.began.Add(time.Duration(n)*s.pace)))
					s.mu.Unlock()
				}
			case <-end:
				all <- delays
				return
			}
		}
	}()
	return func() []time.Duration { close(end); return slices.Sorted(slices.Values(<-all)) }
}

// A stranger who takes the bridge's session again and again is named, and nothing is lost but time.
func TestStrangerWithOurID(t *testing.T) {
	b := newBridged(t)
	b.run(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	s := &sender{address: b.address, id: "good", topic: "good", qos: 1, window: 1000, pace: linePace}
	var sending sync.WaitGroup
	sending.Go(func() { s.run(ctx) })
	for round := range 3 {
		<-time.After(time.Second)
		stranger, err := connect(b.address, "bridge", false)
		if err != nil {
			t.Fatal(err)
		}
		for strings.Count(b.broker.err.text(), " as bridge ") < 2*round+3 { // the bridge is back
			select {
			case <-b.broker.err.news:
			case <-time.After(patience):
				t.Fatal("the bridge does not come back")
			}
		}
		stranger.Close()
	}
	stop()
	sending.Wait()
	s.check(t)
	lost, doubled, swapped := compare(arrives(t, b.program, "good", s.acked), s.acked)
	t.Logf("%d messages", s.acked)
	if lost+doubled+swapped > 0 || s.acked == 0 {
		t.Errorf("of %d messages %d were lost, %d doubled, %d out of order", s.acked, lost, doubled, swapped)
	}
	b.program.err.wait(t, b.program, `another client may use the id "bridge"`)
	b.holds(t)
}
