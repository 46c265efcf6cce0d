package scd4x

import (
	"context"
	"errors"
	"fmt"
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

func classroom() i2c.Bus {
	return board(sim.NewSCD4x(sim.Swing(800, 300), sim.Swing(21, 3), sim.Swing(45, 10)))
}

func TestDriver(t *testing.T) {
	drivertest.Run(t, drivertest.Case{
		Driver:    "scd4x",
		Bus:       classroom,
		Other:     func() i2c.Bus { return board(sim.NewSHT3x(sim.Steady(21), sim.Steady(45))) },
		Checksums: true,
	})
}

// The data sheet's examples: 500 ppm, 25 °C, 37 % in read_measurement; an offset of 5.4 °C in set_temperature_offset.
func TestDecode(t *testing.T) {
	s := decode(0x01F4, 0x6667, 0x5EB9)
	if got, want := fmt.Sprintf("%.0f %.2f %.2f", s[0].Value, s[1].Value, s[2].Value), "500 25.00 37.00"; got != want {
		t.Errorf("decode = %s, want %s", got, want)
	}
	if got := offset(5.4); got != 0x07E6 {
		t.Errorf("offset(5.4) = 0x%04X, want 0x07E6", got)
	}
	if s := decode(0, 0x6667, 0x5EB9); s[0].Doubt == "" {
		t.Error("0 ppm is taken for good")
	}
}

// What goes over the wire, byte by byte: the data sheet's example of a measurement, and one of a real chip, sensePlayback
// of periph.io/x/devices v3.7.4, scd4x.
func TestTranscript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := func(b ...byte) i2ctest.IO { return i2ctest.IO{Addr: 0x62, W: b} }
		r := func(b ...byte) i2ctest.IO { return i2ctest.IO{Addr: 0x62, R: b} }
		bus := &i2ctest.Playback{Ops: []i2ctest.IO{
			w(0x3F, 0x86),
			w(0x36, 0x82), r(0xF8, 0x96, 0x31, 0x9F, 0x07, 0xC2, 0x3B, 0xBE, 0x89),
			w(0x24, 0x1D, 0x07, 0xE6, 0x48),
			w(0x24, 0x27, 0x07, 0x9E, 0x09), // 1950 m, as in the data sheet's example
			w(0x24, 0x16, 0x00, 0x01, 0xB0),
			w(0x21, 0xB1),
			w(0xE4, 0xB8), r(0x80, 0x00, 0xA2), // not yet
			w(0xE4, 0xB8), r(0x80, 0x06, 0x04),
			w(0xEC, 0x05), r(0x01, 0xF4, 0x33, 0x66, 0x67, 0xA2, 0x5E, 0xB9, 0x3C),
			w(0xE4, 0xB8), r(0x80, 0x06, 0x04),
			w(0xEC, 0x05), r(0x02, 0x2C, 0xA3, 0x67, 0x0D, 0x36, 0x4D, 0x08, 0xF1),
		}}
		d, err := Open(t.Context(), bus, Config{Address: 0x62, Offset: 5.4, Altitude: 1950, SelfCalibration: true})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := d.Info().Serial, "f8969f073bbe"; got != want {
			t.Errorf("serial %q, want %q", got, want)
		}
		for _, want := range []string{"500 25.00 37.00", "556 25.45 30.09"} {
			s, err := d.Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprintf("%.0f %.2f %.2f", s[0].Value, s[1].Value, s[2].Value); got != want {
				t.Errorf("read %s, want %s", got, want)
			}
		}
		if err := bus.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Who has no time for the first measurement gets nothing, soon; then the newest, at any pace; and an error once the chip
// stops measuring.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := classroom()
		d, err := Open(t.Context(), bus, Config{Address: 0x62})
		if err != nil {
			t.Fatal(err)
		}
		read := func() (device.Sample, error) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			s, err := d.Read(ctx)
			<-time.After(time.Second)
			return s, err
		}
		for i := range 20 {
			s, err := read()
			if err != nil || (s != nil) != (i >= 4) {
				t.Errorf("read %d: %v, %v", i, s, err)
			}
		}
		bus.(interface{ PowerOff() }).PowerOff()
		for range 6 {
			_, err = read()
		}
		if !errors.Is(err, device.ErrNotReady) {
			t.Errorf("six seconds after it lost its power: %v", err)
		}
	})
}

func TestCheck(t *testing.T) {
	var got []string
	Config{Address: 0x61, Altitude: 4000, Offset: -1}.Check(func(key, problem, remedy string) { got = append(got, key+": "+problem+"; "+remedy) })
	want := []string{
		"address: an SCD4x does not answer at 0x61; use 0x62",
		"altitude: an SCD4x cannot be set to 4000 m; use 0 to 3000",
		"offset: an SCD4x cannot be set to -1 °C; use 0 to 20",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("Check = %q, want %q", got, want)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(uint16(0x01F4), uint16(0x6667), uint16(0x5EB9))
	f.Add(uint16(0), uint16(0xFFFF), uint16(0))
	f.Fuzz(func(t *testing.T, co2, ticks, rh uint16) {
		s := decode(co2, ticks, rh)
		if s[0].Value != float64(co2) || (s[0].Doubt != "") != (co2 == 0) || s[1].Value < -45 || s[1].Value > 130 || s[2].Value < 0 || s[2].Value > 100 {
			t.Errorf("decode(%d, %d, %d) = %+v", co2, ticks, rh, s)
		}
	})
}
