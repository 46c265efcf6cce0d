package sparkplug_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"selvage/edge/device"
	"selvage/uplink/mqtt/family"
	host "selvage/uplink/mqtt/family/sparkplug"
	"selvage/uplink/mqtt/sparkplug"
)

var start = time.UnixMilli(1700000000000)

// sink writes what a family says so that people can read it.
type sink struct {
	lines   []string
	devices map[string]family.Device
	kept    int
	reports func(id string, r family.Report)
	asked   func(node string)
}

func newSink() *sink { return &sink{devices: map[string]family.Device{}} }

func (s *sink) say(format string, args ...any) {
	s.lines = append(s.lines, fmt.Sprintf(format, args...))
}

func (s *sink) Meet(d family.Device) {
	s.devices[d.ID] = d
	line := []string{"meet", d.ID}
	if d.Model != "" {
		line = append(line, "("+d.Model+")")
	}
	for _, c := range d.Channels {
		unit := ""
		if c.Unit != "" {
			unit = "[" + string(c.Unit) + "]"
		}
		line = append(line, c.Name+":"+c.Form.String()+unit)
	}
	for _, o := range d.Outputs {
		line = append(line, ">"+o.Name)
	}
	s.say("%s", strings.Join(line, " "))
}

func (s *sink) Report(id string, r family.Report) {
	if s.reports != nil {
		s.reports(id, r)
		return
	}
	line := "report " + id
	switch r.Presence {
	case family.There:
		line += " there"
	case family.Away:
		line += " away (" + r.Why + ")"
	}
	for _, n := range r.Readings {
		line += fmt.Sprintf(" %s=%v", n.Channel, n.Reading)
		if n.Reading.Quality == device.Uncertain {
			line += "?"
		}
		if !n.Reading.At.IsZero() {
			line += fmt.Sprintf("@%d", n.Reading.At.Time().Sub(start).Milliseconds())
		}
	}
	for _, st := range r.States {
		line += fmt.Sprintf(" >%s=%v", st.Output, st.Value)
	}
	s.say("%s", line)
}

func (s *sink) Gone(id, why string) { s.say("gone %s (%s)", id, why) }

func (s *sink) Publish(p family.Publication) {
	if t, ok := sparkplug.ParseTopic(p.Topic); ok && t.Verb == sparkplug.NCMD {
		if s.asked != nil {
			s.asked(t.Node)
			return
		}
		s.say("ask %s", t.Node)
		return
	}
	s.say("publish %s %s q%d retain=%v", p.Topic, p.Payload, p.QoS, p.Retain)
}

func (s *sink) Doubt(p family.Problem) { s.say("doubt %s: %s", p.Kind, p.Text) }
func (s *sink) Keep()                  { s.kept++ }

func (s *sink) take() []string {
	lines := s.lines
	s.lines = nil
	return lines
}

