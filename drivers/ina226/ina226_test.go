package ina226

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

func board(volts, amps float64) (*sim.Board, *sim.INA226) {
	c := &sim.INA226{Ohms: 0.1, Load: func(time.Time) (float64, float64) { return volts, amps }}
	b := sim.NewBoard("sim:supply")
	b.Plug(0x40, c)
	return b, c
}

func TestDriver(t *testing.T) {
	drivertest.Run(t, drivertest.Case{
		Driver: "ina226",
		Bus: func() i2c.Bus {
			b, _ := board(12, 0.5)
			return b.Bus()
		},
		Other: func() i2c.Bus {
			b := sim.NewBoard("sim:supply")
			b.Plug(0x40, &sim.INA219{Ohms: 0.1, Load: func(time.Time) (float64, float64) { return 12, 0.5 }})
			return b.Bus()
		},
	})
}

// The datasheet's example (section 7.5.1, table 1): 12 V, 10 A, a shunt of 2 mΩ. Its own registers say 10 A, and 119.82 W
// where 11.98 V by 10 A are 119.8.
func TestDecode(t *testing.T) {
	s := decode(0x1F40, 0x2570, ready, 0.002)
	if got := fmt.Sprintf("%.4g V %.4g A %.4g W", s[0].Value, s[1].Value, s[2].Value); got != "11.98 V 10 A 119.8 W" {
		t.Errorf("the datasheet's example is %s", got)
	}
	// −80 mV is 8300 (section 7.6.2).
	var minus uint16 = 0x8300
	if s := decode(int16(minus), 0, ready, 1); math.Abs(s[1].Value+0.08) > 1e-9 || s[1].Doubt != "" {
		t.Errorf("8300 is %v V, want -0.08", s[1].Value)
	}
	for _, c := range []struct {
		shunt int16
		flags uint16
		want  bool
	}{
		{-32768, ready, true}, {-32767, ready, true}, {32767, ready, true}, {32766, ready, false}, {0, ready | overflow, true},
	} {
		if s := decode(c.shunt, 0, c.flags, 0.1); (s[1].Doubt != "") != c.want || s[1].Doubt != s[2].Doubt {
			t.Errorf("decode(%d, flags %04x): doubt %q", c.shunt, c.flags, s[1].Doubt)
		}
	}
}

// What goes over the wire, byte by byte.
func TestTranscript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := &i2ctest.Playback{Ops: []i2ctest.IO{
			{Addr: 0x41, W: []byte{0xFE}, R: []byte("TI")},
			{Addr: 0x41, W: []byte{0xFF}, R: []byte{0x22, 0x60}},
			{Addr: 0x41, W: []byte{0, 0x45, 0x23}},
			{Addr: 0x41, W: []byte{0}, R: []byte{0x45, 0x23}},
			{Addr: 0x41, W: []byte{6}, R: []byte{0, 8}},
			{Addr: 0x41, W: []byte{2}, R: []byte{0x25, 0x70}},
			{Addr: 0x41, W: []byte{1}, R: []byte{0x1F, 0x40}},
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
		{5, 0.25, false}, {0, 0, false}, {12, -0.1, false}, {24, 0.8192, true}, {24, -2 * 0.8192, true},
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
			amps := min(max(c.amps, -0.8192), 0.8192)
			if math.Abs(s[0].Value-c.volts) > 0.002 || math.Abs(s[1].Value-amps) > 0.0001 || math.Abs(s[2].Value-c.volts*amps) > 0.01 ||
				(s[1].Doubt != "") != c.doubt || s[1].Doubt != s[2].Doubt || s[0].Doubt != "" {
				t.Errorf("%v V and %v A read as %+v", c.volts, c.amps, s)
			}
		})
	}
}

// resets loses its power when it is asked for its configuration after a measurement.
type resets struct{ *sim.INA226 }

func (c resets) Write(now time.Time, w []byte) bool {
	if len(w) == 1 && w[0] == 0 {
		c.PowerOff()
	}
	return c.INA226.Write(now, w)
}

func TestTroubles(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(b *sim.Board, c *sim.INA226)
		is   error
		text string
	}{
		{"unplugged", func(b *sim.Board, _ *sim.INA226) { b.Trouble(sim.Unplugged) }, device.ErrNoAnswer, "no answer at 0x40 on sim:supply"},
		{"ones", func(b *sim.Board, _ *sim.INA226) { b.Trouble(sim.Ones) }, device.ErrNoAnswer, "no answer at 0x40 on sim:supply: only ones"},
		{"stuck", func(b *sim.Board, _ *sim.INA226) { b.Trouble(sim.Stuck) }, device.ErrBusStuck, "the bus sim:supply does not move"},
		{"power lost", func(b *sim.Board, c *sim.INA226) { b.Plug(0x40, resets{c}) }, nil, "0x40 on sim:supply lost its power while it measured"},
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
	for _, c := range []struct {
		maker, die [2]byte
		want       string
	}{
		{[2]byte{0, 0}, [2]byte{0, 0}, "0x40 on playback is something else, such as an INA219 (ids 0000 and 0000), not an INA226: it is another chip"},
		{[2]byte{'T', 'I'}, [2]byte{0x22, 0x70}, "0x40 on playback is another chip of Texas Instruments (die 2270), not an INA226: it is another chip"},
	} {
		bus := &i2ctest.Playback{Ops: []i2ctest.IO{
			{Addr: 0x40, W: []byte{0xFE}, R: c.maker[:]}, {Addr: 0x40, W: []byte{0xFF}, R: c.die[:]},
		}}
		if _, err := Open(t.Context(), bus, Config{Address: 0x40, Shunt: 0.1}); err == nil || err.Error() != c.want {
			t.Errorf("error %v, want %q", err, c.want)
		}
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
	f.Add(int16(0x1F40), uint16(0x2570), uint16(8))
	f.Fuzz(func(t *testing.T, shunt int16, bus, flags uint16) {
		s := decode(shunt, bus, flags, 0.1)
		if s[0].Value < 0 || s[0].Value > 40.96 || math.Abs(s[1].Value) > 0.8192001 || math.Abs(s[2].Value-s[0].Value*s[1].Value) > 1e-9 {
			t.Errorf("decode(%d, %d) = %v", shunt, bus, s)
		}
	})
}
