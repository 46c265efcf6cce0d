package agent

import (
	"errors"
	"slices"
)

// ErrGone is what a Wait is told when the agent whose lane it is for is no more. It may be joined anew.
var ErrGone = errors.New("the agent was taken away")

// Ender is a reader that wants to know when there is nothing more to come: its lane's agent is no more.
// End is called once, on any goroutine, and must not block.
type Ender interface{ End() }

// CanRest reports, between turns, whether nothing would be missed if the agent were not in memory:
// nobody links to it, and it waits for nothing but alarms.
func (a *Agent) CanRest() bool {
	r := a.few()
	alarms := 0
	if r.alarms != nil {
		alarms = len(r.alarms.all)
	}
	return len(r.open) == alarms && a.Downlinks().Links == 0 && !a.IsUsed()
}

// Retire takes the agent out of use, after Finish. If it has readers they are ended, or, unless it is
// forced, nothing is done.
func (a *Agent) Retire(forced bool) bool {
	a.mu.Lock()
	var tails []*Tail
	for l := range a.lanes.all() {
		tails = append(tails, l.readers()...)
	}
	if len(tails) > 0 && !forced {
		a.mu.Unlock()
		return false
	}
	a.ended = true
	for l := range a.lanes.all() {
		l.setReaders(nil)
	}
	for _, t := range tails { // which still have their lanes, to take what was published last
		t.order = nil
	}
	a.mu.Unlock()
	for _, t := range tails {
		t.end()
	}
	if r := a.rare; r != nil && forced {
		waiting := r.waiting
		r.waiting = nil
		for _, all := range waiting {
			for _, w := range all {
				w.Join(nil, ErrGone)
			}
		}
	}
	return true
}

// abandon ends the lanes that setup has not made anew.
func (a *Agent) abandon() {
	a.mu.Lock()
	orphans := slices.DeleteFunc(slices.Collect(a.lanes.all()), func(l *Lane) bool { return !l.orphan })
	a.mu.Unlock()
	for _, l := range orphans {
		l.end()
	}
}

// end takes the lane away from its agent, and its readers from the lane, once they have had what is new.
func (l *Lane) end() {
	a := l.agent
	a.mu.Lock()
	a.lanes.remove(l)
	tails := l.readers()
	l.setReaders(nil)
	wakes := make([]*Tail, len(tails))
	for i, t := range tails {
		wakes[i] = t.part()
	}
	a.mu.Unlock()
	for i, t := range tails {
		wakes[i].wake()
		t.end()
	}
}

func (t *Tail) end() {
	if e, ok := t.reader.(Ender); ok {
		e.End()
	}
}

// ended is the place of a reader who comes too late.
func ended(a *Agent, r Reader) *Tail {
	t := &Tail{agent: a, reader: r, id: opened.Add(1)}
	a.rt.Work(t.end) // not now: the reader may hold what End wants
	return t
}
