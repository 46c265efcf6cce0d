// Package drivertest is for authors of drivers: it holds a driver to what the manager and its users
// rely on, and names the rule that is broken and its reason.
package drivertest

import (
	"context"
	"errors"
	"math"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/spi"

	"selvage/edge/device"
)

// Case is a driver and a wire on which its device works, such as a simulated chip.
type Case struct {
	Driver string // registered name
	Config any    // nil = the driver's defaults

	Bus  func() i2c.Bus     // for a driver on I²C: a fresh bus with a working chip
	SPI  func() spi.Port    // for a driver on SPI: a fresh port with a working chip
	Pin  func() gpio.PinIO  // for a driver on a pin: a fresh pin
	Port func() device.Port // for a driver on a serial port: a fresh port with a working device

	// Radio, for a driver of devices that are heard, is a fresh adapter through which one is.
	Radio func(ctx context.Context) (device.RadioBus, error)

	// Other is a bus with another chip at the device's address, whose identity tells that it is another. Nil for a
	// chip that has no identity to ask for.
	Other func() i2c.Bus
	// OtherSPI is the same for a driver on SPI: a port with a chip whose answers cannot be this one's.
	OtherSPI func() spi.Port

	// Files is the folder of the files that a driver without a wire works by, for nobody else's use. They are made to
	// vanish and to fail.
	Files string

	// Steady tells that what the chip sends without checksums is read until two answers agree, so that no single
	// flipped bit may give a wrong value.
	Steady bool

	// Checksums tells that everything the chip sends is covered by checksums, so that no flipped bit
	// may pass.
	Checksums bool
}

// Run checks a driver. Each rule runs in a bubble of its own with virtual time, so the waits of a
// driver cost nothing, and a goroutine left behind fails the test.
func Run(t *testing.T, c Case) {
	d, ok := device.Lookup(c.Driver)
	if !ok {
		t.Fatalf("no driver is registered as %q; its package registers it in init", c.Driver)
	}
	for _, r := range rules {
		if r.on != device.NoWire && r.on != d.Wire {
			continue
		}
		t.Run(r.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { r.rule(t, newRig(t, c, d)) })
		})
	}
}

var rules = []struct {
	name string
	on   device.Kind // only for drivers on this wire
	rule func(t testing.TB, r *rig)
}{
	{"defaults pass their own check", device.NoWire, defaultsPass},
	{"says what it is", device.NoWire, saysWhatItIs},
	{"measures what it declares", device.NoWire, measuresWhatItDeclares},
	{"takes what it says it takes", device.NoWire, switches},
	{"obeys a context that has ended", device.NoWire, obeysEndedContext},
	{"closes twice", device.NoWire, closesTwice},
	{"keeps within its time", device.NoWire, keepsWithinItsTime},
	{"bears files that fail", device.NoWire, bearsFiles},
	{"comes back when its files do", device.NoWire, comesBackWithFiles},
	{"reports a NAK at every byte", device.I2C, reportsEveryNAK},
	{"leaves a stuck bus alone", device.I2C, leavesStuckBus},
	{"takes ones for silence", device.I2C, takesOnesForSilence},
	{"refuses another chip", device.I2C, refusesAnotherChip},
	{"is found by its Probe", device.I2C, isFound},
	{"comes back after being unplugged", device.I2C, comesBack},
	{"comes back after a power cut", device.I2C, survivesPowerCut},
	{"cuts its waits short", device.I2C, cutsWaits},
	{"finds every flipped bit", device.I2C, findsFlippedBits},
	{"is not misled by a flipped bit", device.I2C, notMisled},
	{"connects once", device.SPI, connectsOnce},
	{"reports every transfer that fails", device.SPI, reportsEveryFailure},
	{"takes ones for nobody", device.SPI, takesOnesForNobody},
	{"bears a power cut", device.SPI, bearsPowerCut},
	{"cuts its waits short", device.SPI, cutsWaits},
	{"refuses another chip on SPI", device.SPI, refusesAnotherOnSPI},
	{"reports a pin that fails", device.Pin, reportsPin},
	{"finds its frame behind garbage", device.Serial, findsBehindGarbage},
	{"takes no changed frame for a good one", device.Serial, findsChangedFrames},
	{"takes no cut frame for a whole one", device.Serial, findsCutFrames},
	{"takes nobody else's words", device.Serial, takesNoBabble},
	{"reports silence", device.Serial, reportsSilence},
	{"reports a port that is gone", device.Serial, reportsGonePort},
	{"ends its waits with its context", device.Serial, endsWaits},
	{"reports an adapter that is gone", device.Radio, reportsGoneRadio},
	{"waits for what is not heard", device.Radio, waitsForSilent},
}

