package mqtt

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"selvage/edge/leaktest"
	"selvage/edge/route"
	"selvage/edge/store"
	"selvage/edge/twin"
	"selvage/uplink"
)

// keepAll has everything kept.
func (e *edge) keepAll() {
	e.store.SetRules(func(route.NodeURI, route.LaneName) (store.Keep, bool) { return store.Keep{}, true })
}

// Every value that a lane had while the broker was away comes, in order and once, over a restart of the host too.
func TestHistoryOut(t *testing.T) {
	leaktest.Check(t)
	b := startBroker(t)
	dir := t.TempDir()
	e := newEdge(t, dir)
	e.keepAll()
	config := Config{URL: b.url(), Publish: map[string]Publish{"all/{name}/{lane}": {Lanes: []string{"/device/*/n"}, History: true}}}
	tw, h := e.plug("count", twin.Options{Info: twin.Info{Driver: "counter"}})
	next := 0
	count := func(n int) {
		t.Helper()
		for range n {
			e.do(h, func() { tw.Report(e.reading("n", float64(next), "")) })
			next++
		}
	}
	count(3) // from before there was a bridge: no news
	if err := e.store.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	l := e.open("broker", config)
	e.connected(l)
	ear := b.listen("all/#")
	count(10)
	until(t, "10 values", func() bool { return len(ear.all()) >= 10 })
	until(t, "their confirmation", func() bool {
		seq, _, err := e.store.Cursor("/uplink/broker")
		return err == nil && seq > 13 && seq == e.store.Last()
	})
	b.stop()
	until(t, "the loss to be noticed", func() bool { return l.Status().State == uplink.Lost })
	count(500)
	e.stop() // and again, with another 500
	e = newEdge(t, dir)
	e.keepAll()
	tw, h = e.plug("count", twin.Options{Info: twin.Info{Driver: "counter"}})
	e.open("broker", config)
	count(500)
	b.start()
	later := b.listen("all/#")
	count(1)
	until(t, "the last value", func() bool {
		return len(later.all()) > 0 && strings.Contains(later.all()[len(later.all())-1], `{"value":1013,`)
	})
	lines := append(ear.all(), later.all()...)
	for i, line := range lines {
		if want := `0 all/count/n {"value":` + strconv.Itoa(i+3) + ","; !strings.HasPrefix(line, want) || !strings.Contains(line, `"time":"20`) {
			t.Fatalf("line %d is %q, want %s", i, line, want)
		}
	}
	if len(lines) != 1011 {
		t.Errorf("%d lines", len(lines))
	}
}

func TestQueueBound(t *testing.T) {
	leaktest.Check(t)
	b := newBroker(t)
	e := newEdge(t, t.TempDir())
	e.keepAll()
	l := e.open("broker", Config{URL: b.url(), Queue: 4000, Publish: map[string]Publish{"all/{name}/{lane}": {Lanes: []string{"/device/*/n"}, History: true}}})
	until(t, "a try to connect", func() bool { return l.Status().LastError != "" })
	tw, h := e.plug("count", twin.Options{Info: twin.Info{Driver: "counter"}})
	const n = 2000
	for i := range n {
		e.do(h, func() { tw.Report(e.reading("n", float64(i), "")) })
		if i%300 == 0 {
			if err := e.store.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := e.store.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.start()
	ear := b.listen("all/#")
	e.connected(l)
	c := e.condition("uplink.broker.queue")
	var dropped int
	if _, err := fmt.Sscanf(c.Text, "uplink broker: %d values", &dropped); err != nil || dropped == 0 || !strings.Contains(c.Text, "4.0 kB") && !strings.Contains(c.Text, "4 kB") {
		t.Fatalf("%v: %s", err, c.Text)
	}
	e.do(h, func() { tw.Report(e.reading("n", n, "")) })
	until(t, "the last value", func() bool {
		all := ear.all()
		return len(all) > 0 && strings.Contains(all[len(all)-1], fmt.Sprintf(`{"value":%d,`, n))
	})
	if got := len(ear.all()); got > n+1-dropped {
		t.Errorf("%d came though %d of %d were dropped", got, dropped, n+1)
	}
}

// A route with a history of lanes of which nothing is kept says so.
func TestNoHistory(t *testing.T) {
	leaktest.Check(t)
	b := startBroker(t)
	e := newEdge(t, t.TempDir())
	e.room("/room/hall")
	e.open("broker", Config{URL: b.url(), Publish: map[string]Publish{"all/{name}/{lane}": {Lanes: []string{"/room/*/target"}, History: true}}})
	if c := e.condition("uplink.broker.history"); !strings.Contains(c.Text, "target of /room/hall") || !strings.Contains(c.Remedy, `[history."/room/hall/target"]`) {
		t.Errorf("%s (%s)", c.Text, c.Remedy)
	}
}
