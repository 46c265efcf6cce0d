package agent

import (
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"

	"selvage/edge/route"
)

// Mail is one turn's cause.
type Mail struct {
	Lane route.LaneName // a command's lane, with
	Body []byte         // its body; or
	Do   func()         // anything else; or
	Wait *Wait          // somebody who wants a lane
	Done func(error)    // told how the turn ended; nil when nobody waits

	// Run, unless it is 0, says that this is the agent's own, such as a timer's: when that time from a start
	// of the agent to its end is over, it is of no use any more, and never has the agent start.
	Run uint32
}

// What a command ends with that no lane takes.
var (
	ErrNoLane   = errors.New("no such lane")
	ErrReadOnly = errors.New("this lane shows what the agent knows; it is not set from outside")
)

// Panicked is the error of a turn that panicked; the host restarts the agent.
type Panicked struct {
	Cause any
	Stack []byte
}

func (p *Panicked) Error() string { return fmt.Sprintf("panic: %v", p.Cause) }

// panicked is the error of what has not returned. Without a cause it has called runtime.Goexit.
func panicked(cause any) *Panicked {
	if cause == nil {
		cause = "runtime.Goexit was called, as by t.FailNow outside of its test"
	}
	return &Panicked{Cause: cause, Stack: debug.Stack()}
}

// Exited is the error of a turn during which its goroutine ended. It is for that goroutine's last moment.
func Exited() *Panicked { return panicked(nil) }

// Start runs setup as the agent's first turn, over what is remembered of its lanes. After a
// panic it is called again: the lanes start from what they last published, and their readers
// stay with them.
func (a *Agent) Start() error {
	a.reset()
	o := a.options.Load()
	config := o.Config
	if config == nil {
		config = o.Kind.Defaults
	}
	err := a.do(func() error {
		err := o.Kind.setup(a, config)
		if err == nil {
			a.forgetAlarms()
		}
		return err
	})
	if errors.As(err, new(*Panicked)) {
		a.close()
		return err // its lanes wait for the next start
	}
	for l := range a.lanes.all() {
		if l.phase == orphan {
			l.mark(nil) // nobody can send it a better value now
		}
	}
	if r := a.rare; r != nil {
		r.ringing = ""
		if r.other {
			r.other = false
			a.abandon()
		}
	}
	return err
}

// Step runs one turn.
func (a *Agent) Step(m Mail) (err error) { // do would do, but for a closure that is allocated each time
	defer a.endTurn(&err)
	a.turning = true
	err = a.take(m)
	a.show()
	a.turning = false
	return err
}

func (a *Agent) take(m Mail) error {
	switch {
	case m.Do != nil:
		m.Do()
		return nil
	case m.Wait != nil:
		a.Offer(m.Wait)
		return nil
	}
	if relay := a.few().relay; relay != nil {
		return relay(m.Lane, m.Body)
	}
	l := a.Lane(m.Lane)
	if l == nil && a.HasLane(m.Lane) {
		return fmt.Errorf("%s %s: %w", a.uri, m.Lane, ErrReadOnly)
	}
	if l == nil || l.phase == orphan {
		return ErrNoLane
	}
	if l.readOnly || !l.kind.TakesCommands() {
		return fmt.Errorf("%s %s: %w", a.uri, l.name, ErrReadOnly)
	}
	if err := l.Apply(m.Body); err != nil {
		return fmt.Errorf("%s %s: %w", a.uri, l.name, err)
	}
	return nil
}

// Finish runs the agent's last turns, one for each OnStop, and closes its downlinks and timers. Start may
// follow.
func (a *Agent) Finish() error {
	var all error
	for _, fn := range a.few().onStop {
		all = errors.Join(all, a.do(func() error { fn(); return nil }))
	}
	a.close()
	a.mu.Lock()
	a.stopped = true
	a.mu.Unlock()
	return all
}

func (a *Agent) close() {
	a.run.Add(1)
	a.guard(a.unfollow)
	if r := a.rare; r != nil {
		a.mu.Lock()
		open := r.open
		r.open = nil
		a.mu.Unlock()
		for _, giveBack := range open {
			a.guard(giveBack)
		}
		r.stopWorking(a)
		r.onStop, r.alarms, r.stay = nil, nil, nil
	}
}

// guard runs what an author gave outside of a turn; its panic is his, not the host's.
func (a *Agent) guard(fn func()) {
	defer a.caught()
	fn()
}

func (a *Agent) caught() {
	if p := recover(); p != nil {
		a.Log().Error("panic outside of a turn", "cause", fmt.Sprint(p), "stack", string(debug.Stack()))
	}
}

