package sht4x

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

func TestDriver(t *testing.T) {
	drivertest.Run(t, drivertest.Case{
		Driver: "sht4x",
		Bus:    func() i2c.Bus { return sim.NewRoom("sim:room", 1).Bus() },
		Other: func() i2c.Bus {
			b := sim.NewBoard("sim:room")
			b.Plug(0x44, sim.NewSHT3x(sim.Steady(21), sim.Steady(45)))
			return b.Bus()
		},
		Checksums: true,
	})
}

// 6666 is 25 °C as Sensirion prints it (Datasheet SGP40, whose formula for temperature is the same); the ends of the ranges
// are also in tests/measurement.rs of sirhcel/sht4x.
func TestDecode(t *testing.T) {
	for _, c := range []struct {
		t, rh             uint16
		celsius, humidity float64
	}{
		{0, 0, -45, 0},               // −6 % clipped
		{65535, 65535, 130, 100},     // 119 % clipped
		{0x6666, 0x8000, 25, 56.501}, // T: −45 + 175·0.4; RH: −6 + 125·32768/65535
		{3145, 3146, -36.602, 0.0005},
	} {
		s := decode(c.t, c.rh)
		if math.Abs(s[0].Value-c.celsius) > 0.001 || math.Abs(s[1].Value-c.humidity) > 0.001 {
			t.Errorf("decode(%d, %d) = %.4f °C, %.4f %%, want %.4f, %.4f", c.t, c.rh, s[0].Value, s[1].Value, c.celsius, c.humidity)
		}
	}
}

// What goes over the wire, byte by byte.
func TestTranscript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := &i2ctest.Playback{Ops: []i2ctest.IO{
			{Addr: 0x45, W: []byte{0x89}},
			{Addr: 0x45, R: []byte{0xBE, 0xEF, 0x92, 0x00, 0x00, 0x81}},
			{Addr: 0x45, W: []byte{0xFD}},
			{Addr: 0x45, R: []byte{0x66, 0x66, 0x93, 0xBE, 0xEF, 0x92}},
		}}
		d, err := Open(t.Context(), bus, Config{Address: 0x45})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := d.Info().Serial, "beef0000"; got != want {
			t.Errorf("serial %q, want %q", got, want)
		}
		s, err := d.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got, want := fmt.Sprintf("%.2f %.2f", s[0].Value, s[1].Value), "25.00 87.23"; got != want {
			t.Errorf("read %s, want %s", got, want)
		}
		if err := bus.Close(); err != nil {
			t.Error(err)
		}
	})
}

// An adapter that reports no missing acknowledge, as QEMU's, reads ones where no chip is.
func TestIdleBus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ones := []byte{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}
		bus := &i2ctest.Playback{Ops: []i2ctest.IO{{Addr: 0x44, W: []byte{0x89}}, {Addr: 0x44, R: ones}}}
		_, err := Open(t.Context(), bus, Config{Address: 0x44})
		if err == nil || !strings.Contains(err.Error(), "no answer at 0x44") {
			t.Errorf("Open on an idle bus: %v, want no answer", err)
		}
	})
}

func TestTroubles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room := sim.NewRoom("sim:room", 1)
		d, err := Open(t.Context(), room.Bus(), Config{Address: 0x44})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			trouble sim.Trouble
			is      error
			text    string
		}{
			{sim.Unplugged, device.ErrNoAnswer, "no answer at 0x44 on sim:room"},
			{sim.Noisy, device.ErrGarbled, "the temperature from 0x44 on sim:room came with a wrong checksum"},
			{sim.Stuck, device.ErrBusStuck, "the bus sim:room does not move while asking 0x44"},
			{sim.None, nil, ""},
		} {
			room.Trouble(c.trouble)
			_, err := d.Read(t.Context())
			if !errors.Is(err, c.is) || err != nil && !strings.HasPrefix(err.Error(), c.text) {
				t.Errorf("trouble %d: error %v, want %q", c.trouble, err, c.text)
			}
		}
	})
}

func TestCheck(t *testing.T) {
	var got []string
	Config{Address: 0x76}.Check(func(key, problem, remedy string) { got = append(got, key, problem, remedy) })
	want := []string{"address", "an SHT4x does not answer at 0x76", "use 0x44, 0x45 or 0x46"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("Check at 0x76 = %q, want %q", got, want)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(uint16(0x6666), uint16(0x8000))
	f.Fuzz(func(t *testing.T, ticks, rh uint16) {
		s := decode(ticks, rh)
		if s[0].Value < -45 || s[0].Value > 130 || s[1].Value < 0 || s[1].Value > 100 {
			t.Errorf("decode(%d, %d) = %v", ticks, rh, s)
		}
	})
}
