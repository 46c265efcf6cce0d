package mcp9808

import (
	"errors"
	"fmt"
	"slices"
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
	b.Plug(0x18, c)
	return b.Bus()
}

func TestDriver(t *testing.T) {
	drivertest.Run(t, drivertest.Case{
		Driver: "mcp9808",
		Bus:    func() i2c.Bus { return board(sim.NewMCP9808(sim.Swing(21, 3))) },
		Other:  func() i2c.Bus { return board(sim.NewTMP102(sim.Swing(21, 3))) },
		Steady: true,
	})
}

// Registers with what they stand for, from Test_bitsToTemperature of periph.io/x/devices v3.7.4, mcp9808; flags as the
// data sheet has them in equation 5-1.
func TestDecode(t *testing.T) {
	for _, c := range []struct {
		reg  uint16
		want float64
	}{
		{0x0000, 0}, {0x0004, 0.25}, {0x000F, 0.9375}, {0x07CC, 124.75},
		{0xC194, 25.25}, // T_A ≥ T_CRIT, T_A > T_UPPER
		{0x1FFC, -0.25}, {0x3E6C, -25.25}, {0x1D80, -40},
	} {
		if got := decode(c.reg)[0].Value; got != c.want {
			t.Errorf("decode(0x%04X) = %v, want %v", c.reg, got, c.want)
		}
	}
}

// What goes over the wire, byte by byte.
func TestTranscript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const at = 0x1F
		read := func(reg, hi, lo byte) i2ctest.IO { return i2ctest.IO{Addr: at, W: []byte{reg}, R: []byte{hi, lo}} }
		twice := func(reg, hi, lo byte) []i2ctest.IO { return []i2ctest.IO{read(reg, hi, lo), read(reg, hi, lo)} }
		set := slices.Concat(twice(0x06, 0x00, 0x54), twice(0x07, 0x04, 0x01), []i2ctest.IO{{Addr: at, W: []byte{0x01, 0x06, 0x00}}})
		bus := &i2ctest.Playback{Ops: slices.Concat(
			set,
			[]i2ctest.IO{read(0x05, 0xC5, 0x94)}, twice(0x05, 0xC1, 0x94), twice(0x01, 0x06, 0x00), // a bit flipped
			twice(0x05, 0x00, 0x00), twice(0x01, 0x00, 0x00), // its power was away
			set,
			twice(0x05, 0x1F, 0xFC), twice(0x01, 0x06, 0x00),
		)}
		d, err := Open(t.Context(), bus, Config{Address: at})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := d.Info().Model, "Microchip MCP9808 rev. 1"; got != want {
			t.Errorf("model %q, want %q", got, want)
		}
		for _, want := range []float64{25.25, -0.25} {
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
	_, err := Open(t.Context(), board(sim.NewTMP102(sim.Steady(21))), Config{Address: 0x18})
	if want := "0x18 on sim:test is another chip (maker 0x0000, id 0x0000), not an MCP9808"; !errors.Is(err, device.ErrOtherChip) ||
		err.Error() != want+": "+device.ErrOtherChip.Error() {
		t.Errorf("error %v, want %q", err, want)
	}
}

func TestCheck(t *testing.T) {
	var got []string
	Config{Address: 0x20}.Check(func(key, problem, remedy string) { got = append(got, key, problem, remedy) })
	want := []string{"address", "an MCP9808 does not answer at 0x20", "use 0x18 to 0x1F"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("Check at 0x20 = %q, want %q", got, want)
	}
}

func FuzzDecode(f *testing.F) {
	for _, reg := range []uint16{0, 0x0FFF, 0x1000, 0xC194, 0xFFFF} {
		f.Add(reg)
	}
	f.Fuzz(func(t *testing.T, reg uint16) {
		v := decode(reg)[0].Value
		if v < -256 || v >= 256 || uint16(int16(v*16))&0x1FFF != reg&0x1FFF {
			t.Errorf("decode(0x%04X) = %v", reg, v)
		}
	})
}
