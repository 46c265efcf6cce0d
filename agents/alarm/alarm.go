// Package alarm watches lanes, and keeps the list of what is out of bounds.
//
//	[agent."/alarms"]
//	kind = "alarm"
//
//	[agent."/alarms".watch.hot]
//	node       = "/device/store"
//	lane       = "temperature"
//	above      = 8.0          # and below = …, either or both
//	hysteresis = 0.5          # it is over at 7.5
//	delay      = "10m"        # an open door is no alarm
//	severity   = "failure"
//	latch      = true         # stays in the list until it is acknowledged
//
//	[agent."/alarms".watch.sensor]
//	node   = "/device/store"
//	lane   = "temperature"
//	stale  = "5m"             # without a good reading for that long
//	change = 3.0              # more than 3 °C, up or down,
//	within = "1m"             # within a minute
//
// Its lanes: active, a map of the alarms there are; state, the worst of those nobody has acknowledged: ok, warning
// or failure; and acknowledge, which takes the name of an alarm, or "*" for all.
//
// An alarm is raised when one of its bounds is crossed for as long as its delay, and is over when none is any more, by
// the hysteresis, which counts for those that were crossed. Then it leaves the list, unless it is latched and nobody has
// acknowledged it yet. A bad reading says nothing about bounds; that none are good is for stale. A text is a good
// reading, and neither above nor below anything. The list is remembered over a restart.
//
// # Alarms of others
//
// An agent may list the alarms of others of its kind, of this host or of another one, with a name before theirs: here
// there are cellar/hot and attic/hot.
//
//	[agent."/alarms"]
//	kind = "alarm"
//	from = { cellar = "/cellar/alarms", attic = "warp://10.0.0.7:9001/alarms" }
//
// While such a host is away, its alarms stay as they were last. To acknowledge one of them here does so there.
//
// # Responders
//
// Somebody can be sent to alarms: a robot, a pump, whoever has a value lane for the name of an alarm.
//
//	[agent."/alarms".responder.robot]
//	node  = "/robot"
//	lane  = "job"             # an alarm's name, such as attic/hot
//	idle  = "none"            # while it is free
//	takes = ["hot"]
//
// A free one is sent to the most urgent alarm that it takes and nobody is at: failures come before warnings, then what
// lasts longest. When that alarm is over it is set free, and only then sent elsewhere. What its lane shows is
// what it does: somebody who was given a job by hand is left alone, and after a restart everybody goes on
// where they are. For that nobody is sent out before all are heard from, or patience is over; who is out of reach for longer
// than patience is counted out. The lane assigned, a map, has who is at which alarm.
package alarm

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"selvage/edge/agent"
	"selvage/edge/device"
)

func init() { agent.Register("alarm", Config{Patience: time.Minute}, setup) }

// Active is an entry of the lane active, under the alarm's name.
type Active struct {
	Text         string    `recon:"text"`     // what is wrong
	Severity     string    `recon:"severity"` // warning or failure
	Since        time.Time `recon:"since"`    // ms since 1970
	Over         bool      `recon:"over"`     // it is latched, and waits for somebody to acknowledge it
	Acknowledged bool      `recon:"acknowledged"`
}

// list is what all alarms of an agent have in common.
type list struct {
	agent  *agent.Agent
	active *agent.MapLane[string, Active]
	state  *agent.ValueLane[string]
	own    map[string]Watch
	from   map[string]*source
	crew   *crew // nil without responders
}

func setup(a *agent.Agent, c Config) error {
	l := &list{
		agent:  a,
		active: agent.Map[string, Active](a, "active").ReadOnly(),
		state:  agent.Value(a, "state", "ok").Transient().ReadOnly(),
		own:    c.Watch,
		from:   map[string]*source{},
	}
	for name, node := range c.From {
		l.from[name] = follow(l, name, node)
	}
	for name := range l.active.All() {
		if _, ok := c.Watch[name]; !ok && l.sourceOf(name) == nil { // it is no longer configured
			l.active.Remove(name)
		}
	}
	if len(c.Responder) > 0 {
		l.crew = muster(l, c)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Watch)) {
		watch(l, name, c.Watch[name])
	}
	agent.Command(a, "acknowledge", func(name string) error {
		if _, ok := l.active.Get(name); !ok && name != "*" {
			return fmt.Errorf("there is no alarm %q", name)
		}
		for n, e := range l.active.All() {
			switch {
			case name != n && name != "*":
			case l.sourceOf(n) != nil:
				if err := l.acknowledge(l.sourceOf(n), n); err != nil {
					return err
				}
			case e.Over:
				l.active.Remove(n)
			default:
				e.Acknowledged = true
				l.active.Set(n, e)
			}
		}
		l.show()
		return nil
	})
	l.show()
	return nil
}

// raise puts an alarm in the list. One that was there, over or not, is raised anew.
func (l *list) raise(name, severity, text string) {
	l.active.Set(name, Active{Text: text, Severity: severity, Since: l.agent.Now().Time().Truncate(time.Millisecond)})
	l.show()
}

