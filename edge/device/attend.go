package device

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"
)

const (
	// hangGrace is how long after its time a driver may still return before people are told.
	hangGrace = 2 * time.Second
	// safeWithin bounds putting one output into its safe state while stopping.
	safeWithin = 400 * time.Millisecond
)

// attend opens, switches and reads one device, whatever of it is due, and decides when to come again.
func (o *owner) attend(ctx context.Context, d *managed) {
	r := Report{Device: d.spec.Name}
	began := time.Now()
	err := o.serve(ctx, d, &r)
	if ctx.Err() != nil && err != nil {
		return // an attempt cut short by stopping says nothing about the device
	}
	now := time.Now()
	if r.At.IsZero() {
		r.At = o.m.clock.Now()
	}
	if err == nil {
		o.rouse(d, now)
		o.answered(d, &r)
		due, missed := d.plan.next(now)
		d.due = due
		if missed > 0 {
			o.m.health.Add(d.code+".missed", missed)
		}
	} else {
		r.Err = err
		d.fails++
		if d.fails == 1 {
			d.since = now
		}
		if o.mayBeAnother(d, err) {
			o.climb(d, Reopen, err)
			o.drop(d)
			now = time.Now() // closing what does not answer takes its time, too
		}
		d.due = now.Add(o.pause(d, now.Sub(began), now))
		o.failed(d, err)
		r.Tried = slices.Clone(d.tried)
	}
	if p, ok := d.dev.(Paced); ok {
		d.due = now.Add(max(p.Pause(), 0))
	}
	if err == nil && r.Opened == nil && r.State == nil && !d.worthTelling(r.Readings, now) {
		return
	}
	o.m.report(r)
	if err != nil {
		d.last = nil // the next reading is news
		o.checkBus(d, err)
	}
}

// serve makes one attempt and puts what it found into r.
func (o *owner) serve(ctx context.Context, d *managed, r *Report) error {
	if d.dev == nil {
		err := o.call(ctx, d, d.spec.Timeout, func(ctx context.Context) error {
			dev, err := o.open(ctx, d)
			if err == nil {
				r.Opened = d.opened(dev)
				o.learn(d, r.Opened.Takes)
			}
			return err
		})
		if err != nil {
			o.drop(d)
			return err
		}
	} else if d.whole {
		err := o.call(ctx, d, d.spec.Timeout, func(context.Context) error {
			r.Opened = d.description()
			return nil
		})
		if err != nil {
			return err
		}
	}
	d.whole = false
	if d.output != nil {
		// Also when only its time has come: writing the same state again heals a board that lost power.
		if err := o.switchTo(ctx, d, d.spec.Timeout, r); err != nil {
			return err
		}
	}
	if d.sensor == nil {
		return nil
	}
	var s Sample
	err := o.twice(ctx, d, func(ctx context.Context) (err error) {
		o.tells(d, "read", nil)
		s, err = d.sensor.Read(ctx)
		if err != nil {
			return err
		}
		return firstErr(s)
	})
	if err != nil {
		return err
	}
	o.takeTime(d)
	r.At = o.m.clock.Now()
	if l, ok := d.dev.(Overheard); ok && l.Learned() {
		d.channels = l.Channels()
		r.Opened = d.description()
	}
	r.Readings = d.readings(s, r.At)
	return nil
}

func (o *owner) open(ctx context.Context, d *managed) (Device, error) {
	o.tells(d, "open", nil)
	if d.driver.Wire == Pin {
		pin, err := openPin(ctx, d.spec.Wire)
		if err != nil {
			return nil, err
		}
		return d.driver.open(ctx, pin, d.spec.Config)
	}
	return d.driver.open(ctx, o.bus, d.spec.Config)
}

// learn has others know what an output takes, now that it is open.
func (o *owner) learn(d *managed, takes *Channel) {
	o.mu.Lock()
	d.takes = takes
	o.mu.Unlock()
}

// fit forgets what was asked of an output before anybody knew that it does not take it.
func (o *owner) fit(d *managed) {
	if !d.order.told {
		return
	}
	var err error
	if d.order.value, err = d.takes.Fit(d.order.value); err != nil {
		o.m.log.Warn("what was asked of an output before it was opened cannot be done", "device", d.spec.Name, "err", err)
		d.order = order{}
	}
}

