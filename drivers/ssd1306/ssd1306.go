// Package ssd1306 is for small displays of 128 by 64 or 128 by 32 dots with a Solomon Systech SSD1306, on an I²C bus. It
// shows what it is told as text: 8 lines of 21 letters, or 4 of 10 large ones.
//
// Wiring: VCC 3.3 V (boards with a regulator 5 V, too), SDA and SCL. Its address is 0x3C, or 0x3D if a solder bridge says
// so. A display of 1.3 inches mostly has an SH1106, which looks the same and is another chip.
//
// Source: Solomon Systech, SSD1306, revision 1.1: commands in table 9-1, the status that is read in table 9-2, page
// addressing in section 10.1.3, the order of the settings in figure 2 of its application note.
//
// It is not periph's driver, whose drawing brings the image packages of the library with it, for a picture of 1 kB.
package ssd1306

import (
	"context"
	"fmt"

	"periph.io/x/conn/v3/i2c"

	"selvage/edge/device"
)

func init() {
	device.RegisterI2C("ssd1306", Config{Address: 0x3C, Height: 64, Size: 1, Contrast: 127}, Open)
}

const (
	width = 128

	commands = 0x00 // the first byte of a transfer of commands, and
	data     = 0x40 // of one of dots
	dark     = 1 << 6
)

// Config is one [device.…] table of the host file.
type Config struct {
	_        struct{} `doc:"A small display with a Solomon Systech SSD1306, for text." example:"display"`
	Address  uint16   `toml:"address" doc:"its address on the bus: 0x3c or 0x3d"`
	Height   int      `toml:"height" doc:"its height in dots: 64 or 32"`
	Size     int      `toml:"size" doc:"the size of its letters: 1, or 2 for large ones"`
	Contrast int      `toml:"contrast" doc:"how bright it is, from 0 to 255"`
	Rotate   bool     `toml:"rotate" doc:"whether it is mounted upside down"`
	Safe     string   `toml:"safe" doc:"what it shows on start, on stop and when nobody commands it" example:"offline"`
}

// Addresses are the two that it may have.
func (Config) Addresses() []uint16 { return []uint16{0x3C, 0x3D} }

// Check names what cannot work.
func (c Config) Check(fault func(key, problem, remedy string)) {
	if c.Address != 0x3C && c.Address != 0x3D {
		fault("address", fmt.Sprintf("an SSD1306 does not answer at 0x%02x", c.Address), "use 0x3c or 0x3d")
	}
	if c.Height != 64 && c.Height != 32 {
		fault("height", fmt.Sprintf("no such display is %d dots high", c.Height), "use 64 or 32")
	}
	if c.Size != 1 && c.Size != 2 {
		fault("size", fmt.Sprintf("it has no letters of size %d", c.Size), "use 1 or 2")
	}
	if c.Contrast < 0 || c.Contrast > 255 {
		fault("contrast", fmt.Sprintf("it has no contrast of %d", c.Contrast), "use 0 to 255")
	}
}

// Dev is one display.
type Dev struct {
	chip device.Chip
	c    Config
}

// Open reads the chip's status, which only says that something is there: it has no number that says what it is.
func Open(ctx context.Context, bus i2c.Bus, c Config) (*Dev, error) {
	d := &Dev{chip: device.Chip{Bus: bus, Addr: c.Address}, c: c}
	if _, err := d.status(ctx); err != nil {
		return nil, err
	}
	return d, nil
}

// Info tells the chip's address.
func (d *Dev) Info() device.Info {
	return d.chip.Info("ssd1306", fmt.Sprintf("Solomon Systech SSD1306, %d × %d", width, d.c.Height), "")
}

// Takes is text; a line break begins a new line.
func (d *Dev) Takes() device.Channel { return device.Channel{Form: device.Text} }

// Safe is the configured text.
func (d *Dev) Safe() device.Value { return device.Words(d.c.Safe) }

// Close leaves what it shows: the safe text was written before.
func (d *Dev) Close() error { return nil }

// Out shows a text. The settings go ahead of it each time, as a display that lost its power has forgotten them.
func (d *Dev) Out(ctx context.Context, v device.Value) error {
	if err := d.chip.Tx(ctx, d.settings(), nil); err != nil {
		return err
	}
	for i, row := range draw(v.Text, d.c.Height, d.c.Size) {
		if err := d.chip.Tx(ctx, []byte{commands, 0xB0 | byte(i), 0x00, 0x10}, nil); err != nil { // page i, column 0
			return err
		}
		if err := d.chip.Tx(ctx, append([]byte{data}, row[:]...), nil); err != nil {
			return err
		}
	}
	if err := d.chip.Tx(ctx, []byte{commands, 0xAF}, nil); err != nil { // on
		return err
	}
	status, err := d.status(ctx)
	if err == nil && status&dark != 0 {
		err = d.chip.Lost()
	}
	return err
}

// settings are the commands from power-on to a picture, without those that are as they should be after power-on.
func (d *Dev) settings() []byte {
	segments, scan, pins := byte(0xA1), byte(0xC8), byte(0x12) // the connector at the top; rows by turns
	if d.c.Rotate {
		segments, scan = 0xA0, 0xC0
	}
	if d.c.Height == 32 {
		pins = 0x02 // rows one after the other
	}
	return []byte{
		commands,
		0xA8, byte(d.c.Height - 1), // rows that are driven
		0xD3, 0x00, 0x40, // no offset, first line
		segments, scan,
		0xDA, pins,
		0x81, byte(d.c.Contrast),
		0xA4, 0xA6, // shows its memory, not inverted
		0xD5, 0x80, // its clock
		0x8D, 0x14, // its own supply for the dots
		0x20, 0x02, // page addressing
	}
}

func (d *Dev) status(ctx context.Context) (byte, error) {
	var r [1]byte
	err := d.chip.Read(ctx, nil, r[:])
	return r[0], err
}

var _ device.Output = (*Dev)(nil)
