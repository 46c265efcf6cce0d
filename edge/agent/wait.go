package agent

import (
	"slices"
	"sync/atomic"

	"selvage/edge/route"
)

// OnAsked has asked told of each reader that asks for a lane that there is not, within a turn, and what
// kind it takes the lane for. What asked returns tells the reader why it has to wait. left is told when
// the last of a lane's readers has gone and there is still no such lane; another may come. They are for
// agents that show what is elsewhere.
func (a *Agent) OnAsked(asked func(name route.LaneName, kind LaneKind) error, left func(name route.LaneName)) {
	r := a.more()
	r.asked, r.left = asked, left
}

// Awaits reports, in a turn, whether somebody waits for a lane of that name to be made, or reads one
// that has not been made anew since a panic.
func (a *Agent) Awaits(name route.LaneName) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	l := a.lane(name)
	return len(a.few().waiting[name]) > 0 || l != nil && l.phase == orphan
}

// Wait is a reader on its way to a lane.
type Wait struct {
	Lane route.LaneName
	Kind LaneKind // what the reader takes it for
	left atomic.Bool
	Ask  LinkOptions        // how it wants to be told
	Join func(*Lane, error) // given the lane, or why there is none yet
}

// Leave notes, on any goroutine, that the reader waits no more.
func (w *Wait) Leave() { w.left.Store(true) }

// HasLeft reports that.
func (w *Wait) HasLeft() bool { return w.left.Load() }

// Offer gives w its lane, within a turn. While there is none, w is told so now, and is given the lane
// when it is made.
func (a *Agent) Offer(w *Wait) {
	if l := a.Find(w.Lane); l != nil && !l.isClosedTo(w) {
		l.expect(w)
		w.Join(l, nil)
		return
	}
	why := ErrNoLane
	r := a.more()
	if r.waiting == nil {
		r.waiting = map[route.LaneName][]*Wait{}
	}
	r.waiting[w.Lane] = append(r.waiting[w.Lane], w)
	if r.asked != nil {
		why = r.asked(w.Lane, w.Kind)
	}
	w.Join(nil, why)
}

// expect has the lane prepare for its reader. If that panics he asks again, which is after the restart.
func (l *Lane) expect(w *Wait) {
	ready := false
	defer func() {
		if !ready {
			w.Join(nil, ErrGone)
		}
	}()
	if w.Kind == CommandKind {
		l.ExpectLink()
	} else {
		l.Expect()
	}
	ready = true
}

// Withdraw takes back an Offer, within a turn.
func (a *Agent) Withdraw(w *Wait) {
	r := a.few()
	waiting := r.waiting[w.Lane]
	i := slices.Index(waiting, w)
	switch {
	case i < 0: // it has got its lane
		return
	case len(waiting) > 1:
		r.waiting[w.Lane] = slices.Delete(waiting, i, i+1)
		return
	}
	delete(r.waiting, w.Lane)
	if r.left != nil {
		r.left(w.Lane)
	}
}
