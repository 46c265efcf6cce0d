package device

import (
	"math"
	"slices"
	"time"

	"selvage/edge/clock"
)

// reopenAfter is how many failures in a row make the owner close a device and open it again: a chip
// that lost power has lost its settings, and another may be in its place.
const reopenAfter = 3

// managed is one device in a manager's charge. Its owner's goroutine alone touches it, except for the
// fields that never change, owner, which Manager.mu guards, and what owner.mu guards. Until it
// has an owner it is the manager's.
type managed struct {
	spec   Spec
	driver Driver
	owner  *owner // nil while the one that had its name is still to be closed
	code   string // of its condition: "device.air"

	until *time.Timer // makes it safe when what it was told is too old; nil for never, Manager.mu guards it
	held  time.Time   // when that was told; guarded likewise

	asked   *order   // what Out asked since the owner last looked
	ordered bool     // something has been asked of it; guarded as asked is
	takes   *Channel // what it takes, nil until it was opened; guarded as asked is
	asks    bool     // it wants to be read; guarded as asked is

	dev      Device // nil while closed
	sensor   Sensor // dev, if it measures
	output   Output // dev, if it switches
	channels []Channel
	order    order // what the output is to do
	doubt    bool  // the wire may differ from order

	wakes   bool           // it tells when there is something to read
	contact bool           // it only has Boolean channels
	last    []NamedReading // what a contact reported last
	told    time.Time      // when that was
	whole   bool           // the next report is to say what the device is, too

	plan  schedule
	due   time.Time // zero = nothing to do
	fails int       // in a row
	tried []Step    // in this row
	waste waste     // bus time that its failures took from others
	good  NamedReading
	since time.Time // of the first failure in this row
}

// order is what an output is told. Untold, it does what is safe.
type order struct {
	value Value
	told  bool
	at    time.Time // when
}

func newManaged(s Spec, d Driver) *managed {
	if s.Timeout <= 0 {
		s.Timeout = d.Patience(s.Config)
	}
	return &managed{spec: s, driver: d, code: "device." + s.Name, plan: schedule{every: s.Every}, doubt: d.Output}
}

// where names the device's place for people.
func (d *managed) where() string {
	if d.driver.Wire == NoWire {
		return "this machine"
	}
	return d.spec.Wire
}

// opened takes a device that was just opened and tells what it is.
func (d *managed) opened(dev Device) *Opened {
	d.dev = dev
	d.sensor, _ = dev.(Sensor)
	d.output, _ = dev.(Output)
	d.doubt = d.output != nil
	if d.sensor != nil {
		d.channels = d.sensor.Channels()
		d.contact = !slices.ContainsFunc(d.channels, func(c Channel) bool { return c.Form != Boolean })
		w, wakes := dev.(Waker)
		d.wakes = wakes && w.Wake(func() { d.owner.ask(d) })
		d.plan.every = d.every()
		d.space()
	}
	return d.description()
}

// description tells what the opened device is.
func (d *managed) description() *Opened {
	o := &Opened{Info: d.dev.Info()}
	if o.Info.Driver == "" {
		o.Info.Driver = d.driver.Name
	}
	if o.Info.Wire == "" && d.driver.Wire != NoWire {
		o.Info.Wire = d.where()
	}
	if d.output != nil {
		takes := d.output.Takes()
		o.Takes = &takes
	}
	if d.sensor != nil {
		o.Channels = slices.Clone(d.channels)
	}
	return o
}

// every is the time between two measurements of the opened device, or two writings of its state; 0 = never.
func (d *managed) every() time.Duration {
	switch {
	case d.spec.Every > 0 || d.sensor == nil:
		return d.spec.Every
	case d.contact && !d.wakes:
		return contactEvery
	}
	return DefaultEvery
}

// space tells a device that asks to be read how often that is wanted.
func (d *managed) space() {
	if l, ok := d.dev.(Overheard); ok {
		l.Space(d.plan.every)
	}
}

// revise takes other times for those it was run with. The device stays open.
func (d *managed) revise(every, timeout time.Duration, now time.Time) {
	d.spec.Every, d.spec.Timeout = every, timeout
	d.plan = schedule{every: d.every()}
	d.space()
	d.last = nil // the next reading is news
	if d.dev != nil && d.fails == 0 {
		d.due = now
	}
}

// worthTelling keeps a contact, which is read often to catch its changes, from saying the same each
// time: unchanged, it is reported no more than every DefaultEvery. Who sets Every gets every reading.
func (d *managed) worthTelling(rs []NamedReading, now time.Time) bool {
	same := d.contact && d.spec.Every <= 0 && len(rs) == len(d.last) && now.Sub(d.told) < DefaultEvery
	for i := 0; same && i < len(rs); i++ {
		a, b := rs[i].Reading, d.last[i].Reading
		same = a.Value == b.Value && a.Quality == b.Quality && a.Reason == b.Reason
	}
	if !same && d.contact {
		d.told, d.last = now, slices.Clone(rs)
	}
	return !same
}

// readings gives every quantity of a sample its unit, time and quality.
func (d *managed) readings(s Sample, at clock.Stamp) []NamedReading {
	out := make([]NamedReading, len(s))
	for i, q := range s {
		r := Reading{Value: q.Value, Text: q.Text, At: at}
		c := d.channel(q.Channel)
		if c != nil {
			r.Unit, r.Form = c.Unit, c.Form
		}
		switch {
		case q.Err != nil:
			r.Value, r.Text, r.Quality, r.Reason = 0, "", Bad, words(q.Err)
		case c != nil && c.Form == Number:
			r.Quality, r.Reason = c.quality(q.Value)
			r.Value = c.round(q.Value)
		}
		if q.Doubt != "" && r.Quality == Good {
			r.Quality, r.Reason = Uncertain, q.Doubt
		}
		if math.IsNaN(r.Value) || math.IsInf(r.Value, 0) {
			r.Value = 0 // JSON and other readers have no word for it; the quality is bad already
		}
		out[i] = NamedReading{q.Channel, r}
	}
	return out
}

func (d *managed) channel(name string) *Channel {
	for i := range d.channels {
		if d.channels[i].Name == name {
			return &d.channels[i]
		}
	}
	return nil
}

// firstErr returns the error of a sample none of whose quantities is there.
func firstErr(s Sample) error {
	var err error
	for _, q := range s {
		if q.Err == nil {
			return nil
		}
		if err == nil {
			err = q.Err
		}
	}
	return err
}
