package veml7700

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/i2c/i2ctest"

	"selvage/drivers/sim"
	"selvage/edge/device"
	"selvage/edge/device/drivertest"
)

func board(c sim.Chip) i2c.Bus {
	b := sim.NewBoard("sim:test")
	b.Plug(address, c)
	return b.Bus()
}

func TestDriver(t *testing.T) {
	for _, light := range []float64{0, 20, 400, 50_000} {
		t.Run(fmt.Sprint(light), func(t *testing.T) {
			drivertest.Run(t, drivertest.Case{
				Driver: "veml7700",
				Bus:    func() i2c.Bus { return board(sim.NewVEML7700(sim.Swing(light, light/5))) },
				Other:  func() i2c.Bus { return board(sim.NewMCP9808(sim.Swing(21, 3))) },
				Steady: true,
			})
		})
	}
}

// The application note's table of resolution and maximum; 0.5376 lx is also what Linux has in
// drivers/iio/light/veml6030.c for gain 1/8 with 100 ms.
func TestScales(t *testing.T) {
	for i, want := range []struct{ gain, ms, lx, most float64 }{
		{1. / 8, 100, 0.5376, 35232},
		{2, 100, 0.0336, 2202},
		{2, 400, 0.0084, 550},
	} {
		s := scales[i]
		gain := map[uint16]float64{0: 1, 1: 2, 2: 1. / 8, 3: 1. / 4}[s.config>>11&3]
		ms := map[uint16]float64{0: 100, 1: 200, 2: 400, 3: 800}[s.config>>6&15]
		if gain != want.gain || ms != want.ms || s.time != time.Duration(ms)*time.Millisecond || s.lx != want.lx {
			t.Errorf("scale %d: gain %v, %v ms: %+v, want %+v", i, gain, ms, s, want)
		}
		if most := s.lx * 65535; math.Abs(most-want.most) > 1 {
			t.Errorf("scale %d reaches %v lx, want %v", i, most, want.most)
		}
	}
}

// The correction of the application note begins above 1000 lx.
func TestDecode(t *testing.T) {
	for _, c := range []struct {
		n        uint16
		lx, want float64
	}{
		{0, 0.5376, 0}, {1000, 1, 1000}, {10_000, 1, 6.0135e-13*1e16 - 9.3924e-9*1e12 + 8.1488e-5*1e8 + 1.0023*1e4},
	} {
		if got := decode(c.n, c.lx)[0].Value; math.Abs(got-c.want) > 1e-9*c.want {
			t.Errorf("decode(%d, %v) = %v, want %v", c.n, c.lx, got, c.want)
		}
	}
}

// What goes over the wire, byte by byte: it gets dark, its power is away, it gets bright.
func TestTranscript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		id := i2ctest.IO{Addr: 0x10, W: []byte{0x07}, R: []byte{0x81, 0xC4}}
		light := func(lo, hi byte) i2ctest.IO { return i2ctest.IO{Addr: 0x10, W: []byte{0x04}, R: []byte{lo, hi}} }
		config := func(lo, hi byte) i2ctest.IO { return i2ctest.IO{Addr: 0x10, W: []byte{0x00}, R: []byte{lo, hi}} }
		set := func(lo, hi byte) i2ctest.IO { return i2ctest.IO{Addr: 0x10, W: []byte{0x00, lo, hi}} }
		ops := []i2ctest.IO{
			id, set(0x01, 0x10), set(0x00, 0x10),
			light(0xC8, 0x05), config(0x00, 0x10), // 1480 counts
			light(0x64, 0x00), config(0x00, 0x10), // 100
			id, set(0x01, 0x08), set(0x00, 0x08),
			light(0x40, 0x06), config(0x00, 0x08), // 1600
			light(0x00, 0x00), config(0x01, 0x00), // after a start
			id, set(0x01, 0x08), set(0x00, 0x08),
			light(0xFF, 0xFF), config(0x00, 0x08), // too bright
			id, set(0x01, 0x10), set(0x00, 0x10),
			light(0xE8, 0x03), config(0x00, 0x10), // 1000
			light(0xFF, 0xFF), config(0xFF, 0xFF), // nobody there
		}
		bus := &i2ctest.Playback{}
		for _, op := range ops {
			bus.Ops = append(bus.Ops, op)
			if op.R != nil {
				bus.Ops = append(bus.Ops, op) // each answer is asked for twice
			}
		}
		d, err := Open(t.Context(), bus, Config{Address: 0x10})
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []float64{1480 * 0.5376, 1600 * 0.0336, 1000 * 0.5376} {
			s, err := d.Read(t.Context())
			if err != nil || math.Abs(s[0].Value-want) > 1e-9 {
				t.Errorf("read %v, %v, want %v", s, err, want)
			}
		}
		if _, err := d.Read(t.Context()); !errors.Is(err, device.ErrNoAnswer) {
			t.Errorf("only ones: %v", err)
		}
		if err := bus.Close(); err != nil {
			t.Error(err)
		}
	})
}

// From moonlight to sunlight and back, in one go each.
func TestRange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		light := 0.0
		d, err := Open(t.Context(), board(sim.NewVEML7700(func(time.Time) float64 { return light })), Config{Address: address})
		if err != nil {
			t.Fatal(err)
		}
		for _, light = range []float64{0, 0.3, 5, 60, 900, 7000, 110_000, 2000, 40, 100_000, 1, 0} {
			began := time.Now()
			s, err := d.Read(t.Context())
			if err != nil || math.Abs(s[0].Value-light) > 0.01+light/1000 {
				t.Errorf("%v lx read as %v, %v", light, s, err)
			}
			if took := time.Since(began); took >= device.DefaultTimeout {
				t.Errorf("%v lx took %v", light, took)
			}
			<-time.After(10 * time.Second)
		}
	})
}

func TestCheck(t *testing.T) {
	var got []string
	Config{Address: 0x11}.Check(func(key, problem, remedy string) { got = append(got, key, problem, remedy) })
	want := []string{"address", "a VEML7700 does not answer at 0x11", "use 0x10"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("Check at 0x11 = %q, want %q", got, want)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(uint16(1480), byte(0))
	f.Add(uint16(65535), byte(1))
	f.Fuzz(func(t *testing.T, n uint16, of byte) {
		lx := scales[int(of)%len(scales)].lx
		v := decode(n, lx)[0].Value
		if v < 0 || math.IsNaN(v) || n > 0 && v < decode(n-1, lx)[0].Value {
			t.Errorf("decode(%d, %v) = %v", n, lx, v)
		}
	})
}
