package ina219

import (
	"errors"
	"fmt"
	"math"
	"slices"
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

func board(volts, amps float64) (*sim.Board, *sim.INA219) {
	c := &sim.INA219{Ohms: 0.1, Load: func(time.Time) (float64, float64) { return volts, amps }}
	b := sim.NewBoard("sim:supply")
	b.Plug(0x40, c)
	return b, c
}

func TestDriver(t *testing.T) {
	drivertest.Run(t, drivertest.Case{
		Driver: "ina219",
		Bus: func() i2c.Bus {
			b, _ := board(12, 0.5)
			return b.Bus()
		},
		Other: func() i2c.Bus {
			b := sim.NewBoard("sim:supply")
			b.Plug(0x40, &sim.INA226{Ohms: 0.1, Load: func(time.Time) (float64, float64) { return 12, 0.5 }})
			return b.Bus()
		},
	})
}

// The datasheet's example (section 8.5.1, table 8): 12 V, 10 A, a shunt of 2 mΩ. Its own registers say 10 A, and 119.82 W
// where 11.98 V by 10 A are 119.8.
func TestDecode(t *testing.T) {
	s := decode(0x07D0, 0x5D98, 0.002)
	if got := fmt.Sprintf("%.4g V %.4g A %.4g W", s[0].Value, s[1].Value, s[2].Value); got != "11.98 V 10 A 119.8 W" {
		t.Errorf("the datasheet's example is %s", got)
	}
	for _, c := range []struct {
		shunt int16
		bus   uint16
		want  bool
	}{
		{-32768, 0, true}, {-0x7D00, 0, true}, {0x7D00, 0, true}, {0x7CFF, 2, false}, {0, 3, true},
	} {
		if s := decode(c.shunt, c.bus, 0.1); (s[1].Doubt != "") != c.want || s[1].Doubt != s[2].Doubt {
			t.Errorf("decode(%d, %04x): doubt %q", c.shunt, c.bus, s[1].Doubt)
		}
	}
	// Figures 20 and 21 of the datasheet: full scales of the shunt register at ±320 mV.
	var minus uint16 = 0x8300
	if s := decode(int16(minus), 0, 1); math.Abs(s[1].Value+0.32) > 1e-9 {
		t.Errorf("8300 is %v V, want -0.32", s[1].Value)
	}
}

// What goes over the wire, byte by byte.
func TestTranscript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := &i2ctest.Playback{Ops: []i2ctest.IO{
			{Addr: 0x41, W: []byte{0, 0x80, 0}},
			{Addr: 0x41, W: []byte{0}, R: []byte{0x39, 0x9F}},
			{Addr: 0x41, W: []byte{0, 0x3E, 0x63}},
			{Addr: 0x41, W: []byte{0}, R: []byte{0x3E, 0x63}},
			{Addr: 0x41, W: []byte{2}, R: []byte{0x5D, 0x9A}},
			{Addr: 0x41, W: []byte{1}, R: []byte{0x07, 0xD0}},
		}}
		d, err := Open(t.Context(), bus, Config{Address: 0x41, Shunt: 0.002})
		if err != nil {
			t.Fatal(err)
		}
		s, err := d.Read(t.Context())
		if got := fmt.Sprintf("%.4g %.4g %.4g %v", s[0].Value, s[1].Value, s[2].Value, err); got != "11.98 10 119.8 <nil>" {
			t.Errorf("read %s", got)
		}
		if err := bus.Close(); err != nil {
			t.Error(err)
		}
	})
}

// The simulator has no code in common with the driver.
func TestSimulated(t *testing.T) {
	for _, c := range []struct {
		volts, amps float64
		doubt       bool
	}{
		{5, 0.25, false}, {0, 0, false}, {12, -0.1, false}, {24, 3.2, true}, {24, -2 * 3.2, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			b, _ := board(c.volts, c.amps)
			d, err := Open(t.Context(), b.Bus(), Config{Address: 0x40, Shunt: 0.1})
			if err != nil {
				t.Fatal(err)
			}
			s, err := d.Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			amps := min(max(c.amps, -3.2), 3.2)
			if math.Abs(s[0].Value-c.volts) > 0.002 || math.Abs(s[1].Value-amps) > 0.0001 || math.Abs(s[2].Value-c.volts*amps) > 0.01 ||
				(s[1].Doubt != "") != c.doubt || s[1].Doubt != s[2].Doubt || s[0].Doubt != "" {
				t.Errorf("%v V and %v A read as %+v", c.volts, c.amps, s)
			}
		})
	}
}

