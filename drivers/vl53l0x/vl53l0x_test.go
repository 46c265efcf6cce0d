package vl53l0x

import (
	"errors"
	"math"
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

var usual = Config{Address: address, Budget: 33 * time.Millisecond}

func board(metres float64) (*sim.Board, *sim.VL53L0X) {
	c := &sim.VL53L0X{Metres: func(time.Time) float64 { return metres }}
	b := sim.NewBoard("sim:level")
	b.Plug(address, c)
	return b, c
}

func TestDriver(t *testing.T) {
	drivertest.Run(t, drivertest.Case{
		Driver: "vl53l0x",
		Bus: func() i2c.Bus {
			b, _ := board(0.5)
			return b.Bus()
		},
		Other: func() i2c.Bus {
			b := sim.NewBoard("sim:level")
			b.Plug(address, &sim.DS3231{Celsius: func(time.Time) float64 { return 20 }})
			return b.Bus()
		},
	})
}

// The meaning of the status is that of VL53L0X_get_pal_range_status; 8190 and 8191 mm are what the chip gives when it sees
// nothing.
func TestDecode(t *testing.T) {
	for status, want := range []struct {
		metres, target float64
		doubt, err     string
	}{
		0: {0, 0, "", "no result (status 0)"}, 1: {0, 0, "", "laser does not work (status 1)"}, 2: {0, 0, "", "laser"}, 3: {0, 0, "", "laser"},
		4: {0, 0, "", "nothing that reflects"}, 5: {0, 0, "", "no result"}, 6: {0.3, 1, "farther", ""}, 7: {0, 0, "", "no result"},
		8: {0.3, 1, "too close", ""}, 9: {0.3, 1, "farther", ""}, 10: {0.3, 1, "too close", ""}, 11: {0.3, 1, "", ""},
		12: {0, 0, "", "no result"}, 13: {0, 0, "", "no result"}, 14: {0, 0, "", "no result"}, 15: {0, 0, "", "no result"},
	} {
		s := decode([12]byte{0: byte(status)<<3 | 0x80, 10: 1, 11: 0x2C}) // 300 mm; other bits of the status do not matter
		d := s[0]
		if math.Abs(d.Value-want.metres) > 1e-9 || s[1].Value != want.target || !strings.Contains(d.Doubt, want.doubt) || (d.Doubt == "") != (want.doubt == "") ||
			(d.Err == nil) != (want.err == "") || d.Err != nil && !strings.Contains(d.Err.Error(), want.err) {
			t.Errorf("status %d: %+v, want %+v", status, s, want)
		}
	}
	if s := decode([12]byte{0: 11 << 3, 10: 0x1F, 11: 0xFE}); s[0].Err == nil || s[1].Value != 0 {
		t.Errorf("8190 mm: %+v, want nothing seen", s)
	}
}

// The format of VL53L0X_encode_timeout is low byte · 2^high byte + 1: of ST's table, 0x01FE is 509 periods and 0x0096 is
// 151.
func TestTimeouts(t *testing.T) {
	for n, want := range map[int]uint16{1: 0, 151: 0x0096, 256: 0x00FF, 257: 0x0180, 509: 0x01FE, 0x8001: 0x0880} {
		if got := packTimeout(n); got != want {
			t.Errorf("packTimeout(%d) = %04x, want %04x", n, got, want)
		}
	}
	// By hand for 33 ms: MSRC 2055 µs, pre-range 8087 µs, overheads 4870 µs; 15933 µs are left, which are 418 periods.
	if got := finalTimeout(33 * time.Millisecond); got != 0x028E {
		t.Errorf("finalTimeout(33 ms) = %04x, want 028e: 569 periods", got)
	}
}

// The first detectors that are good, from number 12 on those with an aperture.
func TestChosen(t *testing.T) {
	good := [6]byte{0xFF, 0xFE, 0xFF, 0xEF, 0xFF, 0x3F}
	if got, want := chosen(good, 5, true), [6]byte{1: 0xF0, 2: 0x01}; got != want {
		t.Errorf("with an aperture: % x, want % x", got, want)
	}
	if got, want := chosen(good, 9, false), [6]byte{0: 0xFF, 1: 0x02}; got != want {
		t.Errorf("without: % x, want % x", got, want)
	}
	if got := chosen(good, 127, false); got != good {
		t.Errorf("more than there are: % x, want % x", got, good)
	}
}

// What goes over the wire in one measurement, as ST's interface does it.
func TestTranscript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := func(reg, v byte) i2ctest.IO { return i2ctest.IO{Addr: address, W: []byte{reg, v}} }
		r := func(reg byte, v ...byte) i2ctest.IO { return i2ctest.IO{Addr: address, W: []byte{reg}, R: v} }
		bus := &i2ctest.Playback{Ops: []i2ctest.IO{
			w(0x80, 1), w(0xFF, 1), w(0x00, 0), w(0x91, 0x3C), w(0x00, 1), w(0xFF, 0), w(0x80, 0), w(0x00, 1),
			r(0x13, 0x40), r(0x13, 0x44), r(0x14, 0x5D, 0, 0x0B, 0x55, 0, 0x16, 0, 0xC3, 0, 0, 0, 0x72), r(0x01, 0xE8), w(0x0B, 1),
		}}
		d := &Dev{chip: device.Chip{Bus: bus, Addr: address}, c: usual, stop: 0x3C, ready: true}
		s, err := d.Read(t.Context())
		if err != nil || s[0].Value != 0.114 || s[0].Err != nil || s[0].Doubt != "" || s[1].Value != 1 {
			t.Errorf("Read = %+v, %v, want 114 mm", s, err)
		}
		if err := bus.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestSimulated(t *testing.T) {
	for _, budget := range []time.Duration{20 * time.Millisecond, 33 * time.Millisecond, 200 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			metres := 1.234
			b := sim.NewBoard("sim:level")
			b.Plug(address, &sim.VL53L0X{Metres: func(time.Time) float64 { return metres }})
			d, err := Open(t.Context(), b.Bus(), Config{Address: address, Budget: budget})
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			s, err := d.Read(t.Context())
			if err != nil || math.Abs(s[0].Value-1.234) > 1e-9 || s[0].Err != nil {
				t.Errorf("%v: Read = %+v, %v", budget, s, err)
			}
			if took := time.Since(began); took > budget+10*time.Millisecond {
				t.Errorf("a budget of %v took %v", budget, took)
			}
			metres = 9
			if s, err = d.Read(t.Context()); err != nil || s[0].Err == nil || s[1].Value != 0 {
				t.Errorf("%v: with nothing before it: %+v, %v", budget, s, err)
			}
		})
	}
}

