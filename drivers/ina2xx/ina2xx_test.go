package ina2xx

import (
	"errors"
	"fmt"
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

// chip is a simulated chip with a shunt of 0.1 Ω. It has no code in common with the driver.
func chip(p *part, volts, amps float64) sim.Chip {
	load := func(time.Time) (float64, float64) { return volts, amps }
	if p == &ina219 {
		return &sim.INA219{Ohms: 0.1, Load: load}
	}
	return &sim.INA226{Ohms: 0.1, Load: load}
}

func board(c sim.Chip) *sim.Board {
	b := sim.NewBoard("sim:supply")
	b.Plug(0x40, c)
	return b
}

func TestDriver(t *testing.T) {
	for p, other := range map[*part]*part{&ina219: &ina226, &ina226: &ina219} {
		t.Run(p.name, func(t *testing.T) {
			drivertest.Run(t, drivertest.Case{
				Driver: p.driver,
				Bus:    func() i2c.Bus { return board(chip(p, 12, 0.5)).Bus() },
				Other:  func() i2c.Bus { return board(chip(other, 12, 0.5)).Bus() },
			})
		})
	}
}

// The example of both data sheets (SBOS448G, section 8.5.1, table 8; SBOS547A, section 7.5.1, table 1): 12 V, 10 A, a shunt
// of 2 mΩ. Their own registers say 10 A, and 119.82 W where 11.98 V by 10 A are 119.8.
func TestDatasheetExample(t *testing.T) {
	for p, regs := range map[*part][2]uint16{&ina219: {0x07D0, 0x5D98}, &ina226: {0x1F40, 0x2570}} {
		s := p.decode(int16(regs[0]), regs[1], p.ready, 0.002)
		if got := fmt.Sprintf("%.4g V %.4g A %.4g W", s[0].Value, s[1].Value, s[2].Value); got != "11.98 V 10 A 119.8 W" {
			t.Errorf("%s: %s", p.name, got)
		}
	}
}

func TestDecode(t *testing.T) {
	for _, c := range []struct {
		part  *part
		shunt uint16
		flags uint16
		volts float64 // at the shunt
		doubt bool
	}{
		{&ina219, 0x8300, 0, -0.32, true}, // SBOS448G, figure 20: full scale at ±320 mV
		{&ina219, 0x7D00, 0, 0.32, true}, {&ina219, 0x7CFF, 2, 0.31999, false}, {&ina219, 0, 3, 0, true},
		{&ina226, 0x8300, ina226.ready, -0.08, false}, // SBOS547A, section 7.6.2
		{&ina226, 0x8000, ina226.ready, -0.08192, true}, {&ina226, 0x8001, ina226.ready, -0.0819175, true},
		{&ina226, 0x7FFF, ina226.ready, 0.0819175, true}, {&ina226, 0x7FFE, ina226.ready, 0.081915, false},
		{&ina226, 0, ina226.ready | ina226.overflow, 0, true},
	} {
		s := c.part.decode(int16(c.shunt), 0, c.flags, 1)
		if math.Abs(s[1].Value-c.volts) > 1e-9 || (s[1].Doubt != "") != c.doubt || s[1].Doubt != s[2].Doubt {
			t.Errorf("%s: shunt %04x, flags %04x is %+v, want %v V", c.part.name, c.shunt, c.flags, s[1], c.volts)
		}
	}
}

// What goes over the wire, byte by byte.
func TestTranscript(t *testing.T) {
	for p, ops := range map[*part][]i2ctest.IO{
		&ina219: {
			{Addr: 0x41, W: []byte{0, 0x80, 0}},
			{Addr: 0x41, W: []byte{0}, R: []byte{0x39, 0x9F}},
			{Addr: 0x41, W: []byte{0, 0x3E, 0x63}},
			{Addr: 0x41, W: []byte{0}, R: []byte{0x3E, 0x63}},
			{Addr: 0x41, W: []byte{2}, R: []byte{0x5D, 0x9A}},
			{Addr: 0x41, W: []byte{1}, R: []byte{0x07, 0xD0}},
		},
		&ina226: {
			{Addr: 0x41, W: []byte{0xFE}, R: []byte("TI")},
			{Addr: 0x41, W: []byte{0xFF}, R: []byte{0x22, 0x60}},
			{Addr: 0x41, W: []byte{0, 0x45, 0x23}},
			{Addr: 0x41, W: []byte{0}, R: []byte{0x45, 0x23}},
			{Addr: 0x41, W: []byte{6}, R: []byte{0, 8}},
			{Addr: 0x41, W: []byte{2}, R: []byte{0x25, 0x70}},
			{Addr: 0x41, W: []byte{1}, R: []byte{0x1F, 0x40}},
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			bus := &i2ctest.Playback{Ops: ops}
			d, err := open(t.Context(), device.Chip{Bus: bus, Addr: 0x41}, p, 0.002)
			if err != nil {
				t.Fatal(err)
			}
			s, err := d.Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprintf("%.4g %.4g %.4g", s[0].Value, s[1].Value, s[2].Value); got != "11.98 10 119.8" {
				t.Errorf("%s: read %s", p.name, got)
			}
			if err := bus.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSimulated(t *testing.T) {
	for _, c := range []struct {
		part        *part
		volts, amps float64
		doubt       bool
	}{
		{&ina219, 5, 0.25, false}, {&ina219, 0, 0, false}, {&ina219, 12, -0.1, false}, {&ina219, 24, 3.2, true}, {&ina219, 24, -2 * 3.2, true},
		{&ina226, 5, 0.25, false}, {&ina226, 0, 0, false}, {&ina226, 12, -0.1, false}, {&ina226, 24, 0.8192, true}, {&ina226, 24, -2 * 0.8192, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			d, err := open(t.Context(), device.Chip{Bus: board(chip(c.part, c.volts, c.amps)).Bus(), Addr: 0x40}, c.part, 0.1)
			if err != nil {
				t.Fatal(err)
			}
			s, err := d.Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			most := c.part.most / 0.1
			amps := min(max(c.amps, -most), most)
			if math.Abs(s[0].Value-c.volts) > 0.002 || math.Abs(s[1].Value-amps) > 0.0001 || math.Abs(s[2].Value-c.volts*amps) > 0.01 ||
				(s[1].Doubt != "") != c.doubt || s[1].Doubt != s[2].Doubt || s[0].Doubt != "" {
				t.Errorf("%s: %v V and %v A read as %+v", c.part.name, c.volts, c.amps, s)
			}
		})
	}
}

// resets loses its power when it is asked for its configuration after a measurement.
type resets struct{ sim.Chip }

func (c resets) Write(now time.Time, w []byte) bool {
	if len(w) == 1 && w[0] == 0 {
		c.PowerOff()
	}
	return c.Chip.Write(now, w)
}

func TestTroubles(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(b *sim.Board, c sim.Chip)
		is   error
		text string
	}{
		{"unplugged", func(b *sim.Board, _ sim.Chip) { b.Trouble(sim.Unplugged) }, device.ErrNoAnswer, "no answer at 0x40 on sim:supply"},
		{"ones", func(b *sim.Board, _ sim.Chip) { b.Trouble(sim.Ones) }, device.ErrNoAnswer, "no answer at 0x40 on sim:supply: only ones"},
		{"stuck", func(b *sim.Board, _ sim.Chip) { b.Trouble(sim.Stuck) }, device.ErrBusStuck, "the bus sim:supply does not move"},
		{"power lost", func(b *sim.Board, c sim.Chip) { b.Plug(0x40, resets{c}) }, device.ErrNotReady, "0x40 on sim:supply lost its power while it measured"},
	} {
		for _, p := range []*part{&ina219, &ina226} {
			t.Run(p.name+" "+c.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					chip := chip(p, 12, 0.5)
					b := board(chip)
					d, err := open(t.Context(), device.Chip{Bus: b.Bus(), Addr: 0x40}, p, 0.1)
					if err != nil {
						t.Fatal(err)
					}
					c.do(b, chip)
					if _, err = d.Read(t.Context()); !errors.Is(err, c.is) || !strings.HasPrefix(err.Error(), c.text) {
						t.Errorf("error %v, want %q", err, c.text)
					}
				})
			})
		}
	}
}

