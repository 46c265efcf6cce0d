package device

import "time"

// A Timekeeper is a sensor that knows the wall time by itself: a clock with a battery, a receiver of satellites.
type Timekeeper interface {
	Sensor
	// Wall is the wall time at the last Read, and whether it can be relied on and the config says that it is to be.
	Wall() (t time.Time, ok bool)
}

// slack is how far the clock and a timekeeper may be apart: two of these differ by a second, as that is what they count.
const slack = 2 * time.Second

// takeTime has the host's clock take the time that a device was just read with, as long as the kernel knows none.
func (o *owner) takeTime(d *managed) {
	k, ok := d.sensor.(Timekeeper)
	if !ok {
		return
	}
	if wall, ok := k.Wall(); ok && o.m.clock.Suggest(wall, slack) {
		o.m.log.Info("time is known", "from", d.spec.Name, "time", wall.UTC().Format(time.RFC3339))
	}
}
