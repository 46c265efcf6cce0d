package mcp23017

import (
	"errors"
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

// world is what is outside of a simulated chip.
type world struct {
	board         *sim.Board
	chip          *sim.MCP23017
	driven, level uint16
}

func newWorld() *world {
	w := &world{board: sim.NewBoard("sim:pins")}
	w.chip = &sim.MCP23017{Outside: func(time.Time) (uint16, uint16) { return w.driven, w.level }}
	w.board.Plug(0x20, w.chip)
	return w
}

func TestDrivers(t *testing.T) {
	for _, name := range []string{"mcp23017-in", "mcp23017-out"} {
		t.Run(name, func(t *testing.T) {
			drivertest.Run(t, drivertest.Case{
				Driver: name,
				Bus:    func() i2c.Bus { return newWorld().board.Bus() },
				Other: func() i2c.Bus {
					b := sim.NewBoard("sim:pins")
					b.Plug(0x20, &sim.INA226{Ohms: 0.1, Load: func(time.Time) (float64, float64) { return 12, 1 }})
					return b.Bus()
				},
			})
		})
	}
}

// all is the registers after power-on, with some changed.
func all(changes ...byte) []byte {
	r := make([]byte, registers)
	r[0], r[1] = 0xFF, 0xFF
	for i := 0; i < len(changes); i += 2 {
		r[changes[i]] = changes[i+1]
	}
	return r
}

// What goes over the wire, byte by byte: by table 3-3 of the datasheet the pin B3 is bit 3 of OLATB (0x15) and IODIRB
// (0x01), the pull-up of A0 bit 0 of GPPUA (0x0C).
func TestTranscript(t *testing.T) {
	io := func(r []byte, w ...byte) i2ctest.IO { return i2ctest.IO{Addr: 0x21, W: w, R: r} }
	bus := &i2ctest.Playback{Ops: []i2ctest.IO{
		io(all(), 0),
		io(all(0x14, 0x80), 0), io(nil, 0x15, 0x08), io(nil, 0x01, 0xF7), io(all(0x14, 0x80, 0x15, 0x08, 0x01, 0xF7), 0),
		io(all(), 0), io(nil, 0x0C, 0x01), io(all(0x0C, 0x01, 0x12, 0x01), 0),
	}}
	out, err := OpenOut(t.Context(), bus, OutConfig{Address: 0x21, Output: "B3", Active: "high", Safe: "off"})
	if err != nil {
		t.Fatal(err)
	}
	if err := out.Out(t.Context(), device.On(true)); err != nil {
		t.Error(err)
	}
	in, err := OpenIn(t.Context(), bus, InConfig{Address: 0x21, Input: "A0", Pull: "up", Active: "low"})
	if err != nil {
		t.Fatal(err)
	}
	if s, err := in.Read(t.Context()); err != nil || s[0].Value != 0 {
		t.Errorf("Read = %v, %v, want off", s, err)
	}
	if err := bus.Close(); err != nil {
		t.Error(err)
	}
}

// Pins of one chip do not disturb each other, and all come back after a loss of power.
func TestPins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		bus := w.board.Bus()
		pump, err := OpenOut(t.Context(), bus, OutConfig{Address: 0x20, Output: "A7", Active: "high"})
		if err != nil {
			t.Fatal(err)
		}
		lamp, err := OpenOut(t.Context(), bus, OutConfig{Address: 0x20, Output: "B7", Active: "low"})
		if err != nil {
			t.Fatal(err)
		}
		door, err := OpenIn(t.Context(), bus, InConfig{Address: 0x20, Input: "B0", Pull: "up", Active: "low", Debounce: debounce})
		if err != nil {
			t.Fatal(err)
		}
		set := func(o *Out, on bool) {
			t.Helper()
			if err := o.Out(t.Context(), device.On(on)); err != nil {
				t.Error(err)
			}
		}
		look := func(what string, levels uint16, open bool) {
			t.Helper()
			s, err := door.Read(t.Context())
			if err != nil || (s[0].Value == 1) != open {
				t.Errorf("%s: door %v, %v, want %v", what, s, err, open)
			}
			if got := w.chip.Levels(time.Now()); got != levels {
				t.Errorf("%s: levels %04x, want %04x", what, got, levels)
			}
		}
		look("nothing set", 0x0100, false)
		set(pump, true)
		set(lamp, false)
		look("pump on, lamp off", 0x8180, false)
		w.driven = 0x0100
		look("contact closed", 0x8080, true)
		set(lamp, true)
		set(pump, false)
		look("the other way round", 0x0000, true)
		set(lamp, false)
		w.chip.PowerOff()
		w.driven = 0
		look("after a loss of power", 0x0100, false)
		set(lamp, false)
		look("and when it is written again", 0x8100, false)
	})
}

