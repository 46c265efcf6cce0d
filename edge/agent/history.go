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
	points []Point
	bytes  int

	onlyLate bool // the lane has nothing else to save
}

// Point is a value in the history of a lane.
type Point struct {
	Body []byte
	At   clock.Stamp
	Late bool // the lane's value is another one
	Owed bool // somebody waits for it to be on flash: it was set by a turn with notes
}

func (p *Point) cost() int { return pointCost + len(p.Body) }

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
	var leavers []leaver
	a.mu.Lock()
	for l := range a.lanes.all() {
		if l.keeps(); !l.hasPast() {
			leavers = l.endPast(leavers)
		}
	}
	a.mu.Unlock()
	for _, v := range leavers {
		v.end()
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
	p := Point{Body: l.typed.snapshot().Value, At: at, Owed: len(l.agent.turn.notes) > 0}
	if l.rare.past != nil {
		l.rare.past.show(p.Body, at)
	}
	k.points = append(k.points, p)
	if k.bytes += p.cost(); k.bytes > maxKept && !p.Owed && (!l.agent.rt.Hurry() || k.bytes > mostKept) {
		l.agent.rt.Health().Add("history.dropped", k.drop())
	}
}

// drop gives up the older half of the points, but for those that are owed: there is a bound of these elsewhere.
func (k *backlog) drop() (n int64) {
	half := len(k.points) / 2
	var left []Point
	for i, p := range k.points {
		if i >= half || p.Owed {
			left = append(left, p)
			continue
		}
		k.bytes -= p.cost()
		n++
	}
	k.points = left
	return n
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
		to.Point(l, p)
		saved = saved || !p.Late
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