// over takes an alarm out of the list, or notes that it is over.
func (l *list) over(name string, latch bool) {
	e, ok := l.active.Get(name)
	switch {
	case !ok || e.Over:
		return
	case latch && !e.Acknowledged:
		e.Over = true
		l.active.Set(name, e)
	default:
		l.active.Remove(name)
	}
	l.show()
}

// show shows what the list comes to.
func (l *list) show() {
	l.crew.look()
	worst := "ok"
	for _, e := range l.active.All() {
		if !e.Acknowledged && worst != "failure" {
			worst = e.Severity
		}
	}
	if worst != l.state.Get() {
		l.state.Set(worst)
	}
}

// bounds are those of a value, as a set.
type bounds uint8

const (
	above bounds = 1 << iota
	below
	change
)

// watcher is the state of one alarm.
type watcher struct {
	Watch
	list   *list
	name   string
	on     bool           // it is in the list and not over
	past   bounds         // crossed, and while it is on, not left behind by the hysteresis since
	known  bool           // there was a good reading since the start
	last   device.Reading // the newest good one that is no text
	heard  time.Time      // when that came, or the watch began; monotonic
	trail  trail
	cancel func() // the end of the delay, nil while none runs
	text   string // what is wrong, while the delay runs
}

func watch(l *list, name string, c Watch) {
	if c.Severity == "" {
		c.Severity = "warning"
	}
	e, ok := l.active.Get(name)
	w := &watcher{Watch: c, list: l, name: name, on: ok && !e.Over, heard: time.Now(), trail: trail{within: c.Within}}
	if w.on {
		w.past = above | below | change // which one it was is not remembered
	}
	agent.Link(l.agent, c.Node, c.Lane, func(r device.Reading) {
		if r.Bad() {
			return
		}
		w.known, w.heard = true, time.Now()
		if r.Form != device.Text { // which is neither above nor below anything
			w.last = r
			w.trail.add(w.heard, r.Value)
		}
		w.look()
	})
	// What only time brings about: staleness, and that a change lies back too far.
	if c.Stale > 0 {
		l.agent.Every(min(c.Stale, max(c.Stale/10, time.Second)), w.look)
	}
	if c.Change > 0 {
		l.agent.Every(max(c.Within/steps, time.Second), w.look)
	}
}

// look compares what is known with the bounds.
func (w *watcher) look() {
	text := w.wrong()
	switch {
	case text == "" && w.on:
		w.on = false
		w.list.over(w.name, w.Latch)
	case text == "" && w.cancel != nil:
		w.cancel()
		w.cancel = nil
	case text != "" && !w.on && w.Delay == 0:
		w.raise(text)
	case text != "" && !w.on && w.cancel == nil:
		w.cancel = w.list.agent.After(w.Delay, func() {
			w.cancel = nil
			w.raise(w.text)
		})
	}
	w.text = text
}

func (w *watcher) raise(text string) {
	w.on = true
	if w.Text != "" {
		text = w.Text + ": " + text
	}
	w.list.raise(w.name, w.Severity, text)
}

// wrong says which bound is crossed, "" if none is.
func (w *watcher) wrong() string {
	now := time.Now()
	what := w.Node + " " + w.Lane
	silent := now.Sub(w.heard)
	if w.Stale > 0 && silent >= w.Stale {
		return fmt.Sprintf("%s has no good reading for %v", what, silent.Round(time.Second))
	}
	if !w.known {
		return w.before()
	}
	if w.last.IsZero() {
		return ""
	}
	moved := w.trail.span(now)
	w.past = w.still(above, func(slack float64) bool { return w.Above != nil && w.last.Value > *w.Above-slack }) |
		w.still(below, func(slack float64) bool { return w.Below != nil && w.last.Value < *w.Below+slack }) |
		w.still(change, func(slack float64) bool { return w.Change > 0 && moved > w.Change-slack })
	switch {
	case w.past&above != 0:
		return fmt.Sprintf("%s is %v, above %g", what, w.last, *w.Above)
	case w.past&below != 0:
		return fmt.Sprintf("%s is %v, below %g", what, w.last, *w.Below)
	case w.past&change != 0:
		return fmt.Sprintf("%s is %v, it has changed by %.4g within %v", what, w.last, moved, w.Within)
	}
	return ""
}

// still returns b if it is crossed. While the alarm is on, a bound that was crossed is so until the hysteresis is
// passed as well.
func (w *watcher) still(b bounds, crossed func(slack float64) bool) bounds {
	slack := 0.0
	if w.on && w.past&b != 0 {
		slack = w.Hysteresis
	}
	if crossed(slack) {
		return b
	}
	return 0
}

// before is what was wrong before a restart, for as long as nothing newer is known.
func (w *watcher) before() string {
	if !w.on {
		return ""
	}
	e, _ := w.list.active.Get(w.name)
	return e.Text
}
