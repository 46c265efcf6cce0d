package agent

import (
	"selvage/edge/recon"
)

// demanded is a lane whose state is computed when somebody asks for it.
type demanded interface {
	demand()             // in the turn that brings the reader who asks
	unanswered() *answer // guarded by agent.mu
}

// answer is the state that readers are about to be shown.
type answer struct {
	asked int // of them; who asked and went away counts until all have gone
	state [][]byte
}

func (w *answer) give(state [][]byte) {
	w.asked++
	w.state = state
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

// left is called for a reader who goes.
func (w *answer) left(t *Tail) {
	if all := t.lane.readers(); len(all) == 1 && all[0] == t {
		*w = answer{}
	}
}

// resume carries on with what the lane of that name owed before a restart.
func (w *answer) resume(old *Lane) {
	if was, ok := old.typed.(demanded); ok {
		*w = *was.unanswered()
	}
}

// DemandLane shows a value that is computed only when somebody wants to know it: for each reader who
// syncs, and for all who link to the lane after each Cue. It takes no commands.
type DemandLane[T any] struct {
	Lane
	codec *recon.Codec[T]
	cue   func() T
	cued  []byte // in this turn

	// Guarded by agent.mu.
	answer answer
	body   []byte // of the newest cue
	seq    uint64
}

// Demand makes a demand lane whose value is what cue returns, in a turn.
func Demand[T any](a *Agent, name string, cue func() T) *DemandLane[T] {
	l := &DemandLane[T]{codec: codecOf[T](a, name), cue: cue}
	a.add(&l.Lane, name, DemandKind, l)
	return l
}

// Cue shows a new value to those who link to the lane. Without any it computes none.
func (l *DemandLane[T]) Cue() {
	l.inTurn()
	if !l.IsRead() {
		return
	}
	body, err := l.codec.Append(nil, l.cue())
	if err == nil {
		l.cued = body
		l.touch()
	}
	l.mark(err)
}

func (l *DemandLane[T]) demand() {
	body, err := l.codec.Append([]byte{}, l.cue())
	l.mark(err)
	l.agent.mu.Lock()
	defer l.agent.mu.Unlock()
	l.answer.give([][]byte{body})
}

func (l *DemandLane[T]) command([]byte) error { return ErrReadOnly }

func (l *DemandLane[T]) publish() {
	l.body, l.cued = l.cued, nil
	l.seq++
}

func (l *DemandLane[T]) unanswered() *answer { return &l.answer }
func (l *DemandLane[T]) now() uint64         { return l.seq }

func (l *DemandLane[T]) next(t *Tail) ([]byte, bool) {
	if t.at >= l.seq {
		return nil, false
	}
	t.at = l.seq
	return l.body, true
}

func (l *DemandLane[T]) due(t *Tail) uint64 {
	if t.at >= l.seq {
		return 0
	}
	return l.seq
}

func (l *DemandLane[T]) state(t *Tail) func() ([]byte, bool) {
	t.at = l.seq
	return l.answer.take()
}

func (l *DemandLane[T]) left(t *Tail)       { l.answer.left(t) }
func (l *DemandLane[T]) save(*Lane, Keeper) {}
func (l *DemandLane[T]) snapshot() Snapshot { return Snapshot{Kind: DemandKind} }

func (l *DemandLane[T]) resume(old *Lane) {
	l.answer.resume(old)
	l.seq = old.typed.now()
	for _, t := range l.readers() {
		t.at = l.seq
	}
}