// A pulse shorter than the debounce time is none.
func TestDebounce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		bounce := time.Now().Add(time.Hour)
		w.chip.Outside = func(now time.Time) (uint16, uint16) {
			if d := now.Sub(bounce); d >= 0 && d < 5*time.Millisecond {
				return 1, 0
			}
			return 0, 0
		}
		door, err := OpenIn(t.Context(), w.board.Bus(), InConfig{Address: 0x20, Input: "A0", Pull: "up", Active: "low", Debounce: debounce})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if s, err := door.Read(t.Context()); err != nil || s[0].Value != 0 {
				t.Errorf("at %v: %v, %v, want off", time.Now(), s, err)
			}
			time.Sleep(time.Until(bounce))
		}
	})
}

func TestTroubles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		bus := w.board.Bus()
		out, err := OpenOut(t.Context(), bus, OutConfig{Address: 0x20, Output: "A0", Active: "high"})
		if err != nil {
			t.Fatal(err)
		}
		in, err := OpenIn(t.Context(), bus, InConfig{Address: 0x20, Input: "A0", Pull: "up", Active: "low"})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			trouble sim.Trouble
			is      error
			text    string
		}{
			{sim.Unplugged, device.ErrNoAnswer, "no answer at 0x20 on sim:pins"},
			{sim.Ones, device.ErrNoAnswer, "no answer at 0x20 on sim:pins: only ones"},
			{sim.Stuck, device.ErrBusStuck, "the bus sim:pins does not move"},
			{sim.None, nil, ""},
		} {
			w.board.Trouble(c.trouble)
			err := out.Out(t.Context(), device.On(true))
			if !errors.Is(err, c.is) || err != nil && !strings.HasPrefix(err.Error(), c.text) {
				t.Errorf("trouble %d: error %v, want %q", c.trouble, err, c.text)
			}
		}
		if _, err := in.Read(t.Context()); err == nil || !strings.Contains(err.Error(), "the pin A0 of 0x20 on sim:pins is an output") {
			t.Errorf("a pin used twice: %v", err)
		}
		port := slices.Repeat([]byte{0xFE}, registers) // a PCF8574 gives its port again and again
		other := &i2ctest.Playback{Ops: []i2ctest.IO{{Addr: 0x20, W: []byte{0}, R: port}}}
		if _, err := OpenOut(t.Context(), other, OutConfig{Address: 0x20, Output: "A0"}); !errors.Is(err, device.ErrOtherChip) {
			t.Errorf("a PCF8574: %v", err)
		}
	})
}

func TestCheck(t *testing.T) {
	if got, want := drivertest.Refused(t,
		InConfig{Address: 0x28, Input: "C0", Pull: "down", Active: "on", Debounce: time.Second},
		OutConfig{Address: 0x20, Output: "A8", Active: "high", Safe: "shut"},
	), "address input active pull debounce output safe"; got != want {
		t.Errorf("faults at %q, want %q", got, want)
	}
}

// Whatever comes, a read ends in a level or in an error.
func FuzzRead(f *testing.F) {
	f.Add(all())
	f.Fuzz(func(t *testing.T, b []byte) {
		r := all()
		copy(r, b)
		bus := &i2ctest.Playback{Ops: []i2ctest.IO{{Addr: 0x20, W: []byte{0}, R: r}}}
		s, err := newPin(bus, 0x20, "A0").read(t.Context())
		if err == nil && (s[regControl]&1 != 0 || s[regControl] != s[regControl+1]) {
			t.Errorf("% x was taken for an MCP23017's", s)
		}
	})
}
