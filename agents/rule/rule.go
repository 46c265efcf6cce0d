// Package rule sends a command when a condition over lanes begins to hold, and another when it ends.
//
//	[agent."/rule/vent"]
//	kind      = "rule"
//	lanes     = { t = "/device/air temperature", h = "/device/air humidity" }
//	when      = "t > 26 and h < 60 for 5m"
//	then      = { send = "/device/vent set", value = true }
//	otherwise = { send = "/device/vent set", value = false }
//
// Its lanes: state, which is true, false or unknown, and why, which says what makes it unknown; and those of its own,
// if it has some. These are value lanes for people and other agents to set, remembered over a restart, of which conditions
// may speak as of any other:
//
//	[agent."/house"]
//	kind = "rule"
//	own  = { mode = "home", guests = 0 }        # selvage set /house mode away
//	when = "mode == 'away' and guests == 0"
//	then = { send = "/device/heater set", value = false }
//
// # Conditions
//
// From the operators that bind least to those that bind most:
//
//	c for 5m               c has held for five minutes without a break; c is all that stands before, up to a parenthesis
//	a or b, a and b        not a
//	<  <=  >  >=  ==  !=   of numbers and of times; texts and conditions are == or !=
//	+  -  *  /             of numbers; of times, and of a time and a number where that makes sense
//
// A lane stands for its newest reading, as a number in the lane's own unit, a condition (true or false) or a text. Numbers are like
// 26.5, times like 500ms, 10s, 5m, 1h30m and 7d, texts stand in quotes. age(t) is the time since the lane's newest
// good reading, or since the rule began; was(t) is the reading before the newest; min, max and abs take numbers or times.
//
// A bad reading makes a lane unknown, and what depends on it: t > 26 or h < 60 holds if h does, whatever t is. While
// a condition is unknown nothing is sent, and a for begins anew.
//
// # What is sent
//
// The commands of then and otherwise are sent when the condition becomes true or false, and for what it is
// when it is first known after a start. A command that cannot be sent is sent again, as long as it still is what
// the condition says.
package rule

import (
	"fmt"
	"strings"
	"time"

	"selvage/edge/agent"
	"selvage/edge/device"
	"selvage/edge/health"
)

func init() { agent.Register("rule", Config{}, setup) }

const (
	retry = 10 * time.Second // until a command that could not be sent is tried again
	pulse = time.Second      // how often a condition with an age in it is looked at
)

// rule is the state of one agent.
type rule struct {
	Config
	agent  *agent.Agent
	names  []string // of the lanes that the condition speaks of
	refs   []string // where they are; "" for its own
	bad    []string // why they are unknown, "" if they are not
	prog   *program
	memory *memory
	state  *agent.ValueLane[string]
	why    *agent.ValueLane[string]
	sent   value  // what the last command was sent for
	failed bool   // the newest could not be
	cancel func() // the next look
}

func setup(a *agent.Agent, c Config) error {
	r := &rule{
		Config: c, agent: a, cancel: func() {},
		state: agent.Value(a, "state", "unknown").Transient().ReadOnly(),
		why:   agent.Value(a, "why", "").Transient().ReadOnly(),
	}
	r.names = c.names()
	var err error
	if r.prog, err = compile(c.When, r.names); err != nil {
		return err
	}
	r.memory = newMemory(r.prog, len(r.names))
	for i, name := range r.names {
		r.refs = append(r.refs, c.Lanes[name])
		r.bad = append(r.bad, device.Reading{}.String())
		r.memory.lanes[i].at = a.Now()
		if first, own := c.Own[name]; own {
			if err := r.own(i, name, first); err != nil {
				return err
			}
			continue
		}
		node, lane, err := reference(c.Lanes[name])
		if err != nil {
			return err
		}
		agent.Link(a, node, lane, func(now device.Reading) {
			r.take(i, now)
			r.look()
		})
	}
	a.OnClose(func() { a.Health().Clear(r.code()) })
	r.look()
	return nil
}

func (r *rule) code() string { return "rule." + string(r.agent.URI()) }

// take notes what a lane holds.
func (r *rule) take(i int, now device.Reading) {
	s := &r.memory.lanes[i]
	if s.now.kind != unknown {
		s.before = s.now
	}
	if now.Bad() {
		s.now, r.bad[i] = value{}, now.String()
		return
	}
	s.at, r.bad[i] = now.At, ""
	if s.at.IsZero() {
		s.at = r.agent.Now()
	}
	switch now.Form {
	case device.Boolean:
		s.now = truth(now.Bool())
	case device.Text:
		s.now = value{kind: text, text: now.Text}
	default:
		s.now = value{kind: number, num: now.Value}
	}
}

// look runs the condition and sends what it comes to.
func (r *rule) look() {
	r.memory.now = r.agent.Now()
	v := r.prog.run(r.memory)
	state, why := "unknown", ""
	if v.kind == boolean {
		state = fmt.Sprint(v.is(true))
	} else {
		why = r.reason()
	}
	show(r.state, state)
	show(r.why, why)

	wake := r.memory.wake
	sooner := func(d time.Duration) {
		if wake == 0 || d < wake {
			wake = d
		}
	}
	if r.prog.ages {
		sooner(pulse)
	}
	if r.failed && v == r.sent { // nothing is to be sent any more
		r.failed = false
		r.agent.Health().Clear(r.code())
	}
	if v.kind == boolean && v != r.sent {
		if r.act(v); r.failed {
			sooner(retry)
		} else {
			r.sent = v
		}
	}
	if r.cancel(); wake > 0 {
		r.cancel = r.agent.After(wake, r.look)
	}
}

func show(l *agent.ValueLane[string], s string) {
	if l.Get() != s {
		l.Set(s)
	}
}

// reason says why the condition is unknown.
func (r *rule) reason() string {
	if r.memory.fault != nil {
		return r.memory.fault.Error()
	}
	var bad []string
	for i, why := range r.bad {
		if why != "" {
			bad = append(bad, fmt.Sprintf("%s (%s): %s", r.names[i], r.refs[i], why))
		}
	}
	return strings.Join(bad, "; ")
}

// act sends the command for what the condition is.
func (r *rule) act(v value) {
	action := r.Otherwise
	if v.is(true) {
		action = r.Then
	}
	var err error
	if action != nil {
		err = action.send(r.agent)
	}
	switch {
	case err != nil:
		r.agent.Health().Raise(health.Condition{
			Code:   r.code(),
			Text:   fmt.Sprintf("%s cannot send: %v", r.agent.URI(), err),
			Remedy: "it is tried again; see what there is with: selvage ls",
		})
	case r.failed:
		r.agent.Health().Clear(r.code())
	}
	r.failed = err != nil
}
