// Package ds3231 is for the Maxim (Analog Devices) DS3231, a clock with a battery and a thermometer on an I²C bus.
//
// Wiring: VCC 2.3 to 5.5 V, a CR2032 at VBAT; its address is always 0x68. Without a driver of the kernel for it: one
// (dtoverlay=i2c-rtc,ds3231 on a Raspberry Pi) holds the address for itself, sets the system's time at boot, and gives the
// temperature to the driver hwmon. Set the clock to UTC before, with hwclock --systohc and that driver for example.
//
// Source: Maxim, DS3231, 19-5170, revision 10: registers in figure 1, the temperature in the section "Temperature
// registers".
package ds3231

import (
	"context"
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"

	"selvage/edge/device"
)

func init() { device.RegisterI2C("ds3231", Config{Address: 0x68}, Open) }

const (
	address = 0x68
	model   = "Maxim DS3231"

	registers    = 0x13 // of them
	regStatus    = 0x0F
	stopped      = 1 << 7 // of the status: the oscillator stood still since this was last cleared
	regTemp      = 0x11   // °C, with a sign; the next register has quarters in its two highest bits
	century      = 1 << 7 // of the month
	twelve       = 1 << 6 // of the hour: it counts to twelve
	afternoon    = 1 << 5 // of such an hour
	halfASecond  = 500 * time.Millisecond
	coldestKnown = -40
	hottestKnown = 85
)

// zeros are the bits that always read as 0 (figure 1).
var zeros = [registers]byte{0: 0x80, 1: 0x80, 2: 0x80, 3: 0xF8, 4: 0xC0, 5: 0x60, regStatus: 0x70, regTemp + 1: 0x3F}

// Config is one [device.…] table of the host file.
type Config struct {
	_       struct{} `doc:"Maxim DS3231: a clock with a battery, and its temperature." example:"rtc"`
	Address uint16   `toml:"address" doc:"its address on the bus, which is always 0x68"`
	Trust   bool     `toml:"trust" doc:"whether its time, which then must be UTC, counts as long as the system does not know the time"`
}

// Addresses has the only one.
func (Config) Addresses() []uint16 { return []uint16{address} }

// Check names what cannot work.
func (c Config) Check(fault func(key, problem, remedy string)) {
	if c.Address != address {
		fault("address", fmt.Sprintf("a DS3231 does not answer at 0x%02x", c.Address), "use 0x68")
	}
}

// Probe looks for the bits that are 0 in a DS3231, which has no number that says what it is.
func (Config) Probe(ctx context.Context, bus i2c.Bus, addr uint16) (string, error) {
	_, err := read(ctx, device.Chip{Bus: bus, Addr: addr})
	if err != nil {
		return "", err
	}
	return model, nil
}

// Dev is one chip.
type Dev struct {
	chip device.Chip
	c    Config
	wall time.Time // as it was read last; zero if it cannot be relied on
}

// Open reads the chip once.
func Open(ctx context.Context, bus i2c.Bus, c Config) (*Dev, error) {
	d := &Dev{chip: device.Chip{Bus: bus, Addr: c.Address}, c: c}
	if _, err := read(ctx, d.chip); err != nil {
		return nil, err
	}
	return d, nil
}

// Info tells the chip's address.
func (d *Dev) Info() device.Info { return d.chip.Info("ds3231", model, "") }

// Channels are the temperature in °C, which the chip measures every 64 s, and its time as text.
func (d *Dev) Channels() []device.Channel {
	return []device.Channel{
		{Name: "temperature", Unit: "Cel", Min: coldestKnown, Max: hottestKnown, Resolution: 0.25},
		{Name: "time", Form: device.Text},
	}
}

// Read reads temperature and time.
func (d *Dev) Read(ctx context.Context) (device.Sample, error) {
	d.wall = time.Time{}
	r, err := read(ctx, d.chip)
	if err != nil {
		return nil, err
	}
	s, wall := decode(r)
	if s[1].Doubt == "" && s[1].Err == nil {
		d.wall = wall
	}
	return s, nil
}

// Wall is the time at the last Read, to half a second, if the config has it trusted and the clock never stood still.
func (d *Dev) Wall() (t time.Time, ok bool) {
	if d.wall.IsZero() || !d.c.Trust {
		return time.Time{}, false
	}
	return d.wall.Add(halfASecond), true // the chip tells whole seconds
}

// Close has nothing to do: a clock goes on.
func (d *Dev) Close() error { return nil }

// read reads all registers, which the chip copies at the start of a transfer, so that they belong to one second.
func read(ctx context.Context, c device.Chip) (r [registers]byte, err error) {
	if err = c.Tx(ctx, []byte{0}, r[:]); err != nil {
		return r, err
	}
	if device.Ones(r[:]) {
		return r, c.Idle()
	}
	for i, z := range zeros {
		if r[i]&z != 0 {
			return r, c.Other(fmt.Sprintf("something else (register %02x is %02x)", i, r[i]), "a DS3231", "")
		}
	}
	if r[3]|r[4]|r[5] == 0 { // each counts from 1, also after power-on
		return r, c.Other("something else (it has no day, date and month)", "a DS3231", "")
	}
	return r, nil
}

var errNoTime = &device.Fault{
	Text:   "the clock holds no time",
	Remedy: "set it, with hwclock --systohc for example",
}

// decode turns the registers into °C and a time. wall is zero if they hold none.
func decode(r [registers]byte) (s device.Sample, wall time.Time) {
	s = device.Sample{
		{Channel: "temperature", Value: float64(int8(r[regTemp])) + 0.25*float64(r[regTemp+1]>>6)},
		{Channel: "time"},
	}
	wall, err := clockTime(r)
	if err != nil {
		s[1].Err = err
		return s, time.Time{}
	}
	s[1].Text = wall.Format(time.RFC3339)
	if r[regStatus]&stopped != 0 {
		s[1].Doubt = "the clock stood still since it was set: its battery is empty, or it was never set"
	}
	return s, wall
}

// clockTime reads the registers 0 to 6.
func clockTime(r [registers]byte) (time.Time, error) {
	var bad bool
	bcd := func(b byte) int {
		bad = bad || b&0xF > 9 || b>>4 > 9
		return int(b>>4)*10 + int(b&0xF)
	}
	var hour int
	if r[2]&twelve != 0 {
		hour = bcd(r[2] & 0x1F)
		bad = bad || hour < 1 || hour > 12
		if hour %= 12; r[2]&afternoon != 0 {
			hour += 12
		}
	} else {
		hour = bcd(r[2] & 0x3F)
	}
	second, minute, day, month, year := bcd(r[0]), bcd(r[1]), bcd(r[4]), bcd(r[5]&^century), 2000+bcd(r[6])
	if r[5]&century != 0 {
		year += 100
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	if bad || t.Second() != second || t.Minute() != minute || t.Hour() != hour || t.Day() != day || int(t.Month()) != month {
		return time.Time{}, errNoTime
	}
	return t, nil
}

var _ device.Sensor = (*Dev)(nil)
