package agent

import (
	"selvage/edge/clock"
)

// maxKept bounds in bytes what a lane with a history keeps for the store while that takes nothing. One that works is
// asked to take it at once, and has the time until it is mostKept.
const (
	maxKept  = 256 << 10
	mostKept = 4 << 20
)

// Timed is a value that knows when it was: its time in the history of its lane, where other values have that of
// the turn that has set them. The zero stamp stands for no value yet, which is not kept.
type Timed interface{ Moment() clock.Stamp }

// backlog is what a lane with a history has published that the store has not seen: every value, not only the
// newest. It is guarded by agent.mu.
type backlog struct {
	points []keptPoint
	bytes  int

	onlyLate bool // the lane has nothing else to save
}

type keptPoint struct {
	body []byte
	at   clock.Stamp
	late bool // the lane's value is another one
}

// keeps says whether the host keeps a history of the lane. a.mu is held.
func (l *Lane) keeps() {
	is := l.kind == ValueKind && l.agent.rt.Keeps(l)
	switch was := l.rare != nil && l.rare.kept != nil; {
	case is && !was:
		l.more().kept = new(backlog)
	case was && !is && len(l.rare.kept.points) == 0:
		l.rare.kept = nil
	}
}

// KeepAnew asks the host anew of which lanes it keeps a history.
func (a *Agent) KeepAnew() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for l := range a.lanes.all() {
		l.keeps()
	}
}

// keep notes the value that a lane with a history has just published. a.mu is held.
func (l *Lane) keep() {
	k := l.rare.kept
	k.onlyLate = false
	at, timed := l.typed.(interface{ moment() (clock.Stamp, bool) }).moment()
	switch {
	case !timed:
		at = l.agent.rt.Clock().Now()
	case at.IsZero():
		return
	}
	p := keptPoint{l.typed.snapshot().Value, at, false}
	k.points = append(k.points, p)
	if k.bytes += pointCost + len(p.body); k.bytes > maxKept && (!l.agent.rt.Hurry() || k.bytes > mostKept) {
		n := len(k.points) / 2
		for _, p := range k.points[:n] {
			k.bytes -= pointCost + len(p.body)
		}
		k.points = append([]keptPoint(nil), k.points[n:]...)
		l.agent.rt.Health().Add("history.dropped", int64(n))
	}
}

const pointCost = 64 // what a point takes beside its body

// saveKept hands over what was kept, and reports whether the lane's value is among it, or needs no saving.
func (l *Lane) saveKept(to Keeper) bool {
	if l.rare == nil || l.rare.kept == nil {
		return false
	}
	k := l.rare.kept
	saved := k.onlyLate
	for _, p := range k.points {
		to.Point(l, p.body, p.at, p.late)
		saved = saved || !p.late
	}
	k.points, k.bytes, k.onlyLate = nil, 0, false
	return saved
}

// keptBefore takes over what the lane before a restart kept, and reports whether that was anything.
func (l *Lane) keptBefore(old *Lane) bool {
	before := old.rare.kept
	if before == nil || len(before.points) == 0 {
		return false
	}
	if k := l.more().kept; k != nil {
		before.points, before.bytes = append(before.points, k.points...), before.bytes+k.bytes
	}
	before.onlyLate = false // the lane is to be saved, too
	l.rare.kept, old.rare.kept = before, nil
	return true
}

func (l *ValueLane[T]) moment() (at clock.Stamp, timed bool) {
	t, ok := any(l.pub).(Timed)
	if !ok {
		return at, false
	}
	return t.Moment(), true
}
