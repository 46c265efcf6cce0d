// Package rostertest is for tests of families: a sink that writes down what a family says and checks that it keeps the
// contract.
package rostertest

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"selvage/edge/device"
	"selvage/uplink/mqtt/family"
)

// Sink writes down what a family says, a line for each thing:
//
//	meet ID NAME MODEL                     and, for what the last description of it did not have:
//	  output NAME FORM [OPTIONS]
//	ID CHANNEL = 21.5 °C [@TIME] [(uncertain|bad: REASON)]
//	ID output NAME = on
//	ID there | away WHY
//	gone ID WHY
//	publish TOPIC PAYLOAD
//	doubt KIND
//	keep
type Sink struct {
	t     testing.TB
	lines []string
	good  []float64                // numbers that were read without a doubt
	Met   map[string]family.Device // the last description of each
}

// New returns a sink that fails t where the contract is broken.
func New(t testing.TB) *Sink { return &Sink{t: t, Met: map[string]family.Device{}} }

// Lines returns what was said since it was asked the last time.
func (s *Sink) Lines() []string {
	lines := s.lines
	s.lines = nil
	return lines
}

func (s *Sink) say(format string, args ...any) {
	s.lines = append(s.lines, strings.TrimSpace(fmt.Sprintf(format, args...)))
}

// Meet implements family.Sink.
func (s *Sink) Meet(d family.Device) {
	was := s.Met[d.ID]
	for _, also := range d.Also {
		if old, ok := s.Met[also]; ok {
			was = old
			delete(s.Met, also)
		}
	}
	s.Met[d.ID] = d
	also := ""
	if len(d.Also) > 0 {
		also = " also " + strings.Join(d.Also, " ")
	}
	s.say("meet %s%s %q %q", d.ID, also, d.Name, d.Model)
	for i, o := range d.Outputs {
		if i > 0 && d.Outputs[i-1].Name >= o.Name {
			s.t.Errorf("%s: output %q stands after %q", d.ID, o.Name, d.Outputs[i-1].Name)
		}
		if !slices.ContainsFunc(was.Outputs, func(w family.Output) bool { return w.Name == o.Name }) {
			s.say("output %q %v %v", o.Name, o.Takes.Form, o.Options)
		}
		s.command(d.ID, o)
	}
	for i, c := range d.Channels {
		if i > 0 && d.Channels[i-1].Name >= c.Name {
			s.t.Errorf("%s: channel %q stands after %q", d.ID, c.Name, d.Channels[i-1].Name)
		}
		if c.Name != family.Lane(c.Name) {
			s.t.Errorf("%s: %q is no name of a lane", d.ID, c.Name)
		}
	}
}

// command checks that an output can be commanded with what it takes.
func (s *Sink) command(id string, o family.Output) {
	v := device.Value{Form: o.Takes.Form, Number: o.Takes.Min, Text: "x"}
	if len(o.Options) > 0 {
		v.Text = o.Options[0]
	}
	if p, err := o.Command(v); err != nil || p.Topic == "" || p.Retain || p.QoS != 1 {
		s.t.Errorf("%s: output %q makes %+v of %v, %v", id, o.Name, p, v, err)
	}
}

// Report implements family.Sink.
func (s *Sink) Report(id string, r family.Report) {
	d, ok := s.Met[id]
	if !ok {
		s.t.Errorf("a report of %s, which was not met", id)
	}
	for _, n := range r.Readings {
		s.say("%s %s", id, s.reading(d, n))
	}
	for _, state := range r.States {
		i := slices.IndexFunc(d.Outputs, func(o family.Output) bool { return o.Name == state.Output })
		if i < 0 {
			s.t.Errorf("%s has no output %q", id, state.Output)
			continue
		}
		if _, err := d.Outputs[i].Takes.Fit(state.Value); err != nil {
			s.t.Errorf("%s: output %q: %v", id, state.Output, err)
		}
		s.say("%s output %q = %v", id, state.Output, state.Value)
	}
	switch r.Presence {
	case family.There:
		s.say("%s there", id)
	case family.Away:
		s.say("%s away %s", id, r.Why)
	}
}

func (s *Sink) reading(d family.Device, n device.NamedReading) string {
	r := n.Reading
	i := slices.IndexFunc(d.Channels, func(c device.Channel) bool { return c.Name == n.Channel })
	switch {
	case i < 0:
		s.t.Errorf("%s has no channel %q", d.ID, n.Channel)
	case r.Quality == device.Bad && (r.Reason == "" || len(r.Reason) > 300):
		s.t.Errorf("%s %s: the reason is %q", d.ID, n.Channel, r.Reason)
	case r.Quality == device.Bad:
	case r.Form != d.Channels[i].Form || r.Unit != d.Channels[i].Unit:
		s.t.Errorf("%s %s: %+v is not of its channel %+v", d.ID, n.Channel, r, d.Channels[i])
	case math.IsNaN(r.Value) || math.IsInf(r.Value, 0) || r.Form == device.Text && r.Text == "":
		s.t.Errorf("%s %s: %+v", d.ID, n.Channel, r)
	}
	if r.Quality == device.Good && r.Form == device.Number {
		s.good = append(s.good, r.Value)
	}
	at := ""
	if !r.At.IsZero() {
		at = " @" + r.At.Time().UTC().Format("2006-01-02T15:04:05.999Z")
	}
	if r.Quality == device.Bad {
		return fmt.Sprintf("%s (bad: %s)%s", n.Channel, r.Reason, at)
	}
	shown := r
	shown.At.Wall = 1 // a plain 0 without a time is the zero reading
	line := fmt.Sprintf("%s = %s%s", n.Channel, shown, at)
	if r.Quality == device.Uncertain {
		line += " (uncertain: " + r.Reason + ")"
	}
	return line
}

// Gone implements family.Sink.
func (s *Sink) Gone(id, why string) {
	if _, ok := s.Met[id]; !ok || why == "" {
		s.t.Errorf("%s is gone (%s), and was not met", id, why)
	}
	delete(s.Met, id)
	s.say("gone %s %s", id, why)
}

// Publish implements family.Sink.
func (s *Sink) Publish(p family.Publication) {
	if p.Topic == "" || strings.ContainsAny(p.Topic, "+#\x00") || p.Retain {
		s.t.Errorf("publishes %+v", p)
	}
	s.say("publish %s %s", p.Topic, p.Payload)
}

// Doubt implements family.Sink.
func (s *Sink) Doubt(p family.Problem) {
	if p.Kind == "" || p.Text == "" || len(p.Text) > 500 || p.Remedy == "" {
		s.t.Errorf("doubts %+v", p)
	}
	s.say("doubt %s", p.Kind)
}

// Keep implements family.Sink.
func (s *Sink) Keep() { s.say("keep") }

var _ family.Sink = (*Sink)(nil)
