// Package scd4x is for the Sensirion SCD40 and SCD41, which measure the concentration of CO₂, temperature and relative
// humidity on an I²C bus.
//
// Wiring: VDD and VDDH to 3.3 V (2.4 to 5.5 V; 205 mA in short pulses), GND, SDA, SCL. Its address is 0x62. Ranges: 0 to
// 40,000 ppm (good to ±50 ppm + 5 % from 400 to 2000, SCD41 to 5000), −10 to 60 °C, 0 to 100 %. It measures every five
// seconds by itself, and it calibrates itself by the freshest air of a week: a room that is never aired needs
// self-calibration = false.
//
// Source: Sensirion, Datasheet SCD4x: commands and checksum in section 3. Written for Selvage: the driver of
// periph.io/x/devices v3.7.4 sleeps without a context and has a goroutine.
package scd4x

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
	device.RegisterI2C("scd4x", Config{Address: address, Offset: 4, SelfCalibration: true}, Open)
}

const (
	address = 0x62

	cmdStart       = 0x21B1 // start_periodic_measurement
	cmdRead        = 0xEC05 // read_measurement
	cmdStop        = 0x3F86 // stop_periodic_measurement
	cmdReady       = 0xE4B8 // get_data_ready_status
	cmdSerial      = 0x3682 // get_serial_number
	cmdOffset      = 0x241D // set_temperature_offset
	cmdAltitude    = 0x2427 // set_sensor_altitude
	cmdCalibration = 0x2416 // set_automatic_self_calibration_enabled

	stopTime = 500 * time.Millisecond
	execTime = time.Millisecond // of the others

	// interval is the time between two measurements, and slack how much slower a chip may be.
	interval = 5 * time.Second
	slack    = time.Second
)

// Config is one [device.…] table of the host file.
type Config struct {
	_               struct{} `doc:"Sensirion SCD40 or SCD41: CO₂, temperature and relative humidity." example:"classroom"`
	Address         uint16   `toml:"address" doc:"its address on the bus, which is always 0x62"`
	Altitude        int      `toml:"altitude" doc:"how high above the sea it is, in m: thin air has less CO₂ for the same ppm"`
	Offset          float64  `toml:"offset" doc:"by how many °C it warms itself where it is built in; its temperature is that much less"`
	SelfCalibration bool     `toml:"self-calibration" doc:"it takes the freshest air of a week for 400 ppm"`
}

// Check names what cannot work.
func (c Config) Check(fault func(key, problem, remedy string)) {
	if c.Address != address {
		fault("address", fmt.Sprintf("an SCD4x does not answer at 0x%02x", c.Address), "use 0x62")
	}
	if c.Altitude < 0 || c.Altitude > 3000 {
		fault("altitude", fmt.Sprintf("an SCD4x cannot be set to %d m", c.Altitude), "use 0 to 3000")
	}
	if !(c.Offset >= 0 && c.Offset <= 20) {
		fault("offset", fmt.Sprintf("an SCD4x cannot be set to %v °C", c.Offset), "use 0 to 20")
	}
}

// Addresses is the one it has.
func (Config) Addresses() []uint16 { return []uint16{address} }

// Probe asks whether there is a measurement, which a chip answers at any time, with a checksum.
func (Config) Probe(ctx context.Context, bus i2c.Bus, addr uint16) (string, error) {
	d := &Dev{chip: sensirion.Chip{Chip: device.Chip{Bus: bus, Addr: addr}}}
	_, err := d.ready(ctx)
	return model, err
}

const model = "Sensirion SCD4x"

// Dev is one chip.
type Dev struct {
	chip   sensirion.Chip
	serial uint64
	begun  time.Time // the chip was started, or its last measurement read
	last   device.Sample
}

