package device

import (
	"context"

	"selvage/edge/clock"
)

// Try opens a device by itself, without a manager, and reads it once if it measures. An output is opened and left as it
// is. What is done is told to hear, if it is not nil. The report always says how it went; it has what was opened also
// where reading failed.
func Try(ctx context.Context, s Spec, hear func(Heard)) Report {
	r := Report{Device: s.Name}
	r.Err = try(ctx, s, hear, &r)
	r.At = clock.System().Now()
	for i := range r.Readings {
		r.Readings[i].Reading.At = r.At
	}
	return r
}

func try(ctx context.Context, s Spec, hear func(Heard), r *Report) error {
	driver, err := driverOf(s)
	if err != nil {
		return err
	}
	m := NewManager(Options{})
	if hear != nil {
		m.ears.add(s.Name, &ear{hear, true})
	}
	d := newManaged(s, driver)
	o := newOwner(m, s.Name, driver.Wire, s.Wire)
	if o.busName != "" {
		bus, err := openBus(ctx, driver.Wire, s.Wire)
		if err != nil {
			return err
		}
		o.bus = o.tap().on(bus)
		defer o.bus.Close()
	}
	var dev Device
	err = o.call(ctx, d, d.spec.Timeout, func(ctx context.Context) (err error) {
		dev, err = o.open(ctx, d)
		return err
	})
	if err != nil {
		return err
	}
	d.owner = o
	r.Opened = d.opened(dev)
	defer o.drop(d)
	if d.sensor == nil {
		return nil
	}
	var got Sample
	o.tells(d, "read", nil)
	within, read := d.spec.Timeout, d.sensor.Read
	heard, isHeard := dev.(Overheard)
	if isHeard {
		within += tryHeard
		read = func(ctx context.Context) (Sample, error) { return hearOnce(ctx, heard) }
	}
	err = o.call(ctx, d, within, func(ctx context.Context) (err error) {
		got, err = read(ctx)
		return err
	})
	if isHeard && heard.Learned() {
		d.channels = heard.Channels()
		r.Opened = d.description()
	}
	if err != nil {
		return err
	}
	r.Readings = Judged(d.channels, got)
	return firstErr(got)
}

// Judged gives what a sensor measured the units and the quality that its channels tell of. The time is left out.
func Judged(channels []Channel, s Sample) []NamedReading {
	d := managed{channels: channels}
	return d.readings(s, clock.Stamp{})
}