// rig is one rule's driver and the wire it can make fail.
type rig struct {
	c      Case
	driver device.Driver
	bus    *bus
	pin    *pin
	spi    *spiPort
	port   *port
	radio  *radio
}

func newRig(t testing.TB, c Case, d device.Driver) *rig {
	r := &rig{c: c, driver: d}
	switch {
	case d.Wire == device.I2C && c.Bus == nil, d.Wire == device.SPI && c.SPI == nil,
		d.Wire == device.Pin && c.Pin == nil, d.Wire == device.Serial && c.Port == nil,
		d.Wire == device.Radio && c.Radio == nil:
		t.Fatalf("the driver needs a wire (%s) and the case has none", d.Wire)
	case d.Wire == device.I2C:
		r.bus = &bus{Bus: c.Bus()}
	case d.Wire == device.Pin:
		r.pin = &pin{PinIO: c.Pin()}
	case d.Wire == device.SPI:
		r.spi = &spiPort{Port: c.SPI()}
	case d.Wire == device.Serial:
		r.port = &port{Port: c.Port()}
	case d.Wire == device.Radio:
		r.radio = newRadio(t, c)
	}
	return r
}

func (r *rig) open(ctx context.Context) (device.Device, error) {
	switch {
	case r.bus != nil:
		return r.driver.Open(ctx, i2c.Bus(r.bus), r.c.Config)
	case r.pin != nil:
		wire := gpio.PinIO(r.pin)
		if edges, ok := r.pin.PinIO.(device.EdgePin); ok {
			wire = &edgePin{r.pin, edges}
		}
		return r.driver.Open(ctx, wire, r.c.Config)
	case r.spi != nil:
		return r.driver.Open(ctx, spi.Port(r.spi), r.c.Config)
	case r.port != nil:
		return r.driver.Open(ctx, device.Port(r.port), r.c.Config)
	case r.radio != nil:
		return r.driver.Open(ctx, device.RadioBus(r.radio), r.c.Config)
	}
	return r.driver.Open(ctx, nil, r.c.Config)
}

func (r *rig) mustOpen(t testing.TB) device.Device {
	t.Helper()
	d, err := r.open(t.Context())
	if err != nil {
		t.Fatalf("open on a working wire: %v", err)
	}
	t.Cleanup(func() { _ = d.Close() })
	if r.radio != nil {
		<-time.After(hearWithin)
	}
	return d
}

// unsafe is a value that an output takes and that is not its safe one.
func unsafe(o device.Output) device.Value {
	c, safe := o.Takes(), o.Safe()
	switch {
	case c.Form == device.Boolean:
		return device.On(!safe.Bool())
	case c.Form == device.Text:
		return device.Words(safe.Text + "21.5 °C")
	case c.Min == 0 && c.Max == 0:
		return device.Of(safe.Number + 1)
	case safe.Number != c.Max:
		return device.Of(c.Max)
	}
	return device.Of(c.Min)
}

// use does what the device is for: one measurement, and one setting there and back.
func use(ctx context.Context, d device.Device) (device.Sample, error) {
	if o, ok := d.(device.Output); ok {
		for _, v := range []device.Value{unsafe(o), o.Safe()} {
			if err := o.Out(ctx, v); err != nil {
				return nil, err
			}
		}
	}
	if s, ok := d.(device.Sensor); ok {
		return s.Read(ctx)
	}
	return nil, nil
}

func defaultsPass(t testing.TB, r *rig) {
	config := r.driver.Defaults
	if r.c.Config != nil { // there may be a key for which there is no default, such as a file
		config = r.c.Config
	}
	check, ok := config.(interface {
		Check(func(key, problem, remedy string))
	})
	if !ok {
		t.Skip("its Config has no Check")
	}
	check.Check(func(key, problem, remedy string) {
		t.Errorf("the default of %s, or what the case has for it, is refused: %s; %s", key, problem, remedy)
	})
}

var laneName = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

func saysWhatItIs(t testing.TB, r *rig) {
	d := r.mustOpen(t)
	if got := d.Info().Driver; got != r.c.Driver {
		t.Errorf("Info().Driver = %q, want its registered name %q", got, r.c.Driver)
	}
	s, ok := d.(device.Sensor)
	if !ok {
		return
	}
	seen := map[string]bool{}
	for _, c := range s.Channels() {
		if !laneName.MatchString(c.Name) {
			t.Errorf("channel %q: the name becomes a lane; use small letters, digits and -", c.Name)
		}
		if seen[c.Name] {
			t.Errorf("channel %q is declared twice", c.Name)
		}
		seen[c.Name] = true
		if c.Form == device.Number && c.Unit == "" {
			t.Errorf(`channel %q has no unit; a plain number has the unit "1"`, c.Name)
		}
		if c.Min > c.Max || c.Resolution < 0 {
			t.Errorf("channel %q: impossible range or resolution: %+v", c.Name, c)
		}
	}
	if len(seen) == 0 {
		t.Error("a sensor without channels measures nothing")
	}
}

