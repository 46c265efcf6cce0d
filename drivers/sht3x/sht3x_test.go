package sht3x

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/i2c/i2ctest"

	"selvage/drivers/sim"
	"selvage/edge/device"
	"selvage/edge/device/drivertest"
)

func room() i2c.Bus { return sim.NewRoom("sim:room", 1).Bus() } // with an SHT4x at 0x44

func TestDriver(t *testing.T) {
	drivertest.Run(t, drivertest.Case{
		Driver: "sht3x",
		Bus: func() i2c.Bus {
			b := sim.NewBoard("sim:test")
			b.Plug(0x44, sim.NewSHT3x(sim.Swing(21, 3), sim.Swing(45, 10)))
			return b.Bus()
		},
		Other:     room,
		Checksums: true,
	})
}

// Words as Sensirion prints them with what they stand for: Datasheet SGP40, ticks of temperature and humidity, whose
// formulas are those of the SHT3x.
func TestDecode(t *testing.T) {
	for _, c := range []struct {
		t, rh             uint16
		celsius, humidity float64
	}{
		{0x6666, 0x8000, 25, 50},
		{0x0000, 0x0000, -45, 0},
		{0xFFFF, 0xFFFF, 130, 100},
	} {
		s := decode(c.t, c.rh)
		if math.Abs(s[0].Value-c.celsius) > 0.005 || math.Abs(s[1].Value-c.humidity) > 0.005 {
			t.Errorf("decode(%d, %d) = %.4f °C, %.4f %%, want %.4f, %.4f", c.t, c.rh, s[0].Value, s[1].Value, c.celsius, c.humidity)
		}
	}
}

// What goes over the wire, byte by byte.
func TestTranscript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := &i2ctest.Playback{Ops: []i2ctest.IO{
			{Addr: 0x45, W: []byte{0x30, 0x93}},
			{Addr: 0x45, W: []byte{0x30, 0xA2}},
			{Addr: 0x45, W: []byte{0xF3, 0x2D}},
			{Addr: 0x45, R: []byte{0x80, 0x10, 0xE1}},
			{Addr: 0x45, W: []byte{0x24, 0x00}},
			{Addr: 0x45, R: []byte{0x66, 0x66, 0x93, 0x80, 0x00, 0xA2}},
		}}
		d, err := Open(t.Context(), bus, Config{Address: 0x45})
		if err != nil {
			t.Fatal(err)
		}
		s, err := d.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got, want := fmt.Sprintf("%.2f %.2f", s[0].Value, s[1].Value), "25.00 50.00"; got != want {
			t.Errorf("read %s, want %s", got, want)
		}
		if err := bus.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestNamesSHT4x(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := Open(t.Context(), room(), Config{Address: 0x44})
		var f *device.Fault
		if !errors.As(err, &f) || f.Text != "0x44 on sim:room is an SHT4x, not an SHT3x" || !strings.Contains(f.Remedy, `"sht4x"`) {
			t.Errorf("an SHT4x in its place: %v (%+v)", err, f)
		}
	})
}

func TestCheck(t *testing.T) {
	var got []string
	Config{Address: 0x76}.Check(func(key, problem, remedy string) { got = append(got, key, problem, remedy) })
	want := []string{"address", "an SHT3x does not answer at 0x76", "use 0x44 or 0x45"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("Check at 0x76 = %q, want %q", got, want)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(uint16(0x6666), uint16(0x8000))
	f.Add(uint16(0xFFFF), uint16(0))
	f.Fuzz(func(t *testing.T, ticks, rh uint16) {
		s := decode(ticks, rh)
		if s[0].Value < -45 || s[0].Value > 130 || s[1].Value < 0 || s[1].Value > 100 {
			t.Errorf("decode(%d, %d) = %v", ticks, rh, s)
		}
	})
}
