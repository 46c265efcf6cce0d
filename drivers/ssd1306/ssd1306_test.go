package ssd1306

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"unicode/utf8"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/i2c/i2ctest"

	"selvage/drivers/sim"
	"selvage/edge/device"
	"selvage/edge/device/drivertest"
)

var usual = Config{Address: 0x3C, Height: 64, Size: 1, Contrast: 127}

func board() (*sim.Board, *sim.SSD1306) {
	c := new(sim.SSD1306)
	b := sim.NewBoard("sim:display")
	b.Plug(0x3C, c)
	return b, c
}

func TestDriver(t *testing.T) {
	drivertest.Run(t, drivertest.Case{
		Driver: "ssd1306",
		Bus: func() i2c.Bus {
			b, _ := board()
			return b.Bus()
		},
	})
}

// What is to be seen, drawn by hand.
func TestPicture(t *testing.T) {
	b, c := board()
	config := usual
	config.Height = 32
	d, err := Open(t.Context(), b.Bus(), config)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Out(t.Context(), device.Words("Hi\n5°")); err != nil {
		t.Fatal(err)
	}
	want := strings.Split(`
#   #   #
#   #
#   #  ##
#####   #
#   #   #
#   #   #
#   #  ###

#####   ##
#      #  #
####   #  #
    #   ##
    #
#   #
 ###
`, "\n")[1:]
	got := strings.Split(c.Picture(), "\n")
	if len(got) != 33 || !slices.Equal(got[:15], want[:15]) || strings.Join(got[15:], "") != "" {
		t.Errorf("the picture of %d rows is\n%s", len(got)-1, strings.Join(got, "\n"))
	}

	d.c.Size = 2
	if err := d.Out(t.Context(), device.Words("H")); err != nil {
		t.Fatal(err)
	}
	got = strings.Split(c.Picture(), "\n")
	if got[0] != "##      ##" || got[1] != got[0] || got[6] != "##########" || got[7] != got[6] || got[8] != got[0] || got[14] != "" {
		t.Errorf("a large letter is\n%s", strings.Join(got[:16], "\n"))
	}
}

// Lines that are too long go on in the next, and what does not fit is left out.
func TestLines(t *testing.T) {
	at := func(p rows, line, column int) string { return string(p[line][column*6 : column*6+5]) }
	p := draw(strings.Repeat("A", 21)+"B\nC", 64, 1)
	if at(p, 0, 20) != glyph('A') || at(p, 1, 0) != glyph('B') || at(p, 2, 0) != glyph('C') || at(p, 1, 1) != glyph(' ') {
		t.Error("22 letters and a line break are not on three lines")
	}
	p = draw(strings.Repeat("x\n", 8)+"y", 64, 1)
	if at(p, 7, 0) != glyph('x') {
		t.Error("the eighth line is missing")
	}
	if glyph('✓') != glyph('?') || glyph('\t') != glyph('?') || glyph('°') == glyph('?') {
		t.Error("letters that it does not have are not question marks")
	}
}

// What goes over the wire: the settings are those of the datasheet's application note (figure 2: A8 3F, D3 00, 40, …, 8D 14,
// AF), pages are addressed as in section 10.1.3.
func TestTranscript(t *testing.T) {
	w := func(b ...byte) i2ctest.IO { return i2ctest.IO{Addr: 0x3D, W: b} }
	row := func(first ...byte) i2ctest.IO {
		return w(append(append([]byte{0x40}, first...), make([]byte, 128-len(first))...)...)
	}
	ops := []i2ctest.IO{
		{Addr: 0x3D, R: []byte{0x43}},
		w(0x00, 0xA8, 0x3F, 0xD3, 0x00, 0x40, 0xA1, 0xC8, 0xDA, 0x12, 0x81, 0x7F, 0xA4, 0xA6, 0xD5, 0x80, 0x8D, 0x14, 0x20, 0x02),
		w(0x00, 0xB0, 0x00, 0x10), row(0x7E, 0x11, 0x11, 0x11, 0x7E),
	}
	for page := byte(0xB1); page <= 0xB7; page++ {
		ops = append(ops, w(0x00, page, 0x00, 0x10), row())
	}
	ops = append(ops, w(0x00, 0xAF), i2ctest.IO{Addr: 0x3D, R: []byte{0x03}})
	bus := &i2ctest.Playback{Ops: ops}
	config := usual
	config.Address = 0x3D
	d, err := Open(t.Context(), bus, config)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Out(t.Context(), device.Words("A")); err != nil {
		t.Error(err)
	}
	if err := bus.Close(); err != nil {
		t.Error(err)
	}
}

func TestTroubles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, chip := board()
		d, err := Open(t.Context(), b.Bus(), usual)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			trouble sim.Trouble
			is      error
			text    string
		}{
			{sim.Unplugged, device.ErrNoAnswer, "no answer at 0x3c on sim:display"},
			{sim.Ones, device.ErrNoAnswer, "no answer at 0x3c on sim:display: only ones"},
			{sim.Stuck, device.ErrBusStuck, "the bus sim:display does not move"},
			{sim.None, nil, ""},
		} {
			b.Trouble(c.trouble)
			err := d.Out(t.Context(), device.Words("x"))
			if !errors.Is(err, c.is) || err != nil && !strings.HasPrefix(err.Error(), c.text) {
				t.Errorf("trouble %d: error %v, want %q", c.trouble, err, c.text)
			}
			if seen := chip.Picture() != ""; seen != (err == nil) {
				t.Errorf("trouble %d: seen %v", c.trouble, seen)
			}
		}
	})
}

func TestCheck(t *testing.T) {
	if got, want := drivertest.Refused(t, Config{Address: 0x3E, Height: 48, Size: 3, Contrast: 256}), "address height size contrast"; got != want {
		t.Errorf("faults at %q, want %q", got, want)
	}
}

// Any text is drawn within the display, and only what letters there are.
func FuzzDraw(f *testing.F) {
	f.Add("21.5 °C\nok", true, true)
	f.Add("\xff\x00\n\n\n\n\n\n\n\n\n", false, false)
	f.Fuzz(func(t *testing.T, text string, low, large bool) {
		height, size := 64, 1
		if low {
			height = 32
		}
		if large {
			size = 2
		}
		p := draw(text, height, size)
		if len(p) != height/8 {
			t.Errorf("%q: %d rows", text, len(p))
		}
		if utf8.RuneCountInString(text) == 0 && slices.ContainsFunc(p, func(r [width]byte) bool { return r != [width]byte{} }) {
			t.Error("no text gives dots")
		}
	})
}
