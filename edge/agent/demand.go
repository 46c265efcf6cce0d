package agent

import (
	"selvage/edge/recon"
)

// demanded is a lane whose state is computed when somebody asks for it.
type demanded interface {
	demand()       // in the turn that brings the reader who asks
	owed() *answer // guarded by agent.mu
}

// answer is the state that readers are about to be shown.
type answer struct {
	asked  int  // of them; who asked and went away counts until all have gone
	coming bool // who asked last may not be among the lane's readers yet
	state  [][]byte
}

func (w *answer) owed() *answer { return w }

func (w *answer) give(state [][]byte) {
	w.asked++
	w.coming, w.state = true, state
}

func (w *answer) take() func() ([]byte, bool) {
	state := w.state
	if w.asked--; w.asked <= 0 {
		*w = answer{}
	}
	return func() (body []byte, ok bool) {
		if len(state) == 0 {
			return nil, false
		}
		body, state = state[0], state[1:]
		return body, true
	}
}

// forget is called for a reader who goes.
func (w *answer) forget(t *Tail) {
	if all := t.lane.readers(); len(all) == 1 && all[0] == t && !w.coming {
		*w = answer{}
	}
}

// DemandLane shows a value that is computed only when somebody wants to know it: for each reader who
// syncs, and for all who link to the lane after each Cue. It takes no commands.
type DemandLane[T any] struct {
	Lane
	holdsNothing
	cueLog // guarded by agent.mu
	codec  *recon.Codec[T]
	cue    func() T
	cued   []byte // in this turn
}

// Demand makes a demand lane whose value is what cue returns, in a turn.
func Demand[T any](a *Agent, name string, cue func() T) *DemandLane[T] {
	l := &DemandLane[T]{codec: codecOf[T](a, name), cue: cue}
	a.add(&l.Lane, name, DemandKind, l)
	return l
}

// Cue shows a new value to those who link to the lane. Without any it computes none.
func (l *DemandLane[T]) Cue() {
	err := l.mayChange()
	if err == nil && !l.IsRead() {
		return
	}
	var body []byte
	if err == nil {
		body, err = l.codec.Append(nil, l.cue())
	}
	if err == nil {
		l.cued = body
		l.touch()
	}
	l.mark(err)
}

func (l *DemandLane[T]) demand() {
	body, err := l.codec.Append(nil, l.cue())
	if err != nil {
		body = nil // half a text is none
	}
	l.mark(err)
	l.agent.mu.Lock()
	defer l.agent.mu.Unlock()
	l.give([][]byte{body})
}

func (l *DemandLane[T]) command([]byte) error { return ErrReadOnly }

func (l *DemandLane[T]) publish() {
	l.show(l.cued)
	l.cued = nil
}

func (l *DemandLane[T]) resume(old *Lane) { l.carryOn(old.typed.(interface{ cues() *cueLog }).cues()) }

// cueLog is what a demand lane publishes: the newest cue, and what it owes to who has asked.
type cueLog struct {
	answer
	body []byte // of the newest cue
	seq  uint64
}

func (g *cueLog) cues() *cueLog { return g }

func (g *cueLog) show(body []byte) {
	g.body = body
	g.seq++
}

func (g *cueLog) now() uint64 { return g.seq }

func (g *cueLog) next(t *Tail) ([]byte, bool) {
	if t.at >= g.seq {
		return nil, false
	}
	t.at = g.seq
	return g.body, true
}

func (g *cueLog) due(t *Tail) uint64 {
	if t.at >= g.seq {
		return 0
	}
	return g.seq
}

func (g *cueLog) state(t *Tail) func() ([]byte, bool) {
	t.at = g.seq
	return g.take()
}

func (g *cueLog) left(t *Tail) { g.forget(t) }

// carryOn goes on where the lane of that name was before a restart, unless setup has cued a newer value.
func (g *cueLog) carryOn(was *cueLog) {
	g.answer = was.answer
	if g.seq == 0 {
		g.body = was.body
	}
	g.seq += was.seq
}
