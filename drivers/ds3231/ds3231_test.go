package ds3231

import (
	"errors"
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

func chip() *sim.DS3231 { return &sim.DS3231{Celsius: func(time.Time) float64 { return 21.25 }} }

func board(c sim.Chip) *sim.Board {
	b := sim.NewBoard("sim:rtc")
	b.Plug(address, c)
	return b
}

func TestDriver(t *testing.T) {
	drivertest.Run(t, drivertest.Case{
		Driver: "ds3231",
		Bus:    func() i2c.Bus { return board(chip()).Bus() },
		Other:  func() i2c.Bus { return board(sim.NewMCP9808(sim.Steady(21))).Bus() },
	})
}

// The temperature is the datasheet's example: 00011001 01 is +25.25 °C. The other times are by hand.
func TestDecode(t *testing.T) {
	base := func(change func(r *[registers]byte)) [registers]byte {
		r := [registers]byte{0x56, 0x34, 0x12, 1, 0x28, 0x02, 0x24, regTemp: 0x19, regTemp + 1: 0x40}
		change(&r)
		return r
	}
	for _, c := range []struct {
		name   string
		change func(r *[registers]byte)
		temp   float64
		text   string // "" = none
		doubt  bool
	}{
		{"as it is", func(*[registers]byte) {}, 25.25, "2024-02-28T12:34:56Z", false},
		{"leap day", func(r *[registers]byte) { r[4] = 0x29 }, 25.25, "2024-02-29T12:34:56Z", false},
		{"no leap day", func(r *[registers]byte) { r[4], r[6] = 0x29, 0x25 }, 25.25, "", false},
		{"no decimal digit", func(r *[registers]byte) { r[0] = 0x5A }, 25.25, "", false},
		{"second 60", func(r *[registers]byte) { r[0] = 0x60 }, 25.25, "", false},
		{"month 0", func(r *[registers]byte) { r[5] = 0 }, 25.25, "", false},
		{"midnight of twelve", func(r *[registers]byte) { r[2] = 0x52 }, 25.25, "2024-02-28T00:34:56Z", false},
		{"noon of twelve", func(r *[registers]byte) { r[2] = 0x72 }, 25.25, "2024-02-28T12:34:56Z", false},
		{"eleven at night of twelve", func(r *[registers]byte) { r[2] = 0x71 }, 25.25, "2024-02-28T23:34:56Z", false},
		{"thirteen of twelve", func(r *[registers]byte) { r[2] = 0x53 }, 25.25, "", false},
		{"next century", func(r *[registers]byte) { r[5] |= century; r[6] = 0 }, 25.25, "2100-02-28T12:34:56Z", false},
		{"stood still", func(r *[registers]byte) { r[regStatus] = 0x88 }, 25.25, "2024-02-28T12:34:56Z", true},
		{"frost", func(r *[registers]byte) { r[regTemp], r[regTemp+1] = 0xFF, 0xC0 }, -0.25, "2024-02-28T12:34:56Z", false},
	} {
		s, wall := decode(base(c.change))
		if s[0].Value != c.temp || s[1].Text != c.text || (s[1].Doubt != "") != c.doubt || (s[1].Err != nil) != (c.text == "") || wall.IsZero() != (c.text == "") {
			t.Errorf("%s: %+v, want %v °C, %q, doubt %v", c.name, s, c.temp, c.text, c.doubt)
		}
	}
}

// What goes over the wire, byte by byte.
func TestTranscript(t *testing.T) {
	regs := []byte{0x00, 0x30, 0x08, 2, 0x23, 0x11, 0x26, 0, 0, 0, 0, 0, 0, 0, 0x1C, 0x08, 0, 0x19, 0x40}
	bus := &i2ctest.Playback{Ops: []i2ctest.IO{{Addr: 0x68, W: []byte{0}, R: regs}, {Addr: 0x68, W: []byte{0}, R: regs}}}
	d, err := Open(t.Context(), bus, Config{Address: 0x68})
	if err != nil {
		t.Fatal(err)
	}
	s, err := d.Read(t.Context())
	if err != nil || s[0].Value != 25.25 || s[1].Text != "2026-11-23T08:30:00Z" {
		t.Errorf("Read = %v, %v", s, err)
	}
	if err := bus.Close(); err != nil {
		t.Error(err)
	}
}

// Its time counts if the config says so and the clock is sure of it.
func TestWall(t *testing.T) {
	for _, c := range []struct {
		name  string
		trust bool
		chip  *sim.DS3231
		ok    bool
	}{
		{"trusted", true, &sim.DS3231{Behind: time.Hour}, true},
		{"counts to twelve", true, &sim.DS3231{Behind: time.Hour, Twelve: true}, true},
		{"not trusted", false, &sim.DS3231{Behind: time.Hour}, false},
		{"stood still", true, &sim.DS3231{Behind: time.Hour, Stopped: true}, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			c.chip.Celsius = func(time.Time) float64 { return 20 }
			d, err := Open(t.Context(), board(c.chip).Bus(), Config{Address: 0x68, Trust: c.trust})
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := d.Wall(); ok {
				t.Errorf("%s: a time before the first Read", c.name)
			}
			for range 20 { // through noon and midnight
				time.Sleep(100*time.Minute + 300*time.Millisecond)
				if _, err := d.Read(t.Context()); err != nil {
					t.Fatal(err)
				}
				wall, ok := d.Wall()
				if off := time.Now().Add(-time.Hour).Sub(wall).Abs(); ok != c.ok || ok && off > halfASecond {
					t.Errorf("%s: Wall = %v, %v at %v", c.name, wall, ok, time.Now())
				}
			}
		})
	}
}

