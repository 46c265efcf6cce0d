package agent

import "errors"

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

// Retire takes the agent out of use, after Finish. Who reads it or waits for a lane is told, and what was
// wrong with its lanes is over.
func (a *Agent) Retire() {
	a.mu.Lock()
	var tails []*Tail
	for l := range a.lanes.all() {
		tails = append(tails, l.readers()...)
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
	for l := range a.lanes.all() {
		l.mark(nil)
	}
	if r := a.rare; r != nil {
		waiting := r.waiting
		r.waiting = nil
		for _, all := range waiting {
			for _, w := range all {
				w.Join(nil, ErrGone)
			}
		}
	}
}

// abandon ends the lanes that setup has not made anew.
func (a *Agent) abandon() {
	var orphans []*Lane
	a.mu.Lock()
	for l := range a.lanes.all() {
		if l.phase == orphan {
			if l.stored {
				a.remember(l.name, l.typed.snapshot())
			}
			orphans = append(orphans, l)
		}
	}
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
	leavers := l.endPast(l.dismiss(nil))
	a.mu.Unlock()
	for _, v := range leavers {
		v.end()
	}
	if l.kind != PastKind { // of which nobody was told
		a.rt.Gone(l)
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
