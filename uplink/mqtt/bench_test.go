package mqtt

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"

	paho "github.com/eclipse/paho.mqtt.golang"

	"selvage/uplink"
)

// BenchmarkMosquitto is messages from a client over Mosquitto to 20 twins and their store. At QoS 1
// each is committed before it is acknowledged; the broker sends 20 ahead unless it is told otherwise.
func BenchmarkMosquitto(b *testing.B) {
	for _, c := range []struct {
		name string
		qos  byte
		conf string
	}{{"QoS0", 0, "max_queued_messages 0"}, {"QoS1", 1, "max_queued_messages 0"}, {"QoS1-500-ahead", 1, "max_queued_messages 0\nmax_inflight_messages 500"}} {
		b.Run(c.name, func(b *testing.B) {
			broker := startBroker(b, c.conf, "log_type none", "autosave_interval 0")
			e := newEdge(b, b.TempDir())
			l := e.open("broker", shed(broker.url()))
			e.connected(l)
			from := paho.NewClient(paho.NewClientOptions().AddBroker(broker.url()).SetClientID("from").SetStore(nothing{}))
			if t := from.Connect(); t.Wait() && t.Error() != nil {
				b.Fatal(t.Error())
			}
			defer from.Disconnect(100)
			n := 0
			for b.Loop() {
				if n++; n%100 == 0 { // Mosquitto drops at QoS 0 what it cannot send on
					until(b, "messages", func() bool { return l.In.Load() >= int64(n-400) })
				}
				t := from.Publish(fmt.Sprint("shed/t", n%20), c.qos, false, strconv.Itoa(n))
				if c.qos == 0 {
					t.Wait()
				}
			}
			until(b, "all messages", func() bool { return l.In.Load() >= int64(n) })
			if err := e.store.Flush(b.Context()); err != nil {
				b.Error(err)
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "messages/s")
			b.ReportMetric(float64(n)/float64(max(e.store.Stats().Commits, 1)), "messages/commit")
		})
	}
}

// opened is the last bridge of the kind "mqtt under test".
var opened *bridge

func init() {
	uplink.Register("mqtt under test", Config{}, func(l *uplink.Line, c Config) (uplink.Uplink, error) {
		u, err := open(l, c)
		opened = u.(*bridge)
		return u, err
	})
}

// diskless is a host that says it has saved what it has not.
type diskless struct{ uplink.Host }

func (diskless) Flush(context.Context) error { return nil }

// message is a message without a broker.
type message struct {
	topic   string
	payload []byte
	qos     byte
	acked   func()
}

func (m *message) Duplicate() bool   { return false }
func (m *message) Qos() byte         { return m.qos }
func (m *message) Retained() bool    { return false }
func (m *message) Topic() string     { return m.topic }
func (m *message) MessageID() uint16 { return 1 }
func (m *message) Payload() []byte   { return m.payload }
func (m *message) Ack()              { m.acked() }

// BenchmarkTake is our own part: from paho's call to the end of the twin's turn, and at QoS 1 to the
// acknowledgement, without broker, paho and disk.
func BenchmarkTake(b *testing.B) {
	everything := slices.Sorted(maps.Keys(families))
	tasmota := []byte(`{"Time":"2026-11-22T23:00:00","ENERGY":{"TotalStartTime":"2024-01-01T00:00:00","Total":1234.567,"Yesterday":1.2,"Today":0.7,"Period":3,"Power":105,"ApparentPower":110,"ReactivePower":20,"Factor":0.95,"Voltage":231,"Current":0.477}}`)
	for _, c := range []struct {
		name     string
		payload  []byte
		channel  map[string]Channel
		qos      byte
		discover []string
	}{
		{"text", []byte("21.5"), map[string]Channel{"temperature": {Unit: "Cel"}}, 0, nil},
		{"textBesideFamilies", []byte("21.5"), map[string]Channel{"temperature": {Unit: "Cel"}}, 0, everything},
		{"textQoS1", []byte("21.5"), map[string]Channel{"temperature": {Unit: "Cel"}}, 1, nil},
		{"JSON1", tasmota, map[string]Channel{"power": {Path: pathTo("ENERGY.Power"), Unit: "W"}}, 0, nil},
		{"JSON4", tasmota, map[string]Channel{
			"power": {Path: pathTo("ENERGY.Power"), Unit: "W"}, "energy": {Path: pathTo("ENERGY.Total"), Unit: "kW.h"},
			"voltage": {Path: pathTo("ENERGY.Voltage"), Unit: "V"}, "current": {Path: pathTo("ENERGY.Current"), Unit: "A"},
		}, 0, nil},
	} {
		b.Run(c.name, func(b *testing.B) {
			e := newEdge(b, b.TempDir())
			e.seen = diskless{e.seen}
			s := unconnected(b, e, Config{
				URL: "mqtt://127.0.0.1:1", Discover: c.discover, Map: map[string]Map{"shed/{name}": {Device: "/device/{name}", Channel: c.channel}},
			})
			acked := make(chan struct{}, 1<<20)
			messages := make([]*message, 20)
			for i := range messages {
				messages[i] = &message{topic: fmt.Sprint("shed/t", i), payload: c.payload, qos: c.qos, acked: func() { acked <- struct{}{} }}
				s.take(nil, messages[i])
			}
			b.ReportAllocs()
			n := len(messages)
			for b.Loop() {
				s.take(nil, messages[n%len(messages)])
				n++
			}
			for _, t := range s.bridge.all() {
				done := make(chan struct{})
				if err := t.turns.Do(b.Context(), func() { close(done) }); err != nil {
					b.Fatal(err)
				}
				<-done
			}
			if c.qos > 0 {
				for range n {
					<-acked
				}
			}
			b.StopTimer()
			if lost := e.health.Count("uplink.broker.lost"); lost > 0 {
				b.Errorf("%d of %d messages were lost", lost, n)
			}
		})
	}
}