// resets loses its power when it is asked for its configuration after a measurement.
type resets struct{ *sim.INA219 }

func (c resets) Write(now time.Time, w []byte) bool {
	if len(w) == 1 && w[0] == 0 {
		c.PowerOff()
	}
	return c.INA219.Write(now, w)
}

func TestTroubles(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(b *sim.Board, c *sim.INA219)
		is   error
		text string
	}{
		{"unplugged", func(b *sim.Board, _ *sim.INA219) { b.Trouble(sim.Unplugged) }, device.ErrNoAnswer, "no answer at 0x40 on sim:supply"},
		{"ones", func(b *sim.Board, _ *sim.INA219) { b.Trouble(sim.Ones) }, device.ErrNoAnswer, "no answer at 0x40 on sim:supply: only ones"},
		{"stuck", func(b *sim.Board, _ *sim.INA219) { b.Trouble(sim.Stuck) }, device.ErrBusStuck, "the bus sim:supply does not move"},
		{"power lost", func(b *sim.Board, c *sim.INA219) { b.Plug(0x40, resets{c}) }, nil, "0x40 on sim:supply lost its power while it measured"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, chip := board(12, 0.5)
				d, err := Open(t.Context(), b.Bus(), Config{Address: 0x40, Shunt: 0.1})
				if err != nil {
					t.Fatal(err)
				}
				c.do(b, chip)
				_, err = d.Read(t.Context())
				if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.HasPrefix(err.Error(), c.text) {
					t.Errorf("error %v, want %q", err, c.text)
				}
			})
		})
	}
}

func TestStranger(t *testing.T) {
	b := sim.NewBoard("sim:supply")
	b.Plug(0x40, &sim.INA226{Ohms: 0.1, Load: func(time.Time) (float64, float64) { return 0, 0 }})
	want := "0x40 on sim:supply is an INA226 or one like it (configuration 4127), not an INA219: it is another chip"
	if _, err := Open(t.Context(), b.Bus(), Config{Address: 0x40, Shunt: 0.1}); err == nil || err.Error() != want {
		t.Errorf("Open of an INA226: %v, want %q", err, want)
	}
	if _, err := (Config{}).Probe(t.Context(), b.Bus(), 0x40); err == nil {
		t.Error("Probe takes an INA226 for an INA219")
	}
	b, _ = board(0, 0)
	if model, err := (Config{}).Probe(t.Context(), b.Bus(), 0x40); model == "" || err != nil {
		t.Errorf("Probe = %q, %v", model, err)
	}
}

func TestCheck(t *testing.T) {
	var got []string
	note := func(key, problem, remedy string) {
		if got = append(got, key); problem == "" || remedy == "" {
			t.Errorf("fault at %s: %q, %q", key, problem, remedy)
		}
	}
	Config{Address: 0x50}.Check(note)
	Config{Address: 0x40, Shunt: math.NaN()}.Check(note)
	if want := []string{"address", "shunt", "shunt"}; !slices.Equal(got, want) {
		t.Errorf("faults at %q, want %q", got, want)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(int16(0x07D0), uint16(0x5D98))
	f.Fuzz(func(t *testing.T, shunt int16, bus uint16) {
		s := decode(shunt, bus, 0.1)
		if s[0].Value < 0 || s[0].Value > 32.764 || math.Abs(s[1].Value) > 3.2768 || math.Abs(s[2].Value-s[0].Value*s[1].Value) > 1e-9 {
			t.Errorf("decode(%d, %d) = %v", shunt, bus, s)
		}
	})
}
