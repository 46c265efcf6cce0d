package device

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"selvage/edge/clock"
)

// Rung is a step of what is tried with a device that fails, in the order in which they are.
type Rung string

const (
	Retry   Rung = "retry"   // the measurement was made again at once
	Reopen  Rung = "reopen"  // the device was closed, to be opened and asked anew who it is
	Recover Rung = "recover" // the bus was freed of what held it
	Restart Rung = "restart" // the bus was closed and opened, with all on it; or the driver began anew after a panic
)

// Step is a rung that was taken.
type Step struct {
	Rung Rung
	At   clock.Stamp
	Why  string
}

// A Recoverer is a Bus that can do something about being held by a chip that hangs in the middle of a byte.
type Recoverer interface {
	Bus
	// Recover frees the bus, or says why it could not. An error that is errors.ErrUnsupported says that there is no way.
	// An I²C bus may need to know its lines for it.
	Recover(ctx context.Context, over Lines) error
}

// Lines are the pins that an I²C bus runs over, called as the pins of devices are.
type Lines struct{ SCL, SDA string }

// SetLines says over which pins buses run, by their names. A bus that is not among them has none that are known.
func (m *Manager) SetLines(of map[string]Lines) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lines = maps.Clone(of)
}

func (m *Manager) linesOf(bus string) Lines {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lines[bus]
}

// counters are what health counts the rungs of a device under, behind its code.
var counters = map[Rung]string{Retry: ".retried", Reopen: ".reopened", Recover: ".recovered", Restart: ".restarted"}

// climb notes that a rung is taken. All are counted; those a person reads are the first of each kind since the device
// began to fail: a device that is gone for a week does not write its status each time.
func (o *owner) climb(d *managed, rung Rung, why error) {
	o.m.health.Add(d.code+counters[rung], 1)
	if !slices.ContainsFunc(d.tried, func(s Step) bool { return s.Rung == rung }) {
		d.tried = append(d.tried, Step{rung, o.m.clock.Now(), words(why)})
	}
}

// twice makes a measurement, and makes it again at once if it failed for what may be a passing disturbance: if the
// device was well until now, and half its time is left.
func (o *owner) twice(ctx context.Context, d *managed, read func(context.Context) error) error {
	began := time.Now()
	err := o.call(ctx, d, d.spec.Timeout, read)
	left := d.spec.Timeout - time.Since(began)
	if d.goesOwnWay() { // the next reading of a recording is another one
		return err
	}
	if err == nil || d.fails > 0 || d.dev == nil || ctx.Err() != nil || left < d.spec.Timeout/2 || isGrave(err) {
		return err
	}
	why := err
	if err = o.call(ctx, d, left, read); err == nil {
		o.m.health.Add(d.code+counters[Retry], 1)
		return nil
	}
	if d.dev != nil || len(d.tried) == 0 {
		o.climb(d, Retry, why)
	}
	return err
}

// isGrave tells whether an error does not pass within a moment.
func isGrave(err error) bool {
	return errors.Is(err, ErrBusGone) || errors.Is(err, ErrBusStuck) || errors.Is(err, context.DeadlineExceeded)
}

// mayBeAnother tells whether a device that failed is to be closed, so that whoever answers next is asked who it is. One
// that did not acknowledge may have been unplugged, and another may be in its place when it is asked next; one that
// fails otherwise may have lost its settings.
func (o *owner) mayBeAnother(d *managed, err error) bool {
	return d.dev != nil && !d.goesOwnWay() && (d.fails%reopenAfter == 0 || errors.Is(err, ErrNoAnswer))
}

// goesOwnWay tells whether a device is not asked, so that asking again or opening it again is of no use.
func (d *managed) goesOwnWay() bool {
	switch d.dev.(type) {
	case Paced, Overheard:
		return true
	}
	return false
}

// rouse has the others on a bus tried at once when the first of them answers after all were silent.
func (o *owner) rouse(d *managed, now time.Time) {
	o.stuck = 0
	if d.fails == 0 || o.busName == "" || o.othersAnswer(d) {
		return
	}
	for _, e := range o.devices {
		if e != d && e.fails > 0 {
			e.due, e.waste = now, waste{}
		}
	}
}

// freeAfter is how many attempts in a row must find the bus held before it is freed.
const freeAfter = 3

// free frees a bus that does not move, whichever device is asked. It reports whether something was done, so that
// what comes next can wait for its effect.
func (o *owner) free(d *managed, err error) bool {
	if !errors.Is(err, ErrBusStuck) {
		o.stuck = 0
		return false
	}
	if o.stuck++; o.stuck%freeAfter != 0 {
		return false
	}
	if o.held == nil || o.stuck > freeAfter { // it was of no use the last time
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), safeWithin)
	defer cancel()
	why, over := err, o.m.linesOf(o.busName)
	err = o.callBus(func() error { return o.held.Recover(ctx, over) })
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return false
	case err != nil:
		o.m.log.Info("bus not freed", "bus", o.busName, "err", err)
		why = err
	default:
		o.m.log.Info("bus freed", "bus", o.busName, "why", words(why))
	}
	o.m.health.Add(o.busCode()+counters[Recover], 1)
	now := time.Now()
	for _, e := range o.devices {
		o.climb(e, Recover, why)
		if e.fails > 0 {
			e.due = now
		}
	}
	return true
}

// callBus runs code of a bus, contained if it panics.
func (o *owner) callBus(fn func() error) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = panicFault("of the bus "+o.busName, reason)
		}
	}()
	return fn()
}

// A device that fails slowly, by time-outs, keeps all others on its bus waiting. As long as others answer, it may take
// so much from them at once, and one part in wasteShare of the time for ever: less than a hundredth, so that all others
// keep 99 % of their rate however often they are read.
const (
	wasteAtOnce = 2 * time.Second
	wasteShare  = 200
	maxWaste    = 15 * time.Minute // the longest such pause
)

// waste is bus time that was of no use.
type waste struct {
	sum time.Duration
	at  time.Time
}

func (w *waste) add(cost time.Duration, now time.Time) {
	if !w.at.IsZero() {
		w.sum = max(0, w.sum-now.Sub(w.at)/wasteShare)
	}
	w.sum, w.at = w.sum+cost, now
}

// pause is how long to leave a device alone that just failed.
func (o *owner) pause(d *managed, cost time.Duration, now time.Time) time.Duration {
	p := pause(d.fails, d.spec.Every, cost, maxPause)
	d.waste.add(cost, now)
	if over := d.waste.sum - wasteAtOnce; over > 0 && o.othersAnswer(d) {
		p = max(p, min(over*wasteShare, maxWaste))
	}
	return p
}
