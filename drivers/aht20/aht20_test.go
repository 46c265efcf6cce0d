package aht20

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

func TestDriver(t *testing.T) {
	drivertest.Run(t, drivertest.Case{
		Driver: "aht20",
		Bus: func() i2c.Bus {
			b := sim.NewBoard("sim:test")
			b.Plug(address, sim.NewAHT20(sim.Swing(21, 3), sim.Swing(45, 10)))
			return b.Bus()
		},
		Other: func() i2c.Bus {
			b := sim.NewBoard("sim:test")
			b.Plug(address, sim.NewTMP102(sim.Steady(21)))
			return b.Bus()
		},
		Checksums: true,
	})
}

// An answer with what it stands for, from TestDev_Sense_successful of periph.io/x/devices v3.7.4, aht20.
var published = [7]byte{0x18, 0x75, 0x52, 0x05, 0x8E, 0x40, 0x7F}

func TestDecode(t *testing.T) {
	s, got := decode(published)
	if got != done || math.Abs(s[0].Value-19.445800781) > 1e-9 || math.Abs(s[1].Value-45.82824) > 1e-5 {
		t.Errorf("decode(% x) = %v, %d, want 19.4458 °C, 45.82824 %%", published, s, got)
	}
	for _, c := range []struct {
		what string
		r    [6]byte
		want state
	}{
		{"still measuring", [6]byte{0x98, 0x75, 0x52, 0x05, 0x8E, 0x40}, measuring},
		{"no calibration", [6]byte{0x10, 0x75, 0x52, 0x05, 0x8E, 0x40}, forgetful},
		{"nothing measured", [6]byte{0x18}, forgetful},
	} {
		if s, got := decode([7]byte(append(c.r[:], crc(c.r[:])))); got != c.want || s != nil {
			t.Errorf("%s: %v, %d, want %d", c.what, s, got, c.want)
		}
	}
	if _, got := decode([7]byte{0x18, 0x75, 0x52, 0x05, 0x8E, 0x41, 0x7F}); got != garbled {
		t.Errorf("a wrong checksum: %d", got)
	}
}

// What goes over the wire, byte by byte.
func TestTranscript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		measure := i2ctest.IO{Addr: 0x38, W: []byte{0xAC, 0x33, 0x00}}
		busyAnswer := []byte{0x98, 0, 0, 0, 0, 0}
		zeros := []byte{0x18, 0, 0, 0, 0, 0}
		bus := &i2ctest.Playback{Ops: []i2ctest.IO{
			{Addr: 0x38, R: []byte{0x10}},
			{Addr: 0x38, W: []byte{0xBE, 0x08, 0x00}},
			measure,
			{Addr: 0x38, R: published[:]},
			measure,
			{Addr: 0x38, R: append(busyAnswer, crc(busyAnswer))},
			{Addr: 0x38, R: published[:]},
			measure,
			{Addr: 0x38, R: append(zeros, crc(zeros))}, // its power was away
			{Addr: 0x38, W: []byte{0xBE, 0x08, 0x00}},
		}}
		d, err := Open(t.Context(), bus, Config{Address: 0x38})
		if err != nil {
			t.Fatal(err)
		}
		s, err := d.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got, want := fmt.Sprintf("%.2f %.2f", s[0].Value, s[1].Value), "19.45 45.83"; got != want {
			t.Errorf("read %s, want %s", got, want)
		}
		if _, err := d.Read(t.Context()); !errors.Is(err, device.ErrNotReady) {
			t.Errorf("a chip that has not measured: %v", err)
		}
		if err := bus.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestCheck(t *testing.T) {
	var got []string
	Config{Address: 0x39}.Check(func(key, problem, remedy string) { got = append(got, key, problem, remedy) })
	want := []string{"address", "an AHT20 does not answer at 0x39", "use 0x38"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("Check at 0x39 = %q, want %q", got, want)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(published[:])
	f.Add(make([]byte, 7))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 7 {
			return
		}
		s, state := decode([7]byte(b))
		if (s != nil) != (state == done) {
			t.Fatalf("% x: %v in state %d", b, s, state)
		}
		if state == done && (s[0].Value < -50 || s[0].Value >= 150 || s[1].Value < 0 || s[1].Value >= 100) {
			t.Errorf("% x: %v", b, s)
		}
	})
}