func TestTroubles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := board(chip())
		d, err := Open(t.Context(), b.Bus(), Config{Address: 0x68, Trust: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			trouble sim.Trouble
			is      error
			text    string
		}{
			{sim.Unplugged, device.ErrNoAnswer, "no answer at 0x68 on sim:rtc"},
			{sim.Ones, device.ErrNoAnswer, "no answer at 0x68 on sim:rtc: only ones"},
			{sim.Stuck, device.ErrBusStuck, "the bus sim:rtc does not move"},
			{sim.None, nil, ""},
		} {
			b.Trouble(c.trouble)
			_, err := d.Read(t.Context())
			if !errors.Is(err, c.is) || err != nil && !strings.HasPrefix(err.Error(), c.text) {
				t.Errorf("trouble %d: error %v, want %q", c.trouble, err, c.text)
			}
			if _, ok := d.Wall(); ok != (err == nil) {
				t.Errorf("trouble %d: Wall %v", c.trouble, ok)
			}
		}
	})
}

// An MPU-6050 answers at the same address; its register 0x00 to 0x12 hold other things.
func TestStranger(t *testing.T) {
	regs := make([]byte, registers)
	regs[0] = 0x83
	bus := &i2ctest.Playback{Ops: []i2ctest.IO{{Addr: 0x68, W: []byte{0}, R: regs}}}
	if _, err := Open(t.Context(), bus, Config{Address: 0x68}); err == nil || !strings.Contains(err.Error(), "something else (register 00 is 83), not a DS3231") {
		t.Errorf("Open of something else: %v", err)
	}
}

func TestCheck(t *testing.T) {
	if got, want := drivertest.Refused(t, Config{Address: 0x57}), "address"; got != want {
		t.Errorf("faults at %q, want %q", got, want)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{0x56, 0x34, 0x12, 1, 0x28, 0x02, 0x24, 0, 0, 0, 0, 0, 0, 0, 0x1C, 0x08, 0, 0x19, 0x40})
	f.Fuzz(func(t *testing.T, b []byte) {
		var r [registers]byte
		copy(r[:], b)
		s, wall := decode(r)
		if s[0].Value < -128 || s[0].Value > 127.75 {
			t.Errorf("%x: %v °C", r, s[0].Value)
		}
		if (s[1].Err == nil) != (s[1].Text != "") || (s[1].Err == nil) == wall.IsZero() || s[1].Err == nil && (wall.Year() < 2000 || wall.Year() > 2199) {
			t.Errorf("%x: %+v, %v", r, s[1], wall)
		}
	})
}
