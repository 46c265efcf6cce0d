package device

import (
	"context"
	"errors"
	"slices"
	"time"
)

// reopenBusAfter is how long a bus must have been open before silence of all its devices makes the
// owner open it anew.
const reopenBusAfter = 10 * time.Second

// openBus tries to open the owner's bus; while that fails, its devices are left alone.
func (o *owner) openBus(ctx context.Context) {
	err := o.tryBus(ctx)
	now := time.Now()
	if err == nil {
		if o.busFails > 0 {
			o.m.log.Info("bus is there", "bus", o.busName)
		}
		o.busFails, o.busSince, o.stuck = 0, now, 0
		o.m.health.Clear(o.busCode())
		for _, d := range o.devices {
			d.due = now
		}
		return
	}
	if ctx.Err() != nil {
		return
	}
	o.busFails++
	o.busDue = now.Add(pause(o.busFails, 0, 0, maxBusPause))
	o.busLost(err)
}

func (o *owner) tryBus(ctx context.Context) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = panicFault("of the bus "+o.busName, reason)
		}
	}()
	bus, err := openBus(ctx, o.kind, o.busName)
	if err == nil {
		o.bus = o.tap().on(bus)
		o.held, _ = bus.(Recoverer)
	}
	return err
}

// busLost raises the bus's condition and, the first time, tells every device on it; who listens to one is told each time.
func (o *owner) busLost(err error) {
	o.m.health.Raise(conditionOfBus(o.busCode(), o.busName, err))
	first := o.busFails == 1
	if first {
		o.m.log.Info("bus is missing", "bus", o.busName, "err", err)
	}
	at := o.m.clock.Now()
	for _, d := range o.devices {
		r := Report{Device: d.spec.Name, At: at, Err: err, Tried: slices.Clone(d.tried)}
		if !first {
			o.m.ears.tell(d.spec.Name, Heard{Report: &r})
			continue
		}
		o.raise(d, err, false) // which the bus's own explains, so that nobody sees it
		o.m.report(r)
	}
}

// checkBus looks past the failure of one device at its bus. A bus that is gone is closed, one that does not move is
// freed if there is a way, and one on which every device has been silent for a while is opened anew, which costs
// nothing and finds a USB adapter that was plugged in again under the same name.
func (o *owner) checkBus(d *managed, err error) {
	if o.bus == nil {
		return
	}
	if errors.Is(err, ErrBusGone) {
		o.closeBus()
		for _, e := range o.devices {
			o.climb(e, Restart, err)
		}
		o.m.health.Add(o.busCode()+counters[Restart], 1)
		o.busFails = 1
		o.busDue = time.Now().Add(pause(1, 0, 0, maxBusPause))
		o.busLost(err)
		return
	}
	if _, listens := o.bus.(RadioBus); listens { // it tells by itself when it hears no more
		return
	}
	if o.free(d, err) || time.Since(o.busSince) < reopenBusAfter {
		return
	}
	for _, d := range o.devices {
		if d.fails < reopenAfter {
			return
		}
	}
	due := make([]time.Time, len(o.devices))
	for i, d := range o.devices {
		due[i] = d.due
		o.climb(d, Restart, err)
	}
	o.m.health.Add(o.busCode()+counters[Restart], 1)
	o.closeBus()
	if o.tryBus(context.Background()) != nil {
		return // the loop tries again at once and tells
	}
	o.busSince = time.Now()
	for i, d := range o.devices {
		d.due = due[i]
	}
}

// closeBus closes the bus and all devices on it.
func (o *owner) closeBus() {
	if o.bus == nil {
		return
	}
	for _, d := range o.devices {
		o.drop(d)
	}
	if err := o.bus.Close(); err != nil {
		o.m.log.Debug("bus not closed cleanly", "bus", o.busName, "err", err)
	}
	o.bus, o.busDue = nil, time.Now()
}

func (o *owner) busCode() string { return "bus." + o.busName }

// othersAnswer tells whether another device on the same bus is well, which clears the bus of suspicion.
func (o *owner) othersAnswer(d *managed) bool {
	for _, e := range o.devices {
		if e != d && e.dev != nil && e.fails == 0 {
			return true
		}
	}
	return false
}

// nobodyAnswers tells whether several devices share the bus and all fail.
func (o *owner) nobodyAnswers() bool {
	for _, e := range o.devices {
		if e.fails == 0 {
			return false
		}
	}
	return len(o.devices) > 1
}