func TestStranger(t *testing.T) {
	for _, c := range []struct {
		part *part
		ops  []i2ctest.IO
		want string
	}{
		{&ina219, []i2ctest.IO{{Addr: 0x40, W: []byte{0, 0x80, 0}}, {Addr: 0x40, W: []byte{0}, R: []byte{0x41, 0x27}}},
			"0x40 on playback is an INA226 or one like it (configuration 4127), not an INA219: it is another chip"},
		{&ina219, []i2ctest.IO{{Addr: 0x40, W: []byte{0, 0x80, 0}}, {Addr: 0x40, W: []byte{0}, R: []byte{0, 0}}},
			"0x40 on playback is something else (configuration 0000), not an INA219: it is another chip"},
		{&ina226, []i2ctest.IO{{Addr: 0x40, W: []byte{0xFE}, R: []byte{0, 0}}, {Addr: 0x40, W: []byte{0xFF}, R: []byte{0, 0}}},
			"0x40 on playback is something else, such as an INA219 (ids 0000 and 0000), not an INA226: it is another chip"},
		{&ina226, []i2ctest.IO{{Addr: 0x40, W: []byte{0xFE}, R: []byte("TI")}, {Addr: 0x40, W: []byte{0xFF}, R: []byte{0x22, 0x70}}},
			"0x40 on playback is another chip of Texas Instruments (die 2270), not an INA226: it is another chip"},
	} {
		if _, err := open(t.Context(), device.Chip{Bus: &i2ctest.Playback{Ops: c.ops}, Addr: 0x40}, c.part, 0.1); err == nil || err.Error() != c.want {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
}

func TestCheck(t *testing.T) {
	if got, want := drivertest.Refused(t, INA219{Address: 0x50}, INA226{Address: 0x40, Shunt: math.NaN()}), "address shunt shunt"; got != want {
		t.Errorf("faults at %q, want %q", got, want)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(false, int16(0x07D0), uint16(0x5D98), uint16(0x5D98))
	f.Add(true, int16(0x1F40), uint16(0x2570), uint16(8))
	f.Fuzz(func(t *testing.T, is226 bool, shunt int16, bus, flags uint16) {
		p, volts, amps := &ina219, 32.764, 3.2768
		if is226 {
			p, volts, amps = &ina226, 40.96, 0.8192001
		}
		s := p.decode(shunt, bus, flags, 0.1)
		if s[0].Value < 0 || s[0].Value > volts || math.Abs(s[1].Value) > amps || math.Abs(s[2].Value-s[0].Value*s[1].Value) > 1e-9 {
			t.Errorf("%s: decode(%d, %d) = %v", p.name, shunt, bus, s)
		}
	})
}
