package tmp102

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/i2c/i2ctest"

	"selvage/drivers/sim"
	"selvage/edge/device"
	"selvage/edge/device/drivertest"
)

func board(c sim.Chip) i2c.Bus {
	b := sim.NewBoard("sim:test")
	b.Plug(0x48, c)
	return b.Bus()
}

func tmp102() i2c.Bus { return board(sim.NewTMP102(sim.Swing(21, 3))) }
func lm75() i2c.Bus   { return board(sim.NewLM75(sim.Swing(21, 3), 9)) }
func tmp75() i2c.Bus  { return board(sim.NewLM75(sim.Swing(21, 3), 12)) }

func TestTMP102(t *testing.T) {
	drivertest.Run(t, drivertest.Case{Driver: "tmp102", Bus: tmp102, Other: lm75, Steady: true})
}

func TestLM75(t *testing.T) {
	drivertest.Run(t, drivertest.Case{Driver: "lm75", Bus: lm75, Other: tmp102, Steady: true})
}

func TestTMP75(t *testing.T) {
	drivertest.Run(t, drivertest.Case{Driver: "lm75", Config: LM75{Address: 0x48, Bits: 12}, Bus: tmp75, Other: lm75, Steady: true})
}

// The tables of the data sheets: TMP102, 12-bit temperature data format, and LM75, temperature register; and f5 80,
// which QEMU's tmp105 gave at −10.25 °C, with nine bits.
func TestDecode(t *testing.T) {
	for _, c := range []struct {
		reg  uint16
		want float64
	}{
		{0x7FF0, 127.9375}, {0x6400, 100}, {0x5000, 80}, {0x4B00, 75}, {0x3200, 50}, {0x1900, 25}, {0x0040, 0.25},
		{0x0000, 0}, {0xFFC0, -0.25}, {0xE700, -25}, {0xC900, -55},
		{0x0FA << 7, 125}, {0x032 << 7, 25}, {0x001 << 7, 0.5}, {0x1FF << 7, -0.5}, {0x1CE << 7, -25}, {0x192 << 7, -55},
		{0xF580, -10.5},
	} {
		if got := decode(c.reg)[0].Value; got != c.want {
			t.Errorf("decode(0x%04X) = %v, want %v", c.reg, got, c.want)
		}
	}
}

// What goes over the wire, byte by byte.
func TestTranscript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		read := func(reg, hi, lo byte) i2ctest.IO { return i2ctest.IO{Addr: 0x4B, W: []byte{reg}, R: []byte{hi, lo}} }
		twice := func(reg, hi, lo byte) []i2ctest.IO { return []i2ctest.IO{read(reg, hi, lo), read(reg, hi, lo)} }
		set := func(config byte) []i2ctest.IO { return []i2ctest.IO{{Addr: 0x4B, W: []byte{0x01, config, 0x80}}} }
		bus := &i2ctest.Playback{Ops: slices.Concat(
			twice(1, 0x60, 0xA0), set(0x61),
			set(0xE1), twice(1, 0x61, 0xA0), twice(1, 0xE1, 0xA0), // once not yet done
			[]i2ctest.IO{read(0, 0x67, 0x00)}, twice(0, 0xE7, 0x00), // a bit flipped
			set(0xE1), twice(1, 0xE1, 0xA0), twice(0, 0, 0), twice(1, 0xE1, 0xA0), // it is 0 °C
			set(0xE1), twice(1, 0xE1, 0xA0), twice(0, 0, 0), twice(1, 0x60, 0xA0), // its power was away
		)}
		d, err := Open(t.Context(), bus, Config{Address: 0x4B})
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []float64{-25, 0} {
			s, err := d.Read(t.Context())
			if err != nil || s[0].Value != want {
				t.Errorf("read %v, %v, want %v", s, err, want)
			}
		}
		if _, err := d.Read(t.Context()); !errors.Is(err, device.ErrNotReady) {
			t.Errorf("after a power cut: %v", err)
		}
		if err := bus.Close(); err != nil {
			t.Error(err)
		}
	})
}

// An LM75 whose unused bits are ones, just below zero.
func TestTranscriptLM75(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		temperature := func(hi, lo byte) i2ctest.IO { return i2ctest.IO{Addr: 0x4F, W: []byte{0x00}, R: []byte{hi, lo}} }
		config := i2ctest.IO{Addr: 0x4F, W: []byte{0x01}, R: []byte{0x08}}
		bus := &i2ctest.Playback{Ops: []i2ctest.IO{
			{Addr: 0x4F, W: []byte{0x01, 0x08}}, config, config,
			temperature(0x19, 0x7F), temperature(0x19, 0x7F), config, config,
			temperature(0xFF, 0xFF), temperature(0xFF, 0xFF), config, config,
		}}
		d, err := OpenLM75(t.Context(), bus, LM75{Address: 0x4F, Bits: 9})
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []float64{25, -0.5} {
			s, err := d.Read(t.Context())
			if err != nil || s[0].Value != want {
				t.Errorf("read %v, %v, want %v", s, err, want)
			}
		}
		if err := bus.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestAnotherChip(t *testing.T) {
	for _, c := range []struct {
		name         string
		open         func() error
		text, remedy string
	}{
		{"an LM75 as a TMP102", func() error { _, err := Open(t.Context(), lm75(), Config{Address: 0x48}); return err },
			"is another chip (configuration 0x0000), not a TMP102", `driver = "lm75"`},
		{"a TMP102 as an LM75", func() error { _, err := OpenLM75(t.Context(), tmp102(), LM75{Address: 0x48, Bits: 9}); return err },
			"is a TMP102, or set to 12 bits for good, not an LM75 with 9 bits", `driver = "tmp102"`},
		{"a plain LM75 with 12 bits", func() error { _, err := OpenLM75(t.Context(), lm75(), LM75{Address: 0x48, Bits: 12}); return err },
			"is an LM75 whose bits cannot be set, not one with 12", "bits = 9"},
	} {
		err := c.open()
		var f *device.Fault
		if !errors.As(err, &f) || !errors.Is(err, device.ErrOtherChip) || !strings.Contains(f.Text, c.text) || !strings.Contains(f.Remedy, c.remedy) {
			t.Errorf("%s: %v (%+v)", c.name, err, f)
		}
	}
}

func TestCheck(t *testing.T) {
	var got []string
	fault := func(key, problem, remedy string) { got = append(got, key+": "+problem+"; "+remedy) }
	Config{Address: 0x4C}.Check(fault)
	LM75{Address: 0x40, Bits: 10}.Check(fault)
	want := []string{
		"address: a TMP102 does not answer at 0x4c; use 0x48 to 0x4B",
		"address: an LM75 does not answer at 0x40; use 0x48 to 0x4F",
		"bits: no LM75 or kin has 10 bits; use 9, 11 or 12",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("Check = %q, want %q", got, want)
	}
}

func FuzzDecode(f *testing.F) {
	for _, reg := range []uint16{0, 0x7FF0, 0x8000, 0xF580, 0xFFFF} {
		f.Add(reg)
	}
	f.Fuzz(func(t *testing.T, reg uint16) {
		if v := decode(reg)[0].Value; v < -128 || v >= 128 || uint16(int16(v*256)) != reg {
			t.Errorf("decode(0x%04X) = %v", reg, v)
		}
	})
}