// do runs fn as a turn, and publishes what it set unless it panicked: half a turn is never seen. What it sent
// is on its way all the same.
func (a *Agent) do(fn func() error) (err error) {
	defer func() {
		if a.turning {
			err = a.undo(recover())
		}
	}()
	a.turning = true
	err = fn()
	a.show()
	a.turning = false
	return err
}

// endTurn is deferred by a turn that has others after it. One that panics ends the agent.
func (a *Agent) endTurn(err *error) {
	if a.turning {
		*err = a.undo(recover())
		a.close()
	}
}

// undo has nothing stay in the agent of a turn that has not returned.
func (a *Agent) undo(cause any) error {
	a.turning = false
	if turn := a.turn; turn != nil {
		for _, l := range turn.changed {
			l.changed = false
		}
		a.unmake(turn)
		a.over()
	}
	return panicked(cause)
}

// turn is what a turn has done to its agent's lanes so far. Only a turn that did something needs one.
type turn struct {
	changed []*Lane
	made    []*Lane
	dropped []*Lane
	notes   []note
	late    []latePoint
	wakes   []Reader // room for publish

	lateBytes int
}

// rouse notes the readers of a lane that has news.
func (t *turn) rouse(l *Lane) {
	for _, r := range l.readers() {
		if r.order != nil {
			t.wakes = r.order.note(r, t.wakes)
		}
		t.wakes = append(t.wakes, r.reader)
	}
}

var turns = sync.Pool{New: func() any { return new(turn) }}

func (a *Agent) deed() *turn {
	if a.turn == nil {
		a.turn = turns.Get().(*turn)
	}
	return a.turn
}

func (a *Agent) over() {
	t := a.turn
	a.turn = nil
	clear(t.changed)
	clear(t.made)
	clear(t.dropped)
	clear(t.notes)
	clear(t.late)
	clear(t.wakes)
	t.changed, t.made, t.dropped, t.notes, t.wakes = t.changed[:0], t.made[:0], t.dropped[:0], t.notes[:0], t.wakes[:0]
	t.late, t.lateBytes = t.late[:0], 0
	turns.Put(t)
}

// show lets others see what a turn did.
func (a *Agent) show() {
	if a.turn == nil {
		return
	}
	for n := 0; len(a.turn.changed)+len(a.turn.notes)+len(a.turn.late) > 0 || n < len(a.turn.made); { // who waits for a lane may bring about more
		made := a.turn.made[n:]
		n += len(made)
		a.publish(made)
		for _, l := range made {
			l.join()
		}
	}
	a.over()
}

// unmake takes back what a turn that panicked has done to lanes: nobody has seen those it made.
func (a *Agent) unmake(turn *turn) {
	a.mu.Lock()
	unmade := slices.DeleteFunc(turn.made, func(l *Lane) bool { return l.phase != coming })
	for _, l := range unmade {
		a.lanes.remove(l)
		if old := a.orphan(l.name); old != nil {
			old.faulty, l.faulty = l.faulty, false
		}
	}
	for _, l := range turn.dropped {
		a.lanes.add(l)
	}
	a.mu.Unlock()
	for _, l := range unmade {
		l.mark(nil)
	}
}

// publish makes all of a turn's changes, and lanes that it made, visible at once, then wakes their readers.
func (a *Agent) publish(made []*Lane) {
	turn := a.turn
	if turn == nil || len(turn.changed)+len(turn.notes)+len(turn.late)+len(made) == 0 {
		return
	}
	stored := false
	var h handover
	a.mu.Lock()
	for _, l := range made {
		l.keeps()
		l.handPast(&h)
	}
	if len(turn.notes) > 0 {
		r := a.reading()
		r.notes = append(r.notes, turn.notes...)
		stored = true
	}
	for i, l := range turn.changed {
		l.changed = false
		l.typed.publish()
		if l.rare != nil && l.rare.kept != nil {
			l.keep()
			l.unsaved, stored = true, true
		}
		if l.stored {
			l.unsaved, stored = true, true
		}
		turn.rouse(l)
		if p := l.past(); p != nil {
			turn.rouse(&p.Lane)
		}
		turn.changed[i] = nil
	}
	for _, l := range made {
		if old := a.orphan(l.name); old != nil {
			a.inherit(l, old, &h)
		}
		l.phase = here
	}
	if turn.keepLate() {
		stored = true
	}
	a.mu.Unlock()
	turn.changed, turn.notes = turn.changed[:0], turn.notes[:0]
	if stored || h.unsaved {
		a.rt.Changed()
	}
	for i, r := range turn.wakes {
		turn.wakes[i] = nil
		r.Wake()
	}
	turn.wakes = turn.wakes[:0]
	if len(made) > 0 {
		h.end()
	}
}
