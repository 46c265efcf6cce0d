package pca9685

import (
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/i2c/i2ctest"

	"selvage/drivers/sim"
	"selvage/edge/device"
	"selvage/edge/device/drivertest"
)

func board() (*sim.Board, *sim.PCA9685) {
	c := new(sim.PCA9685)
	b := sim.NewBoard("sim:dimmer")
	b.Plug(0x40, c)
	return b, c
}

func TestDriver(t *testing.T) {
	drivertest.Run(t, drivertest.Case{
		Driver: "pca9685",
		Bus: func() i2c.Bus {
			b, _ := board()
			return b.Bus()
		},
		Other: func() i2c.Bus {
			b := sim.NewBoard("sim:dimmer")
			b.Plug(0x40, &sim.INA219{Ohms: 0.1, Load: func(time.Time) (float64, float64) { return 12, 1 }})
			return b.Bus()
		},
	})
}

// The datasheet's example: 200 Hz with 25 MHz are a prescaler of 30 (section 7.3.5), which is what it has after power-on,
// 1Eh; its least is 3, for 1526 Hz.
func TestPrescale(t *testing.T) {
	for hz, want := range map[float64]byte{200: 30, 1526: 3, 24: 253, 50: 121, 1000: 5} {
		if got := prescale(hz); got != want {
			t.Errorf("prescale(%v) = %d, want %d", hz, got, want)
		}
	}
}

// The datasheet's example 1 (section 7.3.3) is 20 % of 4096, which is 819 counts; full on and full off are bit 4 of the high
// bytes.
func TestPulse(t *testing.T) {
	for percent, want := range map[float64][4]byte{
		0: {0, 0, 0, 0x10}, 100: {0, 0x10, 0, 0}, 20: {0, 0, 0x33, 0x03}, 50: {0, 0, 0, 0x08}, 99.99: {0, 0x10, 0, 0}, 0.01: {0, 0, 0, 0x10}, 99.97: {0, 0, 0xFF, 0x0F},
	} {
		if got := pulse(percent); got != want {
			t.Errorf("pulse(%v) = % x, want % x", percent, got, want)
		}
	}
}

// What goes over the wire, byte by byte, from power-on.
func TestTranscript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := func(b ...byte) i2ctest.IO { return i2ctest.IO{Addr: 0x41, W: b} }
		r := func(reg byte, v ...byte) i2ctest.IO { return i2ctest.IO{Addr: 0x41, W: []byte{reg}, R: v} }
		bus := &i2ctest.Playback{Ops: []i2ctest.IO{
			r(2, 0xE2), r(3, 0xE4), r(4, 0xE8), r(5, 0xE0), r(0, 0x11), r(0xFE, 0x1E),
			w(0, 0x10), w(0xFE, 0x79), w(0, 0x20), w(0, 0xA0),
			r(0, 0x20), r(0xFE, 0x79), w(0x12, 0, 0, 0x33, 0x03), r(0x12, 0, 0, 0x33, 0x03),
		}}
		d, err := Open(t.Context(), bus, Config{Address: 0x41, Output: 3, Frequency: 50})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Out(t.Context(), device.Of(20)); err != nil {
			t.Error(err)
		}
		if err := bus.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Two outputs of one chip do not disturb each other, and both come back after a loss of power.
func TestOutputs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, c := board()
		open := func(output int, hz float64) *Dev {
			d, err := Open(t.Context(), b.Bus(), Config{Address: 0x40, Output: output, Frequency: hz})
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
		set := func(d *Dev, percent float64) {
			t.Helper()
			if err := d.Out(t.Context(), device.Of(percent)); err != nil {
				t.Error(err)
			}
		}
		look := func(what string, first, last float64) {
			t.Helper()
			if math.Abs(c.Duty(0)-first) > 0.001 || math.Abs(c.Duty(15)-last) > 0.001 || math.Abs(c.Frequency()-50) > 0.5 {
				t.Errorf("%s: %.3f and %.3f at %.1f Hz, want %v and %v", what, c.Duty(0), c.Duty(15), c.Frequency(), first, last)
			}
		}
		fan := open(0, 50)
		set(fan, 7.5)
		lamp := open(15, 50)
		look("after another output was opened", 0.075, 0)
		set(lamp, 100)
		look("both set", 0.075, 1)
		c.PowerOff()
		set(lamp, 40)
		look("one written again after a loss of power", 0, 0.4)
		set(fan, 7.5)
		look("both", 0.075, 0.4)

		other := open(1, 100) // takes the frequency away
		err := fan.Out(t.Context(), device.Of(10))
		if err == nil || !strings.Contains(err.Error(), "has 100 Hz, not 50 Hz") {
			t.Errorf("with the frequency of another: %v", err)
		}
		if c.Duty(0) < 0.07 || c.Duty(15) < 0.39 {
			t.Errorf("a change of frequency stopped pulses: %.3f and %.3f", c.Duty(0), c.Duty(15))
		}
		set(other, 1)
	})
}

func TestTroubles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := board()
		d, err := Open(t.Context(), b.Bus(), Config{Address: 0x40, Frequency: 200})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			trouble sim.Trouble
			is      error
			text    string
		}{
			{sim.Unplugged, device.ErrNoAnswer, "no answer at 0x40 on sim:dimmer"},
			{sim.Ones, device.ErrNoAnswer, "no answer at 0x40 on sim:dimmer: only ones"},
			{sim.Stuck, device.ErrBusStuck, "the bus sim:dimmer does not move"},
			{sim.None, nil, ""},
		} {
			b.Trouble(c.trouble)
			err := d.Out(t.Context(), device.Of(50))
			if !errors.Is(err, c.is) || err != nil && !strings.HasPrefix(err.Error(), c.text) {
				t.Errorf("trouble %d: error %v, want %q", c.trouble, err, c.text)
			}
		}
	})
}

func TestCheck(t *testing.T) {
	if got, want := drivertest.Refused(t, Config{Address: 0x70, Output: 16, Frequency: math.NaN(), Safe: 101}), "address output frequency safe"; got != want {
		t.Errorf("faults at %q, want %q", got, want)
	}
}

// Whatever is read, the output is set as asked or there is an error.
func FuzzOut(f *testing.F) {
	f.Add(byte(increment), byte(5), []byte{0, 0, 0x00, 0x08})
	f.Add(byte(sleep), byte(0x1E), []byte{})
	f.Fuzz(func(t *testing.T, mode, scale byte, has []byte) {
		var led [4]byte
		copy(led[:], has)
		bus := &i2ctest.Playback{DontPanic: true, Ops: []i2ctest.IO{
			{Addr: 0x40, W: []byte{regMode}, R: []byte{mode}},
			{Addr: 0x40, W: []byte{regPrescale}, R: []byte{scale}},
			{Addr: 0x40, W: []byte{regLED0, 0, 0, 0, 0x08}},
			{Addr: 0x40, W: []byte{regLED0}, R: led[:]},
		}}
		d := &Dev{chip: device.Chip{Bus: bus, Addr: 0x40}, c: Config{Address: 0x40, Frequency: 1000}}
		if err := d.Out(t.Context(), device.Of(50)); err == nil && (led != [4]byte{3: 0x08} || scale != prescale(1000) || mode&increment == 0) {
			t.Errorf("mode %02x, prescaler %d, output % x were taken for half of 1000 Hz", mode, scale, led)
		}
	})
}
