// Package twin is the agent of a device: one shape for all of them, whatever the wire.
//
// A twin has a value lane for each channel of its device, holding the last good reading; status
// and info; for an output the lanes state, desired, set and takes; for a sensor calibrate and calibration.
package twin

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"selvage/edge/agent"
	"selvage/edge/device"
	"selvage/edge/route"
)

// staleAfter is how many intervals without a reading make a device stale.
const staleAfter = 3

// Node returns the node URI of the twin of a device.
func Node(name string) route.NodeURI { return route.NodeURI("/device/" + name) }

// Options say what a twin is the agent of.
type Options struct {
	Node  route.NodeURI
	Info  Info          // what is known of the device before it says more
	Every time.Duration // how often a reading is expected; 0 when it may be silent as long as it likes

	// Set asks the device, if it is an output, for a value; the result comes back as a report. It
	// is called in turns, so it must not wait for the wire.
	Set func(device.Value) error
	// Takes is what an output takes, if that is known before it is opened.
	Takes *device.Channel
	// Choices are the texts that an output takes which takes text; none if it takes any.
	Choices []string

	// Confirm is how long after a command the device has to say that it does what it was told; 0 when it need not.
	Confirm time.Duration

	// Channels are what a sensor measures, if that is known before it is opened, or it never is.
	Channels []device.Channel
	// Adjust is what is known better than the device does about its channels.
	Adjust map[string]device.Adjust
	// Calibrates gives the twin the lanes calibrate and calibration.
	Calibrates bool
	// Changed, unless it is nil, is called in turns when the status is another.
	Changed func()
}

// Twin is the agent of one device.
type Twin struct {
	Options

	// Used in turns only.
	reported device.Reading   // of an output
	wanted   wish             // likewise
	takes    *device.Channel  // likewise; nil while nobody knows
	has      []device.Channel // of a sensor, once it was opened
	met      Info             // who answered when the device was first opened, or before the start
	heard    time.Time        // when the device last gave a good reading, by this process's clock
	expected bool             // who answers next may be another one
	known    Status           // how the device is by what it reported
	away     string           // why it is said to be away, "" when it is not
	unmet    string           // what it was told and does not do, "" when it does
	before   map[string]total // by channel, what was counted before the device was opened

	described bool // the Options are those of Describe

	good atomic.Pointer[device.Reading] // the last that is better known than by the device

	// Made anew by each start; used in turns only.
	agent    *agent.Agent
	channels map[string]*channel
	corrects *agent.MapLane[string, correction] // nil if it cannot be calibrated
	totals   *agent.MapLane[string, total]      // nil for a device that does not count
	status   *agent.ValueLane[Status]
	info     *agent.ValueLane[Info]
	state    *agent.ValueLane[device.Reading]
	desired  *agent.ValueLane[wish]
	taken    *agent.ValueLane[Takes] // nil but for an output
	unwatch  func()                  // stops looking for readings that fail to come; nil when nobody looks
	unwait   func()                  // stops waiting for a command to be confirmed; nil when nobody waits
}

// Lanes are the names of lanes that a twin may have beside those of its channels.
var Lanes = device.TwinLanes

// New makes the twin of a device.
func New(o Options) *Twin { return &Twin{Options: o} }

// Kind returns the twin as a kind of agent, of which there is one. Its config is the Options, those of
// New unless others are given.
func (t *Twin) Kind() agent.Kind { return agent.NewKind("twin", t.Options, t.setup) }

func (t *Twin) setup(a *agent.Agent, o Options) error {
	if t.described {
		o = t.Options
	}
	if o.Info != t.Info {
		t.takes, t.has, t.met = nil, nil, Info{}
	}
	if t.agent, t.Options = a, o; t.takes == nil {
		t.takes = o.Takes
	}
	if len(t.has) == 0 {
		t.has = o.Channels
	}
	t.channels = map[string]*channel{}
	t.status = agent.Value(a, "status", Status{}).ReadOnly()
	t.info = agent.Value(a, "info", t.Info).ReadOnly()
	t.state, t.desired, t.taken, t.corrects, t.totals = nil, nil, nil, nil, nil
	t.unwatch, t.unwait = nil, nil
	t.become()
	for name := range a.Remembered() {
		if name == totalsLane {
			t.keepTotals()
		} else {
			t.channel(string(name))
		}
	}
	t.recallCorrections()
	if len(t.has) > 0 {
		t.checkAdjust()
	}
	a.OnStop(func() {
		if t.Calibrates {
			a.Health().Clear(t.code("adjust"))
			a.Health().Clear(t.code("other"))
		}
	})
	if t.known.State == "" {
		t.begin()
	}
	t.show()
	t.watch()
	return nil
}

// become makes the lanes that an output has, and those of what can be calibrated, if they are not there.
func (t *Twin) become() {
	if t.Set != nil && t.state == nil {
		// Transient: after a start an output is in its safe state until somebody commands it again.
		// A restart of the agent alone is no such start.
		t.state = agent.Value(t.agent, "state", t.reported).Transient().ReadOnly()
		t.desired = agent.Value(t.agent, "desired", t.wanted).Transient().ReadOnly()
		t.taken = agent.Value(t.agent, "takes", t.takesNow()).Transient().ReadOnly()
		agent.Command(t.agent, "set", t.ask)
	}
	if t.Calibrates && t.corrects == nil {
		t.corrects = agent.Map[string, correction](t.agent, "calibration").ReadOnly()
		agent.Command(t.agent, "calibrate", t.calibrate)
	}
}

