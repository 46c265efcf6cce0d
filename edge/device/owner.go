package device

import (
	"context"
	"slices"
	"sync"
	"time"

	"periph.io/x/conn/v3/i2c"
)

// owner is the one goroutine that touches a bus and everything on it. Others leave it word under mu
// and wake it.
type owner struct {
	m       *Manager
	busName string        // "/dev/i2c-1"; "" = there is no bus to open
	done    chan struct{} // closed when run has returned
	wake    chan struct{} // holds at most one

	mu      sync.Mutex
	joining []*managed
	leaving []leaver

	callMu  sync.Mutex
	calling *managed // whose driver is at work, nil = nobody's

	// of the goroutine
	devices  []*managed
	bus      i2c.BusCloser // nil while closed
	busDue   time.Time     // when to try to open it
	busFails int           // in a row
	busSince time.Time     // when it was opened
	hang     *time.Timer   // fires when a driver outstays its time
}

type leaver struct {
	dev  *managed
	gone chan struct{}
}

func newOwner(m *Manager, busName string) *owner {
	return &owner{
		m: m, busName: busName, busDue: time.Now(),
		done: make(chan struct{}), wake: make(chan struct{}, 1),
	}
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

func (o *owner) leave(d *managed) (gone <-chan struct{}) {
	l := leaver{d, make(chan struct{})}
	o.mu.Lock()
	o.leaving = append(o.leaving, l)
	o.mu.Unlock()
	o.nudge()
	return l.gone
}

func (o *owner) order(d *managed, w order) {
	o.mu.Lock()
	d.asked = &w
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
		o.takeMail()
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

// takeMail takes what others left: devices that come and go, orders for outputs.
func (o *owner) takeMail() {
	now := time.Now()
	o.mu.Lock()
	joining, leaving := o.joining, o.leaving
	o.joining, o.leaving = nil, nil
	for _, d := range joining {
		d.due = now
		o.devices = append(o.devices, d)
	}
	for _, d := range o.devices {
		if d.asked != nil {
			d.order, d.asked, d.doubt, d.due = *d.asked, nil, true, now
		}
	}
	o.mu.Unlock()

	for _, l := range leaving {
		if i := slices.Index(o.devices, l.dev); i >= 0 {
			o.devices = slices.Delete(o.devices, i, i+1)
			o.makeSafe(l.dev)
			o.drop(l.dev)
			o.m.health.Clear(l.dev.code)
		}
		close(l.gone)
	}
	if len(o.devices) == 0 && len(leaving) > 0 {
		o.closeBus()
		o.m.health.Clear(o.busCode())
	}
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
		o.makeSafe(d)
	}
	for _, d := range o.devices {
		o.drop(d)
	}
	o.closeBus()
	for _, l := range leaving {
		close(l.gone)
	}
}
