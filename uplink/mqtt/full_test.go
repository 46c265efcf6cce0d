package mqtt

import (
	"context"
	"errors"
	"strings"
	"testing"

	"selvage/edge/leaktest"
	"selvage/uplink"
)

// unconnected is a session that takes messages from the test, without a broker.
func unconnected(t testing.TB, e *edge, c Config) *session {
	t.Helper()
	c.Devices = 1000
	if _, err := uplink.Open(e.seen, uplink.Spec{Name: "broker", Kind: "mqtt under test", Config: c}); err != nil {
		t.Fatal(err)
	}
	s := newSession(context.Background(), opened)
	if _, err := e.host.Read(t.Context(), "/uplink/broker", "devices"); err != nil { // it is set up
		t.Fatal(err)
	}
	s.parts.Go(func() { s.acks.run(s.ctx) })
	t.Cleanup(func() {
		s.cancel(nil)
		s.parts.Wait()
	})
	return s
}

// A twin whose mailbox is full loses messages of QoS 0, and the others none; with QoS 1 the
// connection ends, so that the broker keeps what was not taken.
func TestFullMailbox(t *testing.T) {
	leaktest.Check(t)
	e := newEdge(t, t.TempDir())
	s := unconnected(t, e, shed("mqtt://127.0.0.1:1"))
	say := func(topic, payload string, qos byte) {
		s.take(nil, &message{topic: topic, payload: []byte(payload), qos: qos, acked: func() {}})
	}
	say("shed/stuck", "1", 0)
	say("shed/well", "1", 0)
	free := make(chan struct{})
	if err := s.bridge.things["/device/stuck"].turns.Do(t.Context(), func() { <-free }); err != nil {
		t.Fatal(err)
	}
	lost := func() int64 { return e.health.Count("uplink.broker.lost") }
	for sent := 0; lost() < 10; sent++ {
		if sent > 100_000 {
			t.Fatal("a mailbox takes a hundred thousand messages")
		}
		say("shed/stuck", "2", 0)
	}
	say("shed/well", "3", 0)
	e.has("/device/well", "temperature", "value:3,")
	say("shed/stuck", "4", 1)
	if err := context.Cause(s.ctx); err == nil || !strings.Contains(err.Error(), "/device/stuck takes no more") {
		t.Errorf("the session ended with %v", err)
	}
	close(free)
	e.has("/device/stuck", "temperature", "value:2,")
}

// Acknowledgements keep the order of arrival, and none comes before the commit after it.
func TestOrderOfAcks(t *testing.T) {
	leaktest.Check(t)
	flushed := make(chan error)
	a := newAcks(func(context.Context) error { return <-flushed }, func(do func()) { do() })
	ctx, cancel := context.WithCancel(t.Context())
	acked := make(chan int, 10)
	ended := make(chan struct{})
	go func() { defer close(ended); a.run(ctx) }()
	var all []*delivery
	for i := range 3 {
		d, err := a.add(ctx, func() { acked <- i }, 10)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, d)
	}
	a.done(all[2])
	a.done(all[0])
	flushed <- nil
	if got := <-acked; got != 0 {
		t.Errorf("%d was acknowledged first", got)
	}
	a.done(all[1])
	flushed <- nil
	if x, y := <-acked, <-acked; x != 1 || y != 2 {
		t.Errorf("then %d and %d", x, y)
	}
	d, _ := a.add(ctx, func() { acked <- 3 }, maxUnacked)
	cancel()
	if _, err := a.add(ctx, nil, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("one too many: %v", err)
	}
	<-ended
	a.done(d)
	if len(acked) > 0 {
		t.Error("acknowledged after the end")
	}
}

// Taking back what was kept makes no twin, and a sensor does not become an output since a plug of
// another mapping could have its name.
func TestFamilies(t *testing.T) {
	leaktest.Check(t)
	e := newEdge(t, t.TempDir())
	s := unconnected(t, e, Config{URL: "mqtt://127.0.0.1:1", QoS: 1, Map: map[string]Map{
		"sensors/{id}":        {Device: "/device/{id}", Channel: map[string]Channel{"temperature": {Unit: "Cel"}}},
		"tele/{plug}/SENSOR":  {Device: "/device/{plug}", Channel: map[string]Channel{"power": {Unit: "W"}}},
		"stat/{plug}/POWER":   {Device: "/device/{plug}", State: &Switched{}, Set: &Set{Topic: "cmnd/{plug}/POWER"}},
		"fixed/desk/humidity": {Device: "/device/shed", Channel: map[string]Channel{"humidity": {Unit: "%"}}},
	}})
	say := func(topic, payload string) {
		s.take(nil, &message{topic: topic, payload: []byte(payload), acked: func() {}})
	}
	say("sensors/ghost", "")
	say("sensors/shed", "21")
	say("tele/desk/SENSOR", "12")
	say("fixed/desk/humidity", "40")
	e.has("/device/shed", "temperature", "value:21")
	e.has("/device/shed", "humidity", "value:40")
	e.has("/device/desk", "power", "value:12")
	if _, ok := e.host.Node("/device/ghost"); ok {
		t.Error("an empty payload made a twin")
	}
	if a, _ := e.host.Node("/device/shed"); a.Lane("set") != nil {
		t.Error("the sensor shed has a lane set")
	}
	if a, _ := e.host.Node("/device/desk"); a.Lane("set") == nil {
		t.Error("the plug desk has no lane set")
	}
}