// Open stops the chip, asks for its serial number, sets it and starts it, which takes half a second. Nothing is written to
// the chip's memory, which bears few writes.
func Open(ctx context.Context, bus i2c.Bus, c Config) (*Dev, error) {
	d := &Dev{chip: sensirion.Chip{Chip: device.Chip{Bus: bus, Addr: c.Address}}}
	if err := d.chip.Command(ctx, cmdStop); err != nil {
		return nil, err
	}
	if err := device.Wait(ctx, stopTime); err != nil {
		return nil, err
	}
	s, err := d.chip.Ask(ctx, cmdSerial, execTime, "serial number", "serial number", "serial number")
	if err != nil {
		return nil, err
	}
	d.serial = uint64(s[0])<<32 | uint64(s[1])<<16 | uint64(s[2])
	calibrate := uint16(0)
	if c.SelfCalibration {
		calibrate = 1
	}
	for _, set := range []struct{ cmd, to uint16 }{
		{cmdOffset, offset(c.Offset)},
		{cmdAltitude, uint16(c.Altitude)},
		{cmdCalibration, calibrate},
	} {
		if err := d.chip.Command(ctx, set.cmd, set.to); err != nil {
			return nil, err
		}
		if err := device.Wait(ctx, execTime); err != nil {
			return nil, err
		}
	}
	d.begun = time.Now()
	return d, d.chip.Command(ctx, cmdStart)
}

// offset is the word of a temperature offset.
func offset(celsius float64) uint16 { return uint16(math.Round(celsius * 65535 / 175)) }

// Info tells the chip's address and serial number.
func (d *Dev) Info() device.Info { return d.chip.Info("scd4x", model, fmt.Sprintf("%012x", d.serial)) }

// Channels are CO₂ in ppm, temperature in °C and relative humidity in %, with the ranges of section 1.
func (d *Dev) Channels() []device.Channel {
	return []device.Channel{
		{Name: "co2", Unit: "[ppm]", Min: 0, Max: 40_000, Resolution: 1},
		{Name: "temperature", Unit: "Cel", Min: -10, Max: 60, Resolution: 0.01},
		{Name: "humidity", Unit: "%", Min: 0, Max: 100, Resolution: 0.01},
	}
}

// Read takes the newest measurement. Asked sooner than every five seconds it gives the same again. The first after Open
// is there after five seconds: if there is not that much time, the sample is empty.
func (d *Dev) Read(ctx context.Context) (device.Sample, error) {
	for {
		ready, err := d.ready(ctx)
		if err != nil {
			return nil, err
		}
		if ready {
			break
		}
		left := time.Until(d.begun.Add(interval))
		switch deadline, limited := ctx.Deadline(); {
		case left < -slack:
			// Its power was away, and nobody has started it since.
			return nil, d.chip.Unready("measurement", interval+slack)
		case d.last != nil, limited && time.Until(deadline) <= max(left, 0):
			return d.last, nil
		}
		if err := device.Wait(ctx, max(left, slack/4)); err != nil {
			return nil, err
		}
	}
	d.begun, d.last = time.Now(), nil // what was read, or lost on the way, is not there again
	w, err := d.chip.Ask(ctx, cmdRead, execTime, "CO₂", "temperature", "humidity")
	if err != nil {
		return nil, err
	}
	d.last = decode(w[0], w[1], w[2])
	return d.last, nil
}

// ready asks whether there is a measurement that was not read: one of the lowest eleven bits is set then.
func (d *Dev) ready(ctx context.Context) (bool, error) {
	w, err := d.chip.Ask(ctx, cmdReady, execTime, "status")
	return err == nil && w[0]&0x7FF != 0, err
}

// Close leaves the chip measuring: to stop it takes half a second, and it is stopped when it is opened again.
func (d *Dev) Close() error { return nil }

// decode turns the three words of a measurement into ppm, °C and %.
func decode(co2, t, rh uint16) device.Sample {
	s := device.Sample{
		{Channel: "co2", Value: float64(co2)},
		{Channel: "temperature", Value: sensirion.Celsius(t)},
		{Channel: "humidity", Value: sensirion.Percent(rh)},
	}
	if co2 == 0 {
		s[0].Doubt = "there is no air without CO₂"
	}
	return s
}

var _ device.Sensor = (*Dev)(nil)
