// Package sgp40 is for the Sensirion SGP40, which senses volatile organic compounds (VOC) in indoor air on an I²C bus.
//
// Wiring: VDD to 3.3 V (1.7 to 3.6 V; many boards take 5 V), GND, SDA, SCL. Its address is 0x59. It tells raw ticks, 0 to
// 65535, which are less where there is more VOC; only their changes mean something, and what they mean differs from chip
// to chip. The maker's own algorithms take one measurement a second: every = "1s".
//
// Source: Sensirion, Datasheet SGP40: commands, their times and the words of temperature and humidity in section 4. The
// periph library has only the SGP30.
package sgp40

import (
	"context"
	"fmt"
	"math"
	"time"

	"periph.io/x/conn/v3/i2c"

	"selvage/drivers/sensirion"
	"selvage/edge/device"
)

func init() {
	device.RegisterI2C("sgp40", Config{Address: address, Temperature: 25, Humidity: 50}, Open)
}

const (
	address = 0x59

	cmdMeasure  = 0x260F // sgp40_measure_raw_signal
	cmdSelfTest = 0x280E // sgp40_execute_self_test
	cmdSerial   = 0x3682 // sgp4x_get_serial_number

	measureTime  = 30 * time.Millisecond
	selfTestTime = 320 * time.Millisecond
	serialTime   = time.Millisecond

	passed = 0xD400 // what the self test answers

	// warmUp is how long the hot plate and what is on it take to settle.
	warmUp = time.Minute
)

// Config is one [device.…] table of the host file.
type Config struct {
	_           struct{} `doc:"Sensirion SGP40: volatile organic compounds, as raw ticks." example:"kitchen-air"`
	Address     uint16   `toml:"address" doc:"its address on the bus, which is always 0x59"`
	Temperature float64  `toml:"temperature" doc:"of the air about it in °C; the chip allows for it"`
	Humidity    float64  `toml:"humidity" doc:"of the air about it in %; the chip allows for it"`
}

// Check names what cannot work.
func (c Config) Check(fault func(key, problem, remedy string)) {
	if c.Address != address {
		fault("address", fmt.Sprintf("an SGP40 does not answer at 0x%02x", c.Address), "use 0x59")
	}
	if !(c.Temperature >= -45 && c.Temperature <= 130) {
		fault("temperature", fmt.Sprintf("an SGP40 cannot be told of %v °C", c.Temperature), "use −45 to 130")
	}
	if !(c.Humidity >= 0 && c.Humidity <= 100) {
		fault("humidity", fmt.Sprintf("an SGP40 cannot be told of %v %%", c.Humidity), "use 0 to 100")
	}
}

// Addresses is the one it has.
func (Config) Addresses() []uint16 { return []uint16{address} }

// Dev is one chip.
type Dev struct {
	chip   sensirion.Chip
	serial uint64
	rh, t  uint16    // of the air, in ticks
	warm   time.Time // from when on its ticks are good; zero = it was not yet heated
}

// Open asks the chip for its serial number and has it test itself, which takes 0.3 s.
func Open(ctx context.Context, bus i2c.Bus, c Config) (*Dev, error) {
	d := &Dev{
		chip: sensirion.Chip{Chip: device.Chip{Bus: bus, Addr: c.Address}},
		rh:   uint16(math.Round(c.Humidity * 65535 / 100)),
		t:    uint16(math.Round((c.Temperature + 45) * 65535 / 175)),
	}
	s, err := d.chip.Ask(ctx, cmdSerial, serialTime, "serial number", "serial number", "serial number")
	if err != nil {
		return nil, err
	}
	d.serial = uint64(s[0])<<32 | uint64(s[1])<<16 | uint64(s[2])
	result, err := d.chip.Ask(ctx, cmdSelfTest, selfTestTime, "result of the self test")
	if err != nil {
		return nil, err
	}
	if result[0]&0xFF00 != passed { // the low byte is to be ignored
		return nil, &device.Fault{
			Text:   fmt.Sprintf("the SGP40 at 0x%02x on %s fails its self test (0x%04x)", c.Address, bus, result[0]),
			Remedy: "switch its power off and on; if it fails again, the chip is broken",
			Err:    device.ErrNotReady,
		}
	}
	return d, nil
}

// Info tells the chip's address and serial number.
func (d *Dev) Info() device.Info {
	return d.chip.Info("sgp40", "Sensirion SGP40", fmt.Sprintf("%012x", d.serial))
}

// Channels is the raw signal in ticks.
func (d *Dev) Channels() []device.Channel {
	return []device.Channel{{Name: "voc-raw", Unit: "1", Min: 0, Max: 65535, Resolution: 1}}
}

// Read makes one measurement, which takes 30 ms and leaves the chip heated.
func (d *Dev) Read(ctx context.Context) (device.Sample, error) {
	w, err := d.measure(ctx)
	if err != nil {
		d.warm = time.Time{} // it may have lost its power
		return nil, err
	}
	if d.warm.IsZero() {
		d.warm = time.Now().Add(warmUp)
	}
	return decode(w, time.Now().Before(d.warm)), nil
}

func (d *Dev) measure(ctx context.Context) (uint16, error) {
	if err := d.chip.Command(ctx, cmdMeasure, d.rh, d.t); err != nil {
		return 0, err
	}
	if err := device.Wait(ctx, measureTime); err != nil {
		return 0, err
	}
	w, err := d.chip.Words(ctx, "raw signal")
	if err != nil {
		return 0, err
	}
	return w[0], nil
}

// Close leaves the chip heated, which costs 3 mA: a bus that may be in trouble is no place for a farewell.
func (d *Dev) Close() error { return nil }

// decode makes a sample of a word.
func decode(ticks uint16, cold bool) device.Sample {
	s := device.Sample{{Channel: "voc-raw", Value: float64(ticks)}}
	if cold {
		s[0].Doubt = "the sensor warms up"
	}
	return s
}

var _ device.Sensor = (*Dev)(nil)
