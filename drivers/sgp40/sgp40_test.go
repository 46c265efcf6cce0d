package sgp40

import (
	"errors"
	"fmt"
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

func board(c sim.Chip) i2c.Bus {
	b := sim.NewBoard("sim:test")
	b.Plug(address, c)
	return b.Bus()
}

func TestDriver(t *testing.T) {
	drivertest.Run(t, drivertest.Case{
		Driver:    "sgp40",
		Bus:       func() i2c.Bus { return board(sim.NewSGP40(sim.Swing(30_000, 1500))) },
		Other:     func() i2c.Bus { return board(sim.NewSCD4x(sim.Steady(600), sim.Steady(21), sim.Steady(45))) },
		Checksums: true,
	})
}

// What goes over the wire, byte by byte. The command with the words for 25 °C and 50 % and their checksums is printed in
// the data sheet (26 0F 80 00 A2 66 66 93), as are those of the ends of their ranges.
func TestTranscript(t *testing.T) {
	for _, c := range []struct {
		temperature, humidity float64
		command               []byte
	}{
		{25, 50, []byte{0x26, 0x0F, 0x80, 0x00, 0xA2, 0x66, 0x66, 0x93}},
		{-45, 0, []byte{0x26, 0x0F, 0x00, 0x00, 0x81, 0x00, 0x00, 0x81}},
		{130, 100, []byte{0x26, 0x0F, 0xFF, 0xFF, 0xAC, 0xFF, 0xFF, 0xAC}},
	} {
		synctest.Test(t, func(t *testing.T) {
			bus := &i2ctest.Playback{Ops: []i2ctest.IO{
				{Addr: 0x59, W: []byte{0x36, 0x82}},
				{Addr: 0x59, R: []byte{0xF8, 0x96, 0x31, 0x9F, 0x07, 0xC2, 0x3B, 0xBE, 0x89}},
				{Addr: 0x59, W: []byte{0x28, 0x0E}},
				{Addr: 0x59, R: []byte{0xD4, 0x00, 0xC6}},
				{Addr: 0x59, W: c.command},
				{Addr: 0x59, R: []byte{0xBE, 0xEF, 0x92}},
			}}
			d, err := Open(t.Context(), bus, Config{Address: 0x59, Temperature: c.temperature, Humidity: c.humidity})
			if err != nil {
				t.Fatal(err)
			}
			if got, want := d.Info().Serial, "f8969f073bbe"; got != want {
				t.Errorf("serial %q, want %q", got, want)
			}
			s, err := d.Read(t.Context())
			if err != nil || s[0].Value != 0xBEEF || s[0].Doubt == "" {
				t.Errorf("read %+v, %v, want %d with a doubt", s, err, 0xBEEF)
			}
			if err := bus.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestWarmsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := sim.NewBoard("sim:test")
		b.Plug(address, sim.NewSGP40(sim.Steady(30_000)))
		d, err := Open(t.Context(), b.Bus(), Config{Address: address, Temperature: 25, Humidity: 50})
		if err != nil {
			t.Fatal(err)
		}
		doubted := func() bool {
			t.Helper()
			s, err := d.Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if s[0].Value != 30_000 {
				t.Errorf("%v ticks, want 30000", s[0].Value)
			}
			return s[0].Doubt != ""
		}
		if !doubted() {
			t.Error("the first reading is taken for good")
		}
		<-time.After(warmUp)
		if doubted() {
			t.Error("a minute later it still is in doubt")
		}
		b.Trouble(sim.Unplugged)
		if _, err := d.Read(t.Context()); !errors.Is(err, device.ErrNoAnswer) {
			t.Errorf("unplugged: %v", err)
		}
		b.Trouble(sim.None)
		if !doubted() {
			t.Error("after it was unplugged the first reading is taken for good")
		}
	})
}

func TestSelfTest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := sim.NewSGP40(sim.Steady(30_000))
		c.Broken = true
		_, err := Open(t.Context(), board(c), Config{Address: address})
		if err == nil || !strings.HasPrefix(err.Error(), "the SGP40 at 0x59 on sim:test fails its self test (0x4b00)") {
			t.Errorf("a chip that fails its self test: %v", err)
		}
	})
}

func TestCheck(t *testing.T) {
	var got []string
	Config{Address: 0x58, Temperature: 200, Humidity: -1}.Check(func(key, problem, remedy string) { got = append(got, key+": "+problem+"; "+remedy) })
	want := []string{
		"address: an SGP40 does not answer at 0x58; use 0x59",
		"temperature: an SGP40 cannot be told of 200 °C; use −45 to 130",
		"humidity: an SGP40 cannot be told of -1 %; use 0 to 100",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("Check = %q, want %q", got, want)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(uint16(0xBEEF), true)
	f.Add(uint16(0), false)
	f.Fuzz(func(t *testing.T, ticks uint16, cold bool) {
		if s := decode(ticks, cold); s[0].Value != float64(ticks) || (s[0].Doubt != "") != cold {
			t.Errorf("decode(%d, %v) = %+v", ticks, cold, s)
		}
	})
}