func (s *sink) expect(t *testing.T, what string, want ...string) {
	t.Helper()
	if got := s.take(); !slices.Equal(got, want) {
		t.Errorf("%s:\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// edge publishes as an edge node does: Plant1/E with a device D.
type edge struct {
	seq   uint8
	bdSeq uint64
	now   time.Time
}

func (e *edge) message(verb sparkplug.Verb, metrics ...sparkplug.Metric) family.Message {
	e.now = e.now.Add(100 * time.Millisecond)
	t := sparkplug.Topic{Group: "Plant1", Verb: verb, Node: "E"}
	p := sparkplug.Payload{Timestamp: sparkplug.Millis(e.now)}
	switch verb {
	case sparkplug.NBIRTH, sparkplug.NDEATH:
		e.seq = 0
		metrics = append([]sparkplug.Metric{{Name: "bdSeq", DataType: sparkplug.Int64, Value: e.bdSeq}}, metrics...)
	case sparkplug.DBIRTH, sparkplug.DDATA, sparkplug.DDEATH:
		t.Device = "D"
	}
	if verb != sparkplug.NDEATH {
		p.HasSeq, p.Seq = true, e.seq
		e.seq++
	}
	for i := range metrics {
		if metrics[i].Timestamp == 0 {
			metrics[i].Timestamp = p.Timestamp
		}
	}
	p.Metrics = metrics
	return family.Message{Topic: t.String(), Payload: p.Encode(), At: e.now}
}

func named(name string, alias uint64, v float64) sparkplug.Metric {
	return sparkplug.Metric{Name: name, HasAlias: true, Alias: alias, DataType: sparkplug.Double, Value: v}
}

func aliased(alias uint64, v float64) sparkplug.Metric { return named("", alias, v) }

// born is a host that knows the node and its device, with metrics a (1) and b (2).
func born(t *testing.T) (family.Family, *sink, *edge) {
	t.Helper()
	h, s, e := host.New(""), newSink(), &edge{now: start, bdSeq: 7}
	h.Take(e.message(sparkplug.NBIRTH, named("v", 9, 230)), s)
	h.Take(e.message(sparkplug.DBIRTH, named("a", 1, 1), named("b", 2, 2)), s)
	s.expect(t, "births",
		"meet sparkplug/Plant1/E v:number", "report sparkplug/Plant1/E there v=230@100",
		"meet sparkplug/Plant1/E/D a:number b:number", "report sparkplug/Plant1/E/D there a=1@200 b=2@200")
	return h, s, e
}

func tick(h family.Family, now time.Time, s *sink) { h.(family.Ticker).Tick(now, s) }

// TestPublished has what Tahu's encoder wrote for a node's life.
func TestPublished(t *testing.T) {
	f, err := os.Open(filepath.Join("..", "..", "..", "..", "..", "shared", "data", "mqtt", "sparkplug_b.jsonl"))
	if os.IsNotExist(err) && os.Getenv("CI") != "true" {
		t.Skip("there are no recorded payloads here: ../shared/data/mqtt/sparkplug_b.jsonl")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h, s := host.New("spBv1.0/Plant1"), newSink()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var row struct{ Topic, Payload string }
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		payload, err := base64.StdEncoding.DecodeString(row.Payload)
		if err != nil {
			t.Fatal(err)
		}
		h.Take(family.Message{Topic: row.Topic, Payload: payload, At: start}, s)
	}
	s.expect(t, "the rows say",
		"meet sparkplug/Plant1/Edge1 supply-voltage:number[V]",
		"report sparkplug/Plant1/Edge1 there supply-voltage=12.5 V@0",
		"meet sparkplug/Plant1/Edge1/Pump1 count:number inputs-run:boolean inputs-temp:number serial:text",
		"report sparkplug/Plant1/Edge1/Pump1 there inputs-temp=23.25@1 inputs-run=on@1 count=4000000000@1 serial=A-1@1",
		"report sparkplug/Plant1/Edge1/Pump1 inputs-temp=23.5@1000",
		"report sparkplug/Plant1/Edge1 away (the edge node's connection has ended)",
		"report sparkplug/Plant1/Edge1/Pump1 away (the edge node's connection has ended)")
	if s.kept != 2 {
		t.Errorf("%d births were kept, want 2", s.kept)
	}
}

func TestFilters(t *testing.T) {
	for base, want := range map[string]string{
		"": "spBv1.0/#", "spBv1.0": "spBv1.0/#", "spBv1.0/Plant1": "spBv1.0/Plant1/#", "Plant1": "spBv1.0/Plant1/#", "spBv1.0/Plant1/": "spBv1.0/Plant1/#",
	} {
		if got := host.New(base).Filters(); !slices.Equal(got, []string{want}) {
			t.Errorf("New(%q).Filters() = %v, want %s", base, got, want)
		}
	}
}

// TestOrder has messages that come as they were not sent.
func TestOrder(t *testing.T) {
	h, s, e := born(t)
	first, second, third := e.message(sparkplug.DDATA, aliased(1, 10)), e.message(sparkplug.DDATA, aliased(2, 20)), e.message(sparkplug.NDATA, aliased(9, 231))
	h.Take(third, s)
	h.Take(second, s)
	s.expect(t, "two that are too early")
	h.Take(first, s)
	s.expect(t, "the one before them",
		"report sparkplug/Plant1/E/D a=10@300", "report sparkplug/Plant1/E/D b=20@400", "report sparkplug/Plant1/E v=231@500")
	h.Take(second, s)
	h.Take(third, s)
	s.expect(t, "duplicates")
	tick(h, e.now.Add(time.Minute), s)
	s.expect(t, "a minute later")
}

// TestGap loses from 1 to 255 messages in a row; 256 cannot be told from none.
func TestGap(t *testing.T) {
	for lost := 1; lost < 256; lost++ {
		h, s, e := born(t)
		h.Take(e.message(sparkplug.DDATA, aliased(1, 10)), s)
		for range lost {
			e.message(sparkplug.DDATA, aliased(1, 11))
		}
		s.take()
		h.Take(e.message(sparkplug.DDATA, aliased(2, 20)), s)
		s.expect(t, "before the time is over")
		tick(h, e.now.Add(1900*time.Millisecond), s)
		s.expect(t, "shortly before the time is over")
		tick(h, e.now.Add(2*time.Second), s)
		got := s.take()
		if len(got) != 2 || got[1] != "ask E" || !strings.HasSuffix(strings.TrimSuffix(got[0], fmt.Sprintf("@%d", e.now.Sub(start).Milliseconds())), " b=20?") {
			t.Fatalf("%d messages were lost: %v", lost, got)
		}
		h.Take(e.message(sparkplug.NBIRTH, named("v", 9, 230)), s)
		h.Take(e.message(sparkplug.DBIRTH, named("a", 2, 1), named("b", 1, 2)), s)
		s.take()
		h.Take(e.message(sparkplug.DDATA, aliased(1, 21)), s)
		s.expect(t, "with aliases that have changed", fmt.Sprintf("report sparkplug/Plant1/E/D b=21@%d", e.now.Sub(start).Milliseconds()))
	}
}

// TestStories are what else happens to nodes, each from its births on.
func TestStories(t *testing.T) {
	type step struct {
		do   func(h family.Family, s *sink, e *edge)
		want []string
	}
	take := func(verb sparkplug.Verb, metrics ...sparkplug.Metric) func(family.Family, *sink, *edge) {
		return func(h family.Family, s *sink, e *edge) { h.Take(e.message(verb, metrics...), s) }
	}
	lose := func(h family.Family, s *sink, e *edge) { h.(family.Loser).Lost(e.now, s) }
	connect := func(h family.Family, s *sink, e *edge) { h.(family.Connecter).Connected(e.now, s) }
	wait := func(d time.Duration) func(family.Family, *sink, *edge) {
		return func(h family.Family, s *sink, e *edge) {
			for end := e.now.Add(d); e.now.Before(end); tick(h, e.now, s) {
				e.now = e.now.Add(time.Second)
			}
		}
	}
	session := func(bdSeq uint64) func(family.Family, *sink, *edge) {
		return func(_ family.Family, _ *sink, e *edge) { e.bdSeq = bdSeq }
	}
	with := func(m sparkplug.Metric, change func(*sparkplug.Metric)) sparkplug.Metric { change(&m); return m }
	quality := func(q uint32) sparkplug.Metric {
		return with(aliased(1, 5), func(m *sparkplug.Metric) {
			m.Properties = sparkplug.Properties{{Name: "Quality", DataType: sparkplug.Int32, Value: q}}
		})
	}
	for name, steps := range map[string][]step{
		"death of the session before": {
			{session(6), nil}, {take(sparkplug.NDEATH), nil},
			{session(8), nil}, {take(sparkplug.NDEATH), nil},
			{session(7), nil}, {take(sparkplug.NDEATH), []string{
				"report sparkplug/Plant1/E away (the edge node's connection has ended)", "report sparkplug/Plant1/E/D away (the edge node's connection has ended)"}},
			{take(sparkplug.NDEATH), nil},
			{session(8), nil}, {take(sparkplug.NBIRTH), []string{"meet sparkplug/Plant1/E", "report sparkplug/Plant1/E there"}},
			{session(7), nil}, {take(sparkplug.NDEATH), nil},
		},
		"death and rebirth of a device": {
			{take(sparkplug.DDEATH), []string{"report sparkplug/Plant1/E/D away (the edge node does not reach it)"}},
			{take(sparkplug.DDATA, aliased(1, 5)), []string{"ask E"}},
			{take(sparkplug.DBIRTH, named("a", 1, 6)), []string{"meet sparkplug/Plant1/E/D a:number", "report sparkplug/Plant1/E/D there a=6@500"}},
			{take(sparkplug.DDATA, aliased(1, 7)), []string{"report sparkplug/Plant1/E/D a=7@600"}},
		},
		"a device that is not born again": {
			{take(sparkplug.NBIRTH), []string{"meet sparkplug/Plant1/E", "report sparkplug/Plant1/E there"}},
			{wait(9 * time.Second), nil},
			{wait(time.Second), []string{"report sparkplug/Plant1/E/D away (the edge node was born again without it)"}},
			{wait(time.Minute), nil},
		},
		"unknown alias": {
			{take(sparkplug.DDATA, aliased(3, 5), aliased(1, 6)), []string{"report sparkplug/Plant1/E/D a=6@300", "ask E"}},
			{take(sparkplug.DDATA, aliased(3, 5)), nil}, // once in ten seconds
			{wait(9 * time.Second), nil},
			{wait(time.Second), []string{"ask E"}},
			{wait(19 * time.Second), nil},
			{wait(time.Second), []string{"ask E"}},
		},
		"an alias of another device": {
			{take(sparkplug.NDATA, aliased(1, 5)), []string{"ask E"}},
		},
		"a name with the alias of another": {
			{take(sparkplug.DDATA, named("a", 2, 5)), []string{"ask E"}},
		},
		"another type than at birth": {
			{take(sparkplug.DDATA, with(aliased(1, 0), func(m *sparkplug.Metric) { m.DataType, m.Value = sparkplug.Boolean, true })), []string{"ask E"}},
		},
		"a value that is none of its type": {
			{take(sparkplug.DDATA, with(aliased(1, 0), func(m *sparkplug.Metric) { m.Value = "x" })), []string{"report sparkplug/Plant1/E/D a=a: its value is none of type Double@300"}},
		},
		"historical values": {
			{take(sparkplug.DDATA, with(aliased(1, 5), func(m *sparkplug.Metric) { m.IsHistorical, m.Timestamp = true, sparkplug.Millis(start)-60_000 }), aliased(1, 6)),
				[]string{"report sparkplug/Plant1/E/D a=5@-60000 a=6@300"}},
			{take(sparkplug.DDATA, with(aliased(1, 5), func(m *sparkplug.Metric) { m.IsHistorical, m.Timestamp = true, 5 })),
				[]string{"doubt time: what came on spBv1.0/Plant1/DDATA/E/D as historical has no time since 2001, and was left out"}},
			{take(sparkplug.DDEATH), []string{"report sparkplug/Plant1/E/D away (the edge node does not reach it)"}},
			{take(sparkplug.DDATA, with(aliased(1, 5), func(m *sparkplug.Metric) { m.IsHistorical, m.Timestamp = true, sparkplug.Millis(start)-60_000 }), aliased(1, 6)),
				[]string{"report sparkplug/Plant1/E/D away (it has not been born; what it says is of the past) a=5?@-60000", "ask E"}},
		},
		"a clock that was never set": {
			{take(sparkplug.DDATA, with(aliased(1, 5), func(m *sparkplug.Metric) { m.Timestamp = 70_000 })), []string{"report sparkplug/Plant1/E/D a=5"}},
		},
		"null": {
			{take(sparkplug.DDATA, with(aliased(1, 5), func(m *sparkplug.Metric) { m.IsNull, m.Value = true, nil })),
				[]string{"report sparkplug/Plant1/E/D a=a: the edge node has no value for it (null)@300"}},
			{take(sparkplug.DBIRTH, with(named("a", 1, 0), func(m *sparkplug.Metric) { m.IsNull, m.Value = true, nil })),
				[]string{"meet sparkplug/Plant1/E/D a:number", "report sparkplug/Plant1/E/D there"}},
		},
		"quality": {
			{take(sparkplug.DDATA, quality(192)), []string{"report sparkplug/Plant1/E/D a=5@300"}},
			{take(sparkplug.DDATA, quality(0)), []string{"report sparkplug/Plant1/E/D a=a: the edge node says that its quality is bad (0)@400"}},
			{take(sparkplug.DDATA, quality(500)), []string{"report sparkplug/Plant1/E/D a=5?@500"}},
			{take(sparkplug.DDATA, quality(64)), []string{"report sparkplug/Plant1/E/D a=5?@600"}},
		},
		"the connection is lost": {
			{lose, nil},
			{connect, []string{"ask E"}},
			{take(sparkplug.DDATA, aliased(1, 5), sparkplug.Metric{Name: "b", Value: 6.0}), []string{"report sparkplug/Plant1/E/D a=5?@300 b=6@300"}},
			{take(sparkplug.NBIRTH), []string{"meet sparkplug/Plant1/E", "report sparkplug/Plant1/E there"}},
			{take(sparkplug.DBIRTH, named("a", 1, 6)), []string{"meet sparkplug/Plant1/E/D a:number", "report sparkplug/Plant1/E/D there a=6@500"}},
			{take(sparkplug.DDATA, aliased(1, 5)), []string{"report sparkplug/Plant1/E/D a=5@600"}},
		},
		"nothing is heard any more after that": {
			{lose, nil},
			{connect, []string{"ask E"}},
			{wait(time.Hour), []string{"ask E", "ask E",
				"report sparkplug/Plant1/E away (the edge node has said nothing since the broker was connected, and was asked to)",
				"report sparkplug/Plant1/E/D away (the edge node has said nothing since the broker was connected, and was asked to)"}},
		},
		"a death while it is not known what was missed": {
			{lose, nil},
			{session(6), nil}, {take(sparkplug.NDEATH), nil},
			{session(9), nil}, {take(sparkplug.NDEATH), []string{
				"report sparkplug/Plant1/E away (the edge node's connection has ended)", "report sparkplug/Plant1/E/D away (the edge node's connection has ended)"}},
		},
		"births that are sent twice": {
			{func(h family.Family, s *sink, e *edge) {
				m := e.message(sparkplug.NBIRTH, named("v", 9, 1))
				h.Take(m, s)
				h.Take(e.message(sparkplug.DBIRTH, named("a", 1, 1)), s)
				s.take()
				h.Take(m, s)
				h.Take(e.message(sparkplug.DDATA, aliased(1, 3)), s)
			}, []string{"report sparkplug/Plant1/E/D a=3@500"}},
		},
		"the birth of a device overtakes that of its node": {
			{take(sparkplug.NDATA, aliased(9, 0)), []string{"report sparkplug/Plant1/E v=0@300"}},
			{func(h family.Family, s *sink, e *edge) {
				n, d, data := e.message(sparkplug.NBIRTH, named("v", 9, 1)), e.message(sparkplug.DBIRTH, named("a", 4, 1)), e.message(sparkplug.DDATA, aliased(4, 3))
				h.Take(data, s)
				h.Take(d, s)
				h.Take(n, s)
			}, []string{"meet sparkplug/Plant1/E v:number", "report sparkplug/Plant1/E there v=1@400",
				"meet sparkplug/Plant1/E/D a:number", "report sparkplug/Plant1/E/D there a=1@500", "report sparkplug/Plant1/E/D a=3@600"}},
		},
		"no protobuf": {
			{func(h family.Family, s *sink, e *edge) {
				h.Take(family.Message{Topic: "spBv1.0/Plant1/DDATA/E/D", Payload: []byte("21.5"), At: e.now}, s)
			}, []string{"doubt payload: what came on spBv1.0/Plant1/DDATA/E/D is no Sparkplug payload: it is cut off, or no protobuf"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h, s, e := born(t)
			for i, step := range steps {
				step.do(h, s, e)
				s.expect(t, fmt.Sprintf("step %d", i+1), step.want...)
			}
		})
	}
}

// TestRestart gives a host what another has kept, in the order of topics.
func TestRestart(t *testing.T) {
	e := &edge{now: start}
	n, d := e.message(sparkplug.NBIRTH, named("v", 9, 230)), e.message(sparkplug.DBIRTH, named("a", 1, 1))
	h, s := host.New(""), newSink()
	for _, m := range []family.Message{d, n} {
		m.Retained, m.Replayed = true, true
		h.Take(m, s)
	}
	s.expect(t, "what was kept", "meet sparkplug/Plant1/E/D a:number", "meet sparkplug/Plant1/E v:number")
	h.(family.Connecter).Connected(e.now, s)
	s.expect(t, "connected", "ask E")
	h.Take(e.message(sparkplug.DDATA, aliased(1, 5)), s)
	s.expect(t, "data", "report sparkplug/Plant1/E/D a=5?@300")
	h.Take(e.message(sparkplug.NDEATH), s)
	s.expect(t, "its death",
		"report sparkplug/Plant1/E away (the edge node's connection has ended)", "report sparkplug/Plant1/E/D away (the edge node's connection has ended)")
}

// TestManyNodes asks a thousand of them after a restart, not all at once.
func TestManyNodes(t *testing.T) {
	h, s := host.New(""), newSink()
	for i := range 1000 {
		m := (&edge{now: start}).message(sparkplug.NBIRTH)
		m.Topic, m.Replayed = fmt.Sprintf("spBv1.0/G/NBIRTH/%d", i), true
		h.Take(m, s)
	}
	asked := map[string]int{}
	most := 0
	s.asked = func(node string) { asked[node]++; most++ }
	h.(family.Connecter).Connected(start, s)
	for i := range 600 {
		if most > 20 {
			t.Fatalf("%d were asked within a second", most)
		}
		most = 0
		tick(h, start.Add(time.Duration(i+1)*time.Second), s)
		if i == 50 && len(asked) != 1000 {
			t.Errorf("within 50 s %d were asked", len(asked))
		}
	}
	for node, times := range asked {
		if times != 3 {
			t.Fatalf("%s, which is not there, was asked %d times", node, times)
		}
	}
}

func TestTooMuch(t *testing.T) {
	h, s, e := host.New(""), newSink(), &edge{now: start}
	m := e.message(sparkplug.NBIRTH)
	for i := range 2001 {
		m.Topic = fmt.Sprintf("spBv1.0/G/NBIRTH/%d", i)
		h.Take(m, s)
	}
	if lines := s.take(); len(lines) != 4001 || !strings.HasPrefix(lines[4000], "doubt nodes: there are 2000 edge nodes") {
		t.Errorf("2001 nodes: %s", lines[len(lines)-1])
	}
	h = host.New("")
	for i := range 25 {
		m.Topic = fmt.Sprintf("spBv1.0/G/NBIRTH/%d", i)
		var all []sparkplug.Metric
		for j := range 4999 {
			all = append(all, named(fmt.Sprint(j), uint64(j), 1))
		}
		m.Payload = sparkplug.Payload{HasSeq: true, Metrics: all}.Encode()
		s.reports = func(string, family.Report) {}
		h.Take(m, s)
	}
	if n := len(s.devices["sparkplug/G/19"].Channels); n != 4999 || !strings.HasPrefix(s.lines[len(s.lines)-1], "doubt devices") {
		t.Errorf("node 19 has %d channels, and the last line is %s", n, s.lines[len(s.lines)-1])
	}
}

// TestDescription has the metrics of births that are not plain numbers.
func TestDescription(t *testing.T) {
	property := func(name string, of sparkplug.DataType, v any) sparkplug.Properties {
		return sparkplug.Properties{{Name: name, DataType: of, Value: v}}
	}
	motor := &sparkplug.Template{Ref: "Motor", Metrics: []sparkplug.Metric{
		{Name: "Speed", DataType: sparkplug.Float, Value: float32(12.1), Properties: property("engUnit", sparkplug.String, "rpm")},
		{Name: "Run", DataType: sparkplug.Boolean, Value: true},
	}}
	h, s, e := host.New(""), newSink(), &edge{now: start}
	h.Take(e.message(sparkplug.NBIRTH,
		sparkplug.Metric{Name: "Node Control/Rebirth", DataType: sparkplug.Boolean, Value: false},
		sparkplug.Metric{Name: "Node Control/Reboot", DataType: sparkplug.Boolean, Value: false},
		sparkplug.Metric{Name: "Properties/Hardware Make", DataType: sparkplug.String, Value: "Raspberry"},
		sparkplug.Metric{Name: "Properties/Hardware Model", DataType: sparkplug.String, Value: "Pi 3 Model B"},
		sparkplug.Metric{Name: "Motor", DataType: sparkplug.TemplateType, Value: &sparkplug.Template{IsDefinition: true, Metrics: motor.Metrics}},
		sparkplug.Metric{Name: "Line/Motor", HasAlias: true, Alias: 4, DataType: sparkplug.TemplateType, Value: motor},
		sparkplug.Metric{Name: "Table", DataType: sparkplug.DataSetType, Value: &sparkplug.DataSet{}},
		sparkplug.Metric{Name: "Blob", DataType: sparkplug.Bytes, Value: []byte{1}},
		sparkplug.Metric{Name: "Since", DataType: sparkplug.DateTime, Value: uint64(1700000000000)},
		sparkplug.Metric{Name: "a b", DataType: sparkplug.Int8, Value: uint32(0xFB), Properties: property("engUnit", sparkplug.String, "°C")},
		sparkplug.Metric{Name: "A/B", DataType: sparkplug.UInt64, Value: uint64(7)},
		sparkplug.Metric{Name: "\xff", DataType: sparkplug.Int8, Value: uint32(1)},
		sparkplug.Metric{Name: "Outputs/LED", HasAlias: true, Alias: 5, DataType: sparkplug.Boolean, Value: true},
		sparkplug.Metric{Name: "Outputs/Fixed", DataType: sparkplug.Boolean, Value: true, Properties: property("readOnly", sparkplug.Boolean, true)},
		sparkplug.Metric{Name: "Level", HasAlias: true, Alias: 6, DataType: sparkplug.Int16, Value: uint32(3), Properties: property("readOnly", sparkplug.Boolean, false)},
		sparkplug.Metric{Name: "Mode", DataType: sparkplug.String, Value: "auto", Properties: property("writable", sparkplug.Boolean, true)},
	), s)
	s.expect(t, "birth",
		"meet sparkplug/Plant1/E (Raspberry Pi 3 Model B) a-b:number a-b-2:number[Cel] level:number line-motor-run:boolean line-motor-speed:number[{rpm}] mode:text"+
			" outputs-fixed:boolean outputs-led:boolean properties-hardware-make:text properties-hardware-model:text since:text >level >mode >outputs-led",
		"report sparkplug/Plant1/E there properties-hardware-make=Raspberry@100 properties-hardware-model=Pi 3 Model B@100 line-motor-speed=12.1 rpm@100 line-motor-run=on@100"+
			" since=2023-11-14T22:13:20Z@100 a-b-2=-5 °C@100 a-b=7@100 outputs-led=on@100 outputs-fixed=on@100 level=3@100 mode=auto@100 >outputs-led=on >level=3 >mode=auto")
	h.Take(e.message(sparkplug.NDATA,
		sparkplug.Metric{HasAlias: true, Alias: 4, Value: &sparkplug.Template{Ref: "Motor", Metrics: []sparkplug.Metric{{Name: "Run", Value: false}}}},
		sparkplug.Metric{HasAlias: true, Alias: 5, Value: false}), s)
	s.expect(t, "data", "report sparkplug/Plant1/E line-motor-run=off@200 outputs-led=off@200 >outputs-led=off")

	outputs := map[string]family.Output{}
	for _, o := range s.devices["sparkplug/Plant1/E"].Outputs {
		outputs[o.Name] = o
	}
	if c := outputs["level"].Takes; c.Min != -32768 || c.Max != 32767 {
		t.Errorf("an Int16 takes %v to %v", c.Min, c.Max)
	}
	command := func(name string, v device.Value, want string) {
		t.Helper()
		p, err := outputs[name].Command(v)
		got := p.Topic
		if err != nil {
			got = err.Error()
		}
		if payload, err := sparkplug.Decode(p.Payload); err == nil && len(payload.Metrics) > 0 {
			m := payload.Metrics[0]
			got += fmt.Sprintf(" %s/%d %s %v @%d seq=%v", m.Name, m.Alias, m.DataType, m.Value, payload.Timestamp, payload.HasSeq)
		}
		if got != want {
			t.Errorf("command of %s: %s, want %s", name, got, want)
		}
	}
	command("outputs-led", device.On(true), "spBv1.0/Plant1/NCMD/E Outputs/LED/5 Boolean true @1700000000200 seq=false")
	command("level", device.Of(-5), "spBv1.0/Plant1/NCMD/E Level/6 Int16 4294967291 @1700000000200 seq=false")
	command("level", device.Of(0.5), "metric Level for spBv1.0/Plant1/NCMD/E: 0.5 is no value of type Int16")
	command("mode", device.Words("hand"), "spBv1.0/Plant1/NCMD/E Mode/0 String hand @1700000000200 seq=false")
	h.(family.Loser).Lost(e.now, s)
	command("outputs-led", device.On(true), "spBv1.0/Plant1/NCMD/E Outputs/LED/0 Boolean true @1700000000200 seq=false")
}

func TestState(t *testing.T) {
	h, s := host.NewHost("Plant1", "scada"), newSink()
	if got := h.Filters(); !slices.Equal(got, []string{"spBv1.0/Plant1/#", "spBv1.0/STATE/scada"}) {
		t.Errorf("Filters() = %v", got)
	}
	will, ok := h.Will(start)
	if want := `{"online":false,"timestamp":1700000000000}`; !ok || string(will.Payload) != want || will.Topic != "spBv1.0/STATE/scada" || will.QoS != 1 || !will.Retain {
		t.Errorf("Will() = %s %s, %v", will.Topic, will.Payload, ok)
	}
	const online = `publish spBv1.0/STATE/scada {"online":true,"timestamp":1700000000000} q1 retain=true`
	h.Connected(start.Add(time.Second), s)
	s.expect(t, "connected", online)
	for i, want := range [][]string{{online}, nil} { // the second within the same second
		h.Take(family.Message{Topic: will.Topic, Payload: will.Payload, At: start.Add(time.Minute)}, s)
		s.expect(t, fmt.Sprint("its own will comes, ", i), want...)
	}
	if _, ok := host.NewHost("", "").Will(start); ok {
		t.Error("a host without a name has a will")
	}
}

// TestOurs has the host read what our own edge node publishes, and command it.
func TestOurs(t *testing.T) {
	h, s := host.New(""), newSink()
	n, err := sparkplug.NewNode("Plant1", "ours", 41)
	if err != nil {
		t.Fatal(err)
	}
	give := func(all []sparkplug.Publication, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range all {
			h.Take(family.Message{Topic: p.Topic, Payload: p.Payload, At: start}, s)
		}
	}
	will := n.Will(start)
	give(n.Born("lamp", []sparkplug.Metric{
		{Name: "power", DataType: sparkplug.Double, Value: 4.5, Properties: sparkplug.Properties{{Name: "engUnit", DataType: sparkplug.String, Value: "W"}}},
		{Name: "on", DataType: sparkplug.Boolean, Value: true, Properties: sparkplug.Properties{{Name: "readOnly", DataType: sparkplug.Boolean, Value: false}}},
	}, start))
	give(n.Connected(start), nil)
	give(n.Data("lamp", []sparkplug.Metric{{Name: "power", Value: 0.5}}, start))
	s.expect(t, "births and data", "meet sparkplug/Plant1/ours", "report sparkplug/Plant1/ours there",
		"meet sparkplug/Plant1/ours/lamp on:boolean power:number[W] >on", "report sparkplug/Plant1/ours/lamp there power=4.5 W@0 on=on@0 >on=on",
		"report sparkplug/Plant1/ours/lamp power=0.5 W@0")
	p, err := s.devices["sparkplug/Plant1/ours/lamp"].Outputs[0].Command(device.On(false))
	if err != nil {
		t.Fatal(err)
	}
	commands, _, err := n.Take(p.Topic, p.Payload, start)
	if err != nil || len(commands) != 1 || commands[0] != (sparkplug.Command{Device: "lamp", Metric: "on", Type: sparkplug.Boolean, Value: false}) {
		t.Errorf("the command arrives as %+v, %v", commands, err)
	}
	give([]sparkplug.Publication{will}, nil)
	s.expect(t, "its will", "report sparkplug/Plant1/ours away (the edge node's connection has ended)", "report sparkplug/Plant1/ours/lamp away (the edge node's connection has ended)")
}
