package sim

import (
	"strings"
	"time"
)

func init() {
	register("ssd1306", []uint16{0x3C, 0x3D}, func(uint16) Chip { return new(SSD1306) })
}

// SSD1306 is the controller of a display as its datasheet describes it (Solomon Systech, revision 1.1, table 9-1), with
// page addressing.
type SSD1306 struct {
	dots   [8][128]byte
	on     bool
	supply bool // its own, for the dots
	page   int
	column int
	rows   int
}

func (c *SSD1306) PowerOff() { *c = SSD1306{} }

// Picture is what is to be seen, a line of text for each row of dots; "" if it is dark.
func (c *SSD1306) Picture() string {
	if !c.on || !c.supply {
		return ""
	}
	var b strings.Builder
	for y := range c.rows {
		line := make([]byte, 128)
		for x := range line {
			line[x] = ' '
			if c.dots[y/8][x]>>(y%8)&1 == 1 {
				line[x] = '#'
			}
		}
		b.WriteString(strings.TrimRight(string(line), " ") + "\n")
	}
	return b.String()
}

// Write takes a control byte, then commands or dots.
func (c *SSD1306) Write(_ time.Time, w []byte) bool {
	switch {
	case len(w) == 0:
	case w[0] == 0x00:
		for rest := w[1:]; len(rest) > 0; {
			n := 1 + ssd1306Arguments(rest[0])
			if n > len(rest) {
				return true // the rest of it does not come
			}
			c.command(rest[:n])
			rest = rest[n:]
		}
	case w[0] == 0x40:
		for _, v := range w[1:] {
			c.dots[c.page][c.column] = v
			c.column = (c.column + 1) % 128 // within the page
		}
	}
	return true
}

// ssd1306Arguments is how many bytes follow a command.
func ssd1306Arguments(command byte) int {
	switch command {
	case 0x20, 0x81, 0x8D, 0xA8, 0xD3, 0xD5, 0xD9, 0xDA, 0xDB:
		return 1
	case 0x21, 0x22:
		return 2
	}
	return 0
}

func (c *SSD1306) command(b []byte) {
	switch v := b[0]; {
	case v <= 0x0F:
		c.column = c.column&0x70 | int(v)
	case v <= 0x1F:
		c.column = c.column&0x0F | int(v&7)<<4
	case v == 0x8D:
		c.supply = b[1]&4 != 0
	case v == 0xA8:
		c.rows = int(b[1]&0x3F) + 1
	case v == 0xAE || v == 0xAF:
		c.on = v == 0xAF
	case v >= 0xB0 && v <= 0xB7:
		c.page = int(v & 7)
	}
}

// Read gives the status, whose bit 6 tells that the display is off.
func (c *SSD1306) Read(_ time.Time, r []byte) bool {
	for i := range r {
		r[i] = 0x03
		if !c.on {
			r[i] |= 0x40
		}
	}
	return true
}
