package device

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// owner is the one goroutine that touches a bus and everything on it. Others leave it word under mu
// and wake it.
type owner struct {
	m       *Manager
	key     string        // under which the manager has it
	kind    Kind          // of its devices' wires
	busName string        // "/dev/i2c-1"; "" = there is no bus to open
	done    chan struct{} // closed when run has returned
	wake    chan struct{} // holds at most one

	mu       sync.Mutex
	joining  []*managed
	leaving  []leaver
	revising []revision
	anew     []*managed // of which somebody begins to hear

	callMu  sync.Mutex
	calling *managed // whose driver is at work, nil = nobody's

	// of the goroutine
	devices  []*managed
	bus      Bus         // nil while closed
	held     Recoverer   // the same, if it can be freed
	busDue   time.Time   // when to try to open it
	busFails int         // in a row
	busSince time.Time   // when it was opened
	stuck    int         // attempts in a row, of whatever device, at which it did not move
	hang     *time.Timer // fires when a driver outstays its time
}

// leaver is a device that leaves.
type leaver struct {
	dev    *managed
	goesOn bool       // another spec carries on under its name
	gone   chan order // told once what was asked of it; has room for that
}

// revision is other times for a device that stays.
type revision struct {
	dev            *managed
	every, timeout time.Duration
}

func newOwner(m *Manager, key string, kind Kind, wire string) *owner {
	o := &owner{
		m: m, key: key, kind: kind, busDue: time.Now(),
		done: make(chan struct{}), wake: make(chan struct{}, 1),
	}
	if kind != NoWire && kind != Pin {
		o.busName = wire
	}
	return o
}

func (o *owner) nudge() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

func (o *owner) join(d *managed) {
	o.mu.Lock()
	o.joining = append(o.joining, d)
	o.mu.Unlock()
	o.nudge()
}

func (o *owner) leave(d *managed, goesOn bool) (gone <-chan order) {
	l := leaver{d, goesOn, make(chan order, 1)}
	o.mu.Lock()
	o.leaving = append(o.leaving, l)
	o.mu.Unlock()
	o.nudge()
	return l.gone
}

func (o *owner) revise(r revision) {
	o.mu.Lock()
	o.revising = append(o.revising, r)
	o.mu.Unlock()
	o.nudge()
}

func (o *owner) order(d *managed, w order) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if w.told && d.takes != nil {
		v, err := d.takes.Fit(w.value)
		if err != nil {
			return fmt.Errorf("device %s: %w", d.spec.Name, err)
		}
		w.value = v
	}
	d.asked, d.ordered = &w, true
	o.nudge()
	return nil
}

// ask is what a device calls that wants to be read.
func (o *owner) ask(d *managed) {
	o.mu.Lock()
	d.asks = true
	o.mu.Unlock()
	o.nudge()
}

// inherit is order for what was asked of the device before this one, which does not undo what was asked since.
func (o *owner) inherit(d *managed, w order) {
	o.mu.Lock()
	if !d.ordered {
		d.asked = &w
	}
	o.mu.Unlock()
	o.nudge()
}

// busyWith names what an owner that does not come back is doing.
func (o *owner) busyWith() string {
	o.callMu.Lock()
	defer o.callMu.Unlock()
	if d := o.calling; d != nil {
		return d.spec.Name + ": the driver " + d.driver.Name + " does not return from " + d.where()
	}
	if o.busName != "" {
		return "the bus " + o.busName + " does not open or close"
	}
	return "a report is not taken"
}

// run is the owner's goroutine.
func (o *owner) run(ctx context.Context) {
	defer close(o.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		if o.takeMail() && o.retire() {
			return
		}
		due, d := o.next()
		now := time.Now()
		if !due.IsZero() && !due.After(now) {
			if d == nil {
				o.openBus(ctx)
			} else {
				o.attend(ctx, d)
			}
			continue
		}
		var ring <-chan time.Time
		if !due.IsZero() {
			timer.Reset(due.Sub(now))
			ring = timer.C
		}
		select {
		case <-ctx.Done():
		case <-o.wake:
		case <-ring:
		}
	}
	o.shut()
}

// takeMail takes what others left: devices that come and go, orders for outputs. It reports whether the
// last device has gone, and with it the bus.
func (o *owner) takeMail() (over bool) {
	now := time.Now()
	o.mu.Lock()
	joining, leaving, revising, anew := o.joining, o.leaving, o.revising, o.anew
	o.joining, o.leaving, o.revising, o.anew = nil, nil, nil, nil
	for _, d := range joining {
		d.due = now
		o.devices = append(o.devices, d)
	}
	for _, d := range o.devices {
		if d.asked != nil {
			d.order, d.asked, d.doubt, d.due = *d.asked, nil, true, now
		}
		if d.asks && d.fails == 0 { // one that fails is tried again when its pause is over
			d.due = now
		}
		d.asks = false
	}
	o.mu.Unlock()

	for _, r := range revising {
		r.dev.revise(r.every, r.timeout, now)
	}
	for _, d := range anew {
		o.beginAnew(d, now)
	}
	for _, l := range leaving {
		was := l.dev.order
		if i := slices.Index(o.devices, l.dev); i >= 0 {
			o.devices = slices.Delete(o.devices, i, i+1)
			o.makeSafe(l.dev, l.goesOn)
			o.drop(l.dev)
			o.m.health.Clear(l.dev.code)
		}
		l.gone <- was
	}
	over = len(o.devices) == 0 && len(leaving) > 0
	if over {
		o.closeBus()
		o.m.health.Clear(o.busCode())
	}
	return over
}

// retire ends an owner whose bus is closed, unless a device has come meanwhile. Whoever owns the bus
// next is made after this, so no bus has two owners.
func (o *owner) retire() bool {
	o.m.mu.Lock()
	defer o.m.mu.Unlock()
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.joining) > 0 || o.m.stopped {
		return false
	}
	delete(o.m.owners, o.key)
	return true
}

// next says what is due first: a device, or with d nil the bus. An output with something to write goes
// ahead of every reading that is due, because someone waits for it. A zero time means nothing is.
func (o *owner) next() (due time.Time, d *managed) {
	if o.busName != "" && o.bus == nil {
		if len(o.devices) == 0 {
			return time.Time{}, nil
		}
		return o.busDue, nil
	}
	now := time.Now()
	for _, c := range o.devices {
		if !c.due.IsZero() && (d == nil || c.before(d, now)) {
			due, d = c.due, c
		}
	}
	return due, d
}

func (d *managed) before(e *managed, now time.Time) bool {
	if first := d.urgent(now); first != e.urgent(now) {
		return first
	}
	return d.due.Before(e.due)
}

// urgent tells whether the device is an output whose wire may be wrong, and it may be written now.
func (d *managed) urgent(now time.Time) bool { return d.doubt && !d.due.After(now) }

// shut leaves everything as it should be found: outputs safe first, then all closed.
func (o *owner) shut() {
	o.mu.Lock()
	o.devices = append(o.devices, o.joining...)
	o.joining = nil
	leaving := o.leaving
	o.leaving = nil
	o.mu.Unlock()
	for _, d := range o.devices {
		o.makeSafe(d, false)
	}
	for _, d := range o.devices {
		o.drop(d)
	}
	o.closeBus()
	for _, l := range leaving {
		l.gone <- l.dev.order
	}
}
