package agent

import (
	"fmt"
	"maps"
	"strconv"
	"time"
)

// TimersLane is the lane that shows when an agent's alarms are due: a map from their names to ms
// since 1970. It is there once the agent has an alarm. No other lane has its name.
const TimersLane = "timers"

// alarms are the stored timers of one agent.
type alarms struct {
	due *MapLane[string, int64]
	all map[string]*Alarm
}

// Alarm is a timer for a moment of wall time that is remembered over a restart.
type Alarm struct {
	agent *Agent
	name  string
	fn    func()
	timer *time.Timer
	set   int // how often it was set or cancelled: a firing that comes late is of no use
}

// At makes an alarm that runs fn as a turn when it is due. It is for setup: an alarm that was set
// before a restart keeps its moment, and one that would have gone off meanwhile goes off soon after.
// The moment is one of wall time: when the clock is set, the alarm goes by the new time. The turn that
// runs fn also forgets the moment, so what fn stores and that it ran are in one commit; if fn panics it
// does not run for that moment again, unless the process ends before the next commit.
func (a *Agent) At(name string, fn func()) *Alarm {
	a.inTurn("At")
	r := a.more()
	if r.alarms == nil {
		r.alarms = a.makeAlarms()
	}
	if r.alarms.all[name] != nil {
		panic(fmt.Sprintf("agent %s: alarm %s is made twice", a.uri, name))
	}
	l := &Alarm{agent: a, name: name, fn: fn}
	r.alarms.all[name] = l
	if r.ringing == name { // and made the agent panic
		r.alarms.due.Remove(name)
	}
	step := a.rt.Clock().OnStep(a.later(l.arm))
	a.opens("At", func() {
		step()
		l.disarm()
	})
	l.arm()
	return l
}

func (a *Agent) makeAlarms() *alarms {
	all := &alarms{all: map[string]*Alarm{}}
	a.more().alarms = all // first: nobody else has a lane of that name
	all.due = Map[string, int64](a, TimersLane).ReadOnly()
	return all
}

// forgetAlarms forgets the moments of alarms that setup has not made: nobody waits for them any more.
func (a *Agent) forgetAlarms() {
	r := a.few()
	all := r.alarms
	if all == nil {
		a.mu.Lock()
		old := a.orphan(TimersLane)
		a.mu.Unlock()
		if s := r.stored[TimersLane]; old == nil && (s.Kind != MapKind || len(s.Entries) == 0) {
			return
		}
		all = a.makeAlarms()
	}
	for name := range maps.Collect(all.due.All()) {
		if all.all[name] == nil {
			all.due.Remove(name)
		}
	}
}

// Set has the alarm go off at t instead of when it was due before. A moment that has passed is now.
func (l *Alarm) Set(t time.Time) {
	l.agent.few().alarms.due.Set(l.name, t.Add(time.Millisecond-1).UnixMilli()) // not before t
	l.arm()
}

// Cancel has the alarm not go off until it is set anew.
func (l *Alarm) Cancel() {
	l.agent.few().alarms.due.Remove(l.name)
	l.arm()
}

// Due returns when the alarm goes off; ok is false when it is not set.
func (l *Alarm) Due() (t time.Time, ok bool) {
	ms, ok := l.agent.few().alarms.due.Get(l.name)
	return time.UnixMilli(ms), ok
}

func (l *Alarm) disarm() {
	l.set++
	if l.timer != nil {
		l.timer.Stop()
	}
}

// arm sets the timer to when the alarm is due by the clock as it is now.
func (l *Alarm) arm() {
	l.disarm()
	due, ok := l.Due()
	if !ok {
		return
	}
	set := l.set
	l.timer = time.AfterFunc(l.agent.Now().Until(due), l.agent.later(func() {
		if set == l.set {
			l.ring(due)
		}
	}))
}

func (l *Alarm) ring(due time.Time) {
	if l.agent.Now().Until(due) > 0 { // by the time that is right now, it is too early
		l.arm()
		return
	}
	l.Cancel()
	r := l.agent.more()
	r.ringing = l.name
	l.fn()
	r.ringing = ""
}

// NextAlarm returns when the first of the agent's alarms is due. It is for after Finish.
func (a *Agent) NextAlarm() (at time.Time, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	l := a.lane(TimersLane)
	if l == nil {
		return at, false
	}
	var bodies [][]byte
	for _, e := range l.typed.snapshot().Entries {
		bodies = append(bodies, e.Value)
	}
	return FirstAlarm(bodies)
}

// FirstAlarm returns the first of the moments that a lane of alarms has stored.
func FirstAlarm(bodies [][]byte) (at time.Time, ok bool) {
	for _, b := range bodies {
		ms, err := strconv.ParseInt(string(b), 10, 64)
		if err != nil {
			continue
		}
		if t := time.UnixMilli(ms); !ok || t.Before(at) {
			at, ok = t, true
		}
	}
	return at, ok
}