// switchTo writes what the output is to do, which is the safe state as long as nobody told it.
func (o *owner) switchTo(ctx context.Context, d *managed, within time.Duration, r *Report) error {
	o.fit(d)
	var st State
	err := o.call(ctx, d, within, func(ctx context.Context) error {
		st = State{Value: d.output.Safe(), Safe: true}
		if d.order.told {
			st = State{Value: d.order.value}
		}
		o.tells(d, "out", &st.Value)
		return d.output.Out(ctx, st.Value)
	})
	if err == nil {
		d.doubt = false
		r.State = &st
	}
	return err
}

// makeSafe is the last thing an output hears. If another spec carries on under its name, what was asked
// of it still is: the report tells what the wire has and no more.
func (o *owner) makeSafe(d *managed, goesOn bool) {
	if d.output == nil {
		return
	}
	d.order = order{}
	r := Report{Device: d.spec.Name}
	r.Err = o.switchTo(context.Background(), d, min(d.spec.Timeout, safeWithin), &r)
	if r.Err != nil {
		o.m.log.Error("output not put into its safe state", "device", d.spec.Name, "err", r.Err)
	}
	if r.State != nil && goesOn {
		r.State.Safe = false
	}
	r.At = o.m.clock.Now()
	o.m.report(r)
}

// drop closes a device; the next attempt opens it again.
func (o *owner) drop(d *managed) {
	if d.dev == nil {
		return
	}
	o.tells(d, "close", nil)
	err := o.call(context.Background(), d, d.spec.Timeout, func(context.Context) error { return d.dev.Close() })
	if err != nil {
		o.m.log.Debug("device not closed cleanly", "device", d.spec.Name, "err", err)
	}
	d.dev, d.sensor, d.output = nil, nil, nil
}

// call runs a piece of driver code: bounded by ctx, watched in case it does not obey, and contained
// if it panics. Go cannot stop a goroutine from outside, so one that hangs holds its bus until the
// kernel lets it go; all that can be done is to say so.
func (o *owner) call(ctx context.Context, d *managed, within time.Duration, driver func(context.Context) error) (err error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	o.enter(d, within)
	defer o.exit()
	defer func() {
		if reason := recover(); reason != nil {
			err = o.contain(d, reason)
		}
	}()
	err = driver(ctx)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
		err = &Fault{
			Text:   fmt.Sprintf("%s on %s did not finish within %v", d.driver.Name, d.where(), within),
			Remedy: fmt.Sprintf("check that it is a %s; if it only is slow, raise timeout", d.driver.Name),
			Err:    err,
		}
	}
	return err
}

// contain turns a panic into a failure of this device alone. Its state is not to be trusted, so the
// next attempt opens it again.
func (o *owner) contain(d *managed, reason any) error {
	o.climb(d, Restart, panicFault(d.driver.Name, reason))
	o.m.log.Error("driver failed inside", "device", d.spec.Name, "driver", d.driver.Name,
		"err", fmt.Sprint(reason), "stack", string(debug.Stack()))
	if dev := d.dev; dev != nil {
		d.dev, d.sensor, d.output = nil, nil, nil
		func() {
			defer func() { _ = recover() }() // it failed already; closing is a courtesy
			_ = dev.Close()
		}()
	}
	return panicFault(d.driver.Name, reason)
}

// enter and exit bracket the time in which a driver is at work.
func (o *owner) enter(d *managed, within time.Duration) {
	o.callMu.Lock()
	o.calling = d
	o.callMu.Unlock()
	if o.hang == nil {
		o.hang = time.AfterFunc(within+hangGrace, o.hangs)
	} else {
		o.hang.Reset(within + hangGrace)
	}
}

func (o *owner) exit() {
	o.hang.Stop()
	o.callMu.Lock()
	o.calling = nil
	o.callMu.Unlock()
}

// hangs tells people that a driver did not return. It holds callMu, so the owner cannot report the
// return before this is told.
func (o *owner) hangs() {
	o.callMu.Lock()
	defer o.callMu.Unlock()
	d := o.calling
	if d == nil {
		return
	}
	f := hungFault(d.driver.Name, d.where(), d.spec.Timeout+hangGrace)
	o.raise(d, f, false)
	o.m.log.Error("driver hangs", "device", d.spec.Name, "driver", d.driver.Name, "on", d.where())
	o.m.report(Report{Device: d.spec.Name, At: o.m.clock.Now(), Err: f})
}
