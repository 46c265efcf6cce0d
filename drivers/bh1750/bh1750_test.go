package bh1750

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"testing/synctest"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/i2c/i2ctest"

	"selvage/drivers/sim"
	"selvage/edge/device"
	"selvage/edge/device/drivertest"
)

func board(light sim.Signal) i2c.Bus {
	b := sim.NewBoard("sim:test")
	b.Plug(0x23, sim.NewBH1750(light))
	return b.Bus()
}

func TestDriver(t *testing.T) {
	drivertest.Run(t, drivertest.Case{Driver: "bh1750", Bus: func() i2c.Bus { return board(sim.Swing(40_000, 10_000)) }, Steady: true})
}

func TestDriverInTheDark(t *testing.T) {
	drivertest.Run(t, drivertest.Case{Driver: "bh1750", Bus: func() i2c.Bus { return board(sim.Steady(0)) }, Steady: true})
}

func TestDriverInSunlight(t *testing.T) {
	drivertest.Run(t, drivertest.Case{Driver: "bh1750", Bus: func() i2c.Bus { return board(sim.Swing(90_000, 10_000)) }, Steady: true})
}

// The example of the technical note, page 7: 10000011 10010000 is 28067 lx.
func TestDecode(t *testing.T) {
	if got := decode(0x8390, usual)[0].Value; math.Round(got) != 28067 {
		t.Errorf("decode(0x8390) = %v, want 28067", got)
	}
	if got := decode(0x0110, usual)[0].Value; math.Round(got) != 227 { // the same page, for the low resolution
		t.Errorf("decode(0x0110) = %v, want 227", got)
	}
}

// What goes over the wire, byte by byte.
func TestTranscript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := func(op byte) i2ctest.IO { return i2ctest.IO{Addr: 0x5C, W: []byte{op}} }
		r := func(hi, lo byte) i2ctest.IO { return i2ctest.IO{Addr: 0x5C, R: []byte{hi, lo}} }
		ops := []i2ctest.IO{
			w(0x01), w(0x07), r(0, 0), w(0x42), w(0x65),
			w(0x20), r(0x83, 0x90),
			w(0x20), r(0xFF, 0xFF), w(0x40), w(0x7F), w(0x20), r(0x83, 0x90), w(0x42), w(0x65), // in the sun
			w(0x20), r(0xFF, 0xFF), w(0x40), w(0x7F), w(0x20), r(0xFF, 0xFF), // nobody there
			w(0x42), w(0x65), w(0x20), r(0, 0), w(0x23), r(0, 0), // dark
			w(0x20), r(0, 0), w(0x23), r(0, 90), w(0x42), w(0x65), w(0x20), r(0, 120), // its power was away
		}
		bus := &i2ctest.Playback{}
		for _, op := range ops {
			bus.Ops = append(bus.Ops, op)
			if op.R != nil {
				bus.Ops = append(bus.Ops, op) // each answer is asked for twice
			}
		}
		d, err := Open(t.Context(), bus, Config{Address: 0x5C})
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"28067", "62471"} {
			s, err := d.Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprintf("%.0f", s[0].Value); got != want {
				t.Errorf("read %s lx, want %s", got, want)
			}
		}
		if _, err := d.Read(t.Context()); !errors.Is(err, device.ErrNoAnswer) {
			t.Errorf("only ones: error %v", err)
		}
		for _, want := range []float64{0, 100} {
			if s, err := d.Read(t.Context()); err != nil || math.Abs(s[0].Value-want) > 1e-9 {
				t.Errorf("%v lx read as %v, %v", want, s, err)
			}
		}
		if err := bus.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestAnotherChip(t *testing.T) {
	bus := &i2ctest.Playback{Ops: []i2ctest.IO{
		{Addr: 0x23, W: []byte{0x01}}, {Addr: 0x23, W: []byte{0x07}}, {Addr: 0x23, R: []byte{0x12, 0x34}}, {Addr: 0x23, R: []byte{0x12, 0x34}},
	}}
	if _, err := Open(t.Context(), bus, Config{Address: 0x23}); !errors.Is(err, device.ErrOtherChip) {
		t.Errorf("a chip that has something after a reset: %v", err)
	}
}

func TestCheck(t *testing.T) {
	var got []string
	Config{Address: 0x39}.Check(func(key, problem, remedy string) { got = append(got, key, problem, remedy) })
	want := []string{"address", "a BH1750 does not answer at 0x39", "use 0x23 or 0x5C"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("Check at 0x39 = %q, want %q", got, want)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(uint16(0x8390), false)
	f.Add(uint16(0xFFFE), true)
	f.Fuzz(func(t *testing.T, n uint16, sunny bool) {
		mtreg := byte(usual)
		if sunny {
			mtreg = brief
		}
		most := (&Dev{}).Channels()[0].Max
		if v := decode(n, mtreg)[0].Value; v < 0 || n < saturated && v > 1.01*most || math.IsNaN(v) {
			t.Errorf("decode(%d, %d) = %v", n, mtreg, v)
		}
	})
}