// begin is how a device is that has not been heard since the host started: its last good readings are
// those that are remembered.
func (t *Twin) begin() {
	t.known = Status{State: Stale, Reason: "nothing heard from it since the host started"}
	now := Status{State: Stale, Reason: t.known.Reason, Since: t.agent.Now().Time(), LastError: t.status.Get().LastError, Tried: t.status.Get().Tried}
	for _, c := range t.channels {
		if r := c.lane.Get(); !r.IsZero() && r.At.Time().After(now.LastGood) {
			now.LastGood = r.At.Time()
		}
	}
	t.status.Set(now)
}

// Report takes in what the device's owner found out. It is called in a turn of the twin.
func (t *Twin) Report(r device.Report) {
	bad := t.take(r)
	switch {
	case r.Err != nil:
		if len(r.Tried) > 0 {
			t.known.Tried = stepsOf(r.Tried)
		}
		t.failed(r.Err)
	case bad != nil:
		t.turn(Faulty, bad.Error())
	case len(r.Readings) > 0 || r.State != nil:
		t.heard = time.Now()
		t.turn(OK, "")
	}
}

// Recall takes in what somebody kept of an earlier report: it says nothing about how the device is
// now. It is called in a turn of the twin.
func (t *Twin) Recall(r device.Report) { t.take(r) }

// take sets the lanes and returns what is bad about the readings.
func (t *Twin) take(r device.Report) (bad error) {
	if r.Opened != nil {
		t.meet(infoOf(r.Opened))
		t.opened(r.Opened.Channels)
		if r.Opened.Takes != nil {
			t.takes = r.Opened.Takes
			t.showTakes()
		}
	}
	if s := r.State; s != nil && t.state != nil {
		t.reported = device.Reading{Value: s.Value.Number, Form: s.Value.Form, At: r.At}
		switch {
		case s.Value.Form == device.Text:
			t.reported.Text = s.Value.Text
		case t.takes != nil:
			t.reported.Unit = t.takes.Unit
		}
		t.state.Set(t.reported)
		if s.Safe {
			t.want(s.Value)
		}
		t.confirm()
	}
	if r.Err != nil {
		return nil
	}
	first := true
	for _, n := range r.Readings {
		if n.Reading.Bad() {
			bad = errors.Join(bad, fmt.Errorf("%s: %s", n.Channel, n.Reading.Reason))
			continue
		}
		c := t.channel(n.Channel)
		if now := c.judged(t.counted(n.Channel, n.Reading)); now.Bad() {
			bad = errors.Join(bad, fmt.Errorf("%s: %s", n.Channel, now.Reason))
		} else {
			if first && now.Quality == device.Good {
				t.remember(c, now)
				first = false
			}
			t.set(c.lane, now, r.At)
		}
	}
	return bad
}

// Away takes in that the device is said to be away, by its will for one. It is lost, whatever is
// still heard of it, until Back. It is called in a turn of the twin.
func (t *Twin) Away(reason string) {
	t.away = reason
	t.show()
}

// Back takes in that the device is not away: it is as its reports say. It is called in a turn of the twin.
func (t *Twin) Back() {
	t.away = ""
	t.show()
}

// Status returns how the device is. It is called in a turn of the twin.
func (t *Twin) Status() Status { return t.status.Get() }

func (t *Twin) failed(err error) {
	state := Faulty
	if errors.Is(err, device.ErrNoAnswer) || errors.Is(err, device.ErrBusGone) || t.heard.IsZero() {
		state = Lost
	}
	t.turn(state, err.Error())
}

// watch has somebody look for readings that fail to come.
func (t *Twin) watch() {
	if t.unwatch != nil {
		t.unwatch()
		t.unwatch = nil
	}
	if t.Every > 0 {
		t.unwatch = t.agent.After(t.Every, func() { t.look(); t.watch() })
	}
}

// look finds a device that has gone quiet without a word from its owner, and one that was only thought to be.
func (t *Twin) look() {
	quiet := time.Since(t.heard)
	long := t.Every > 0 && quiet > staleAfter*t.Every
	switch {
	case long && t.known.State == OK:
		t.turn(Stale, fmt.Sprintf("nothing heard from it for %v", quiet.Round(time.Second)))
	case !long && t.known.State == Stale && !t.heard.IsZero():
		t.turn(OK, "")
	}
}

// turn takes in how the device is by what it reported.
func (t *Twin) turn(to State, reason string) {
	t.known.State, t.known.Reason = to, reason
	t.show()
}

// show sets the status lane when there is something new to say, not at every reading.
func (t *Twin) show() {
	s, reason := t.known.State, t.known.Reason
	switch {
	case t.away != "":
		s, reason = Lost, t.away
	case t.unmet != "" && s != Lost && s != Faulty:
		s, reason = Faulty, t.unmet
	}
	was := t.status.Get()
	tried := was.Tried
	if t.known.Tried != nil {
		tried = t.known.Tried
	}
	if was.State == s && was.Reason == reason && slices.Equal(was.Tried, tried) {
		return
	}
	now := Status{State: s, Reason: reason, Since: was.Since, LastGood: was.LastGood, LastError: was.LastError, Tried: tried}
	if was.State != s {
		now.Since = t.agent.Now().Time()
	}
	switch {
	case s == OK:
		now.LastGood = time.Time{}
	case was.State == OK && !t.heard.IsZero():
		now.LastGood = t.heard
	}
	if s == Lost || s == Faulty {
		now.LastError = reason
	}
	t.status.Set(now)
	if t.Changed != nil {
		t.Changed()
	}
}