func measuresWhatItDeclares(t testing.TB, r *rig) {
	s, ok := r.mustOpen(t).(device.Sensor)
	if !ok {
		t.Skip("not a sensor")
	}
	channels := map[string]device.Channel{}
	for _, c := range s.Channels() {
		channels[c.Name] = c
	}
	for range 2 {
		sample, err := soon(t.Context(), s)
		if err != nil {
			t.Fatalf("Read on a working wire: %v", err)
		}
		seen := map[string]bool{}
		for _, m := range sample {
			c, ok := channels[m.Channel]
			switch {
			case !ok:
				t.Errorf("a measurement of %q, which Channels does not declare", m.Channel)
			case seen[m.Channel]:
				t.Errorf("%q is measured twice in one sample", m.Channel)
			case m.Err != nil:
				t.Errorf("%q on a working wire: %v", m.Channel, m.Err)
			case math.IsNaN(m.Value) || math.IsInf(m.Value, 0):
				t.Errorf("%q = %v; what cannot be told is an Err", m.Channel, m.Value)
			case (c.Min != 0 || c.Max != 0) && (m.Value < c.Min || m.Value > c.Max):
				t.Errorf("%q = %v, outside its own range %v to %v", m.Channel, m.Value, c.Min, c.Max)
			case c.Form == device.Boolean && m.Value != 0 && m.Value != 1:
				t.Errorf("%q = %v; a Boolean is 0 or 1", m.Channel, m.Value)
			}
			seen[m.Channel] = true
		}
		<-time.After(time.Second)
	}
}

func switches(t testing.TB, r *rig) {
	o, ok := r.mustOpen(t).(device.Output)
	if !ok {
		t.Skip("not an output")
	}
	takes, safe := o.Takes(), o.Safe()
	if v, err := takes.Fit(safe); err != nil || v != safe {
		t.Errorf("Safe() = %v, which it does not take itself: %v", safe, err)
	}
	var levels []gpio.Level
	for _, v := range []device.Value{unsafe(o), safe, safe, unsafe(o)} {
		if err := o.Out(t.Context(), v); err != nil {
			t.Fatalf("Out(%v) on a working wire: %v", v, err)
		}
		if r.pin != nil {
			levels = append(levels, r.pin.PinIO.Read())
		}
	}
	if len(levels) == 4 && (levels[0] == levels[1] || levels[1] != levels[2] || levels[0] != levels[3]) {
		t.Errorf("the pin was %v after the other state, the safe one twice, and the other again", levels)
	}
}

func obeysEndedContext(t testing.TB, r *rig) {
	d := r.mustOpen(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	before := r.transfers()
	if _, err := use(ctx, d); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: error %v, want context.Canceled", err)
	}
	if n := r.transfers() - before; n > 0 {
		t.Errorf("%d transfers after the context had ended: the manager is stopping and wants the bus", n)
	}
}

func closesTwice(t testing.TB, r *rig) {
	d := r.mustOpen(t)
	for i := range 2 {
		if err := d.Close(); err != nil {
			t.Errorf("Close number %d: %v", i+1, err)
		}
	}
}

// heal ends all trouble on a bus and counts its transfers from the beginning.
func (r *rig) heal() {
	if r.bus != nil {
		r.bus.heal()
	} else {
		r.spi.heal()
	}
}

// after has f look at what each transfer read, and change it.
func (r *rig) after(f func(n int, p []byte)) {
	if r.bus != nil {
		r.bus.after = f
	} else {
		r.spi.after = f
	}
}

func (r *rig) transfers() int {
	switch {
	case r.bus != nil:
		return r.bus.n
	case r.pin != nil:
		return r.pin.n
	case r.spi != nil:
		return r.spi.n
	case r.port != nil:
		return r.port.n
	}
	return 0
}

// Refused returns the keys in which configs are at fault, in the order of their Checks. Each fault says what is wrong, and
// what would be right.
func Refused(t testing.TB, configs ...interface {
	Check(func(key, problem, remedy string))
}) string {
	t.Helper()
	var keys []string
	for _, c := range configs {
		c.Check(func(key, problem, remedy string) {
			if keys = append(keys, key); problem == "" || remedy == "" {
				t.Errorf("the fault at %s says %q, and what to do is %q", key, problem, remedy)
			}
		})
	}
	return strings.Join(keys, " ")
}