func TestTroubles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, c := board(0.5)
		d, err := Open(t.Context(), b.Bus(), usual)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			trouble sim.Trouble
			is      error
			text    string
		}{
			{sim.Unplugged, device.ErrNoAnswer, "no answer at 0x29 on sim:level"},
			{sim.Ones, device.ErrNoAnswer, "no answer at 0x29 on sim:level: only ones"},
			{sim.Stuck, device.ErrBusStuck, "the bus sim:level does not move"},
			{sim.None, nil, ""},
		} {
			b.Trouble(c.trouble)
			if _, err := d.Read(t.Context()); !errors.Is(err, c.is) || err != nil && !strings.HasPrefix(err.Error(), c.text) {
				t.Errorf("trouble %d: error %v, want %q", c.trouble, err, c.text)
			}
		}
		c.PowerOff() // nothing is left of its settings
		for i := range 2 {
			s, err := d.Read(t.Context())
			if ok := err == nil && s[0].Value == 0.5; ok != (i == 1) {
				t.Errorf("read %d after a loss of power: %+v, %v", i, s, err)
			}
		}
	})
}

func TestCheck(t *testing.T) {
	if got, want := drivertest.Refused(t, Config{Address: 0x30, Budget: time.Second}), "address budget"; got != want {
		t.Errorf("faults at %q, want %q", got, want)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{0x5D, 0, 0x0B, 0x55, 0, 0x16, 0, 0xC3, 0, 0, 0, 0x72})
	f.Fuzz(func(t *testing.T, b []byte) {
		var r [12]byte
		copy(r[:], b)
		s := decode(r)
		if (s[0].Err != nil) == (s[1].Value == 1) || s[0].Value < 0 || s[0].Value >= 8.19 {
			t.Errorf("% x: %+v", r, s)
		}
	})
}
