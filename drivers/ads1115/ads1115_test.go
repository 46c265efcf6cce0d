package ads1115

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

func still(volts ...float64) *sim.ADS1115 {
	return &sim.ADS1115{Volts: func(time.Time) [4]float64 { return [4]float64(volts) }}
}

func board(c sim.Chip) *sim.Board {
	b := sim.NewBoard("sim:adc")
	b.Plug(0x48, c)
	return b
}

func TestDriver(t *testing.T) {
	drivertest.Run(t, drivertest.Case{
		Driver: "ads1115",
		Bus:    func() i2c.Bus { return board(still(3, 2, 1, 0.5)).Bus() },
		Other: func() i2c.Bus {
			return board(&sim.INA226{Ohms: 0.1, Load: func(time.Time) (float64, float64) { return 12, 0.5 }}).Bus()
		},
	})
}

// Input signals and ideal output codes, table 3 of the datasheet.
func TestDecode(t *testing.T) {
	const fs = 4.096
	for _, c := range []struct {
		raw   int16
		volts float64
		doubt bool
	}{
		{0x7FFF, fs * (1<<15 - 1) / (1 << 15), true},
		{1, fs / (1 << 15), false},
		{0, 0, false},
		{-1, -fs / (1 << 15), false},
		{-0x8000, -fs, true},
		{8000, 1, false}, // 125 µV a step in this range (table 3 of section 9.3.3)
	} {
		m := decode(c.raw, fs)
		if math.Abs(m.Value-c.volts) > 1e-9 || (m.Doubt != "") != c.doubt {
			t.Errorf("decode(%d, 4.096) = %v V, doubt %q, want %v, %v", c.raw, m.Value, m.Doubt, c.volts, c.doubt)
		}
	}
}

// The configuration words: after power-on the register is 0x8583, which is input 0-1, ±2.048 V, single, 128 a
// second, no comparator (table 8). 0x91C3 and 0x9103 are of a recording in periph v3.7.4 (ads1x15), of 0-3 and ±6.144 V.
func TestWords(t *testing.T) {
	for _, c := range []struct {
		in   Input
		rate int
		want uint16
	}{
		{Input{"0-1", 2.048}, 128, 0x8583},
		{Input{"0-3", 6.144}, 475, 0x91C3},
		{Input{"0-3", 6.144}, 8, 0x9103},
		{Input{"3", 0}, 860, 0xF3E3},
	} {
		if got := c.in.word(c.rate); got != c.want {
			t.Errorf("%+v at %d: %04x, want %04x", c.in, c.rate, got, c.want)
		}
	}
}

// What goes over the wire, byte by byte.
func TestTranscript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := &i2ctest.Playback{Ops: []i2ctest.IO{
			{Addr: 0x49, W: []byte{2}, R: []byte{0x80, 0}},
			{Addr: 0x49, W: []byte{3}, R: []byte{0x7F, 0xFF}},
			{Addr: 0x49, W: []byte{1, 0x91, 0xC3}},
			{Addr: 0x49, W: []byte{0}, R: []byte{0xFF, 0x50}},
			{Addr: 0x49, W: []byte{1}, R: []byte{0x91, 0xC3}},
		}}
		d, err := Open(t.Context(), bus, Config{Address: 0x49, Rate: 475, Channel: map[string]Input{"leak": {"0-3", 6.144}}})
		if err != nil {
			t.Fatal(err)
		}
		s, err := d.Read(t.Context())
		// −176 steps of 187.5 µV are −33 mV.
		if err != nil || len(s) != 1 || s[0].Channel != "leak" || math.Abs(s[0].Value+0.033) > 1e-9 {
			t.Errorf("Read = %v, %v, want a leak of -0.033 V", s, err)
		}
		if err := bus.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestChannels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := board(still(1.25, 3.3, 0.1, 0.6))
		d, err := Open(t.Context(), b.Bus(), Config{Address: 0x48, Rate: 8, Channel: map[string]Input{
			"a": {"0", 0}, "b": {"0-1", 0}, "c": {"2-3", 0.512}, "d": {"1", 2.048},
		}})
		if err != nil {
			t.Fatal(err)
		}
		s, err := d.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range s {
			got = append(got, fmt.Sprintf("%s %.3f %s", m.Channel, m.Value, m.Doubt))
		}
		want := []string{"a 1.250 ", "b -2.050 ", "c -0.500 ", "d 2.048 at the end of its range of 2.048 V or above it"}
		if !slices.Equal(got, want) {
			t.Errorf("read %q, want %q", got, want)
		}
	})
}

// resets answers with the settings after power-on when it is asked for those it was given.
type resets struct{ *sim.ADS1115 }

func (c resets) Write(now time.Time, w []byte) bool {
	if len(w) == 1 && w[0] == 1 {
		c.PowerOff()
	}
	return c.ADS1115.Write(now, w)
}

func TestTroubles(t *testing.T) {
	for _, c := range []struct {
		name string
		chip sim.Chip
		do   func(b *sim.Board)
		is   error
		text string
	}{
		{"unplugged", still(0, 0, 0, 0), func(b *sim.Board) { b.Trouble(sim.Unplugged) }, device.ErrNoAnswer, "no answer at 0x48 on sim:adc"},
		{"ones", still(0, 0, 0, 0), func(b *sim.Board) { b.Trouble(sim.Ones) }, device.ErrNoAnswer, "no answer at 0x48 on sim:adc: only ones came"},
		{"stuck", still(0, 0, 0, 0), func(b *sim.Board) { b.Trouble(sim.Stuck) }, device.ErrBusStuck, "the bus sim:adc does not move"},
		{"power lost", resets{still(0, 0, 0, 0)}, func(*sim.Board) {}, nil, "0x48 on sim:adc lost its power while it measured"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := board(c.chip)
				d, err := Open(t.Context(), b.Bus(), Config{Address: 0x48, Rate: 128, Channel: map[string]Input{"a": {"0", 0}}})
				if err != nil {
					t.Fatal(err)
				}
				c.do(b)
				_, err = d.Read(t.Context())
				if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.HasPrefix(err.Error(), c.text) {
					t.Errorf("error %v, want %q", err, c.text)
				}
			})
		})
	}
}

// A TMP102 answers at the same address. Its limits after power-on are 75 and 80 °C.
func TestStranger(t *testing.T) {
	bus := &i2ctest.Playback{Ops: []i2ctest.IO{
		{Addr: 0x48, W: []byte{2}, R: []byte{0x4B, 0}},
		{Addr: 0x48, W: []byte{3}, R: []byte{0x50, 0}},
	}}
	_, err := Open(t.Context(), bus, Config{Address: 0x48})
	if err == nil || !strings.Contains(err.Error(), "not an ADS1115") {
		t.Errorf("Open of a TMP102: %v", err)
	}
}

func TestCheck(t *testing.T) {
	if got, want := drivertest.Refused(t,
		Config{Address: 0x40, Rate: 100},
		Config{Address: 0x4B, Rate: 860, Channel: map[string]Input{"A": {}}},
		Input{Input: "1-2", Range: 5},
	), "address rate channel channel.A input range"; got != want {
		t.Errorf("faults at %q, want %q", got, want)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(int16(0x7FFF), uint8(0))
	f.Add(int16(-176), uint8(1))
	f.Fuzz(func(t *testing.T, raw int16, r uint8) {
		span := ranges[int(r)%len(ranges)]
		if m := decode(raw, span); m.Value < -span || m.Value >= span {
			t.Errorf("decode(%d, %g) = %v", raw, span, m.Value)
		}
	})
}
