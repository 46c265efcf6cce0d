package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A broker that is restarted again and again while it passes on what is published: what it has acknowledged is in the
// history, in order, and once. Of QoS 1 the broker itself makes a second message if its acknowledgement did not reach
// the client, which sends again: only such a number may be there twice.
func TestBrokerRestarts(t *testing.T) {
	rounds, traffic := max(kills(t)/5, 1), 500*time.Millisecond
	if rounds > 4 {
		traffic = 5 * time.Second // after less the bridge waits longer and longer before it tries again
	}
	m := newMosquitto(t)
	broker := m.start(t)
	h := folderWith(t, fmt.Sprintf(`[host]
data = "./var"
listen = "127.0.0.1:0"
[history."/device/*/*"]
keep = "1d"
[uplink.restarted]
kind = "mqtt"
url = "mqtt://%s"
client = "bridge"
[uplink.restarted.map."to/{name}"]
device = "/device/{name}"
channel = { n = { } }
`, m.address)).host(t)
	for !strings.Contains(get(t, h, "/uplink/restarted", "status"), "connected") { // before, Mosquitto keeps nothing for it
	}

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	senders := []*sender{
		{address: m.address, id: "one", topic: "to/one", qos: 1, window: 200, pace: linePace},
		{address: m.address, id: "two", topic: "to/two", qos: 2, window: 20, pace: linePace},
	}
	var sending sync.WaitGroup
	for _, s := range senders {
		sending.Go(func() { s.run(ctx) })
	}
	lines := newLiner(t, m.address, "to/lines", 2)
	began := time.Now()
	for range rounds {
		<-time.After(traffic + rand.N(traffic))
		broker.stop(t, syscall.SIGTERM, patience)
		broker = m.start(t)
		broker.err.wait(t, broker, " as bridge ")
	}
	took := time.Since(began)
	stop()
	sent := lines.close(t)
	sending.Wait()

	check := func(device string, n int, again []int) {
		t.Helper()
		lost, doubled, swapped := compare(arrives(t, h, device, n), n, again...)
		t.Logf("%s: %d sent, %d/s, %d sent again; %d lost, %d doubled, %d out of order", device, n, int(float64(n)/took.Seconds()), len(again), lost, doubled, swapped)
		if lost+doubled+swapped > 0 || n == 0 {
			t.Errorf("%s: of %d messages %d were lost, %d doubled, %d out of order", device, n, lost, doubled, swapped)
		}
	}
	for _, s := range senders {
		s.check(t)
		if s.qos == 2 {
			s.again = nil
		}
		check(strings.TrimPrefix(s.topic, "to/"), s.acked, s.again)
	}
	check("lines", sent, nil)
	t.Logf("%d restarts in %v", rounds, took.Round(time.Millisecond))
}
