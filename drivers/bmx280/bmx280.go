// Package bmx280 is for the Bosch BME280, which measures temperature, humidity and air pressure on an I²C bus, and the
// BMP280, which is the same without humidity.
//
// Wiring: VCC or VIN to 3.3 V, GND, SDA, SCL; CSB to 3.3 V or open; SDO to GND for address 0x76, to 3.3 V for 0x77.
// Ranges: −40 to 85 °C, 0 to 100 %, 300 to 1100 hPa.
//
// Source: Bosch, BME280 data sheet BST-BME280-DS002, revision 1.6: modes in section 3.3, formulas in 4.2.3 and 8.1,
// registers in 5, timing in 9.1; BMP280 data sheet BST-BMP280-DS001, revision 1.14: formulas in 3.11.3 and 8.1, worked
// example in 3.12, registers in 4. Written for Selvage: the driver of periph.io/x/devices v3.7.4 sleeps without a
// context, loses the bus's error, and takes a measurement after a power cut for a good one.
package bmx280

import (
	"context"
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"

	"selvage/edge/device"
)

func init() {
	device.RegisterI2C("bme280", BME280{Address: 0x76}, func(ctx context.Context, bus i2c.Bus, c BME280) (*Dev, error) {
		return open(ctx, device.Chip{Bus: bus, Addr: c.Address}, &bme280)
	})
	device.RegisterI2C("bmp280", BMP280{Address: 0x76}, func(ctx context.Context, bus i2c.Bus, c BMP280) (*Dev, error) {
		return open(ctx, device.Chip{Bus: bus, Addr: c.Address}, &bmp280)
	})
}

// Registers.
const (
	regCalib  = 0x88 // to 0xA1
	regID     = 0xD0
	regReset  = 0xE0
	regCalibH = 0xE1 // to 0xE7
	regHum    = 0xF2 // ctrl_hum, status, ctrl_meas and config follow each other
	regStatus = 0xF3
	regMeas   = 0xF4
	regConfig = 0xF5
	regData   = 0xF7

	reset     = 0xB6
	updating  = 1 << 0 // in status: the calibration is being copied
	measuring = 1 << 3 // in status
)

// One value of temperature, four of pressure and one of humidity make a measurement; no filter.
const (
	humOnce  = 1
	tempOnce = 1 << 5
	press4   = 3 << 2
	asleep   = 0 // a mode
	forced   = 1 // a mode: measure once, then sleep

	// measureTime is the longest that takes: 1.25 + 2.3 + (4·2.3 + 0.575) + (2.3 + 0.575) ms.
	measureTime = 16200 * time.Microsecond
	// startTime is how long a start takes.
	startTime = 2 * time.Millisecond
	// patience is how often a chip that is still at it is asked again.
	patience = 5
)

// model is one of the two chips.
type model struct {
	driver, name string
	id           []byte // the BMP280 had others as a sample
	humid        bool
}

var (
	bme280 = model{"bme280", "BME280", []byte{0x60}, true}
	bmp280 = model{"bmp280", "BMP280", []byte{0x58, 0x56, 0x57}, false}
)

// known are the chips that are mistaken for each other: they have the same addresses and register of identity.
var known = map[byte]string{0x60: "BME280", 0x58: "BMP280", 0x56: "BMP280", 0x57: "BMP280", 0x61: "BME680 or BME688", 0x55: "BMP180"}

// BME280 is one [device.…] table of the host file.
type BME280 struct {
	_       struct{} `doc:"Bosch BME280: temperature, relative humidity and air pressure." example:"weather"`
	Address uint16   `toml:"address" doc:"its address on the bus: 0x76 with SDO at GND, 0x77 with SDO at 3.3 V"`
}

// BMP280 is one [device.…] table of the host file.
type BMP280 struct {
	_       struct{} `doc:"Bosch BMP280: temperature and air pressure." example:"barometer"`
	Address uint16   `toml:"address" doc:"its address on the bus: 0x76 with SDO at GND, 0x77 with SDO at 3.3 V"`
}

// Check names what cannot work.
func (c BME280) Check(fault func(key, problem, remedy string)) { check(bme280.name, c.Address, fault) }

// Check names what cannot work.
func (c BMP280) Check(fault func(key, problem, remedy string)) { check(bmp280.name, c.Address, fault) }

func check(name string, addr uint16, fault func(key, problem, remedy string)) {
	if addr != 0x76 && addr != 0x77 {
		fault("address", fmt.Sprintf("a %s does not answer at 0x%02x", name, addr), "use 0x76 or 0x77")
	}
}

// Addresses are those it may have.
func (BME280) Addresses() []uint16 { return []uint16{0x76, 0x77} }

// Addresses are those it may have.
func (BMP280) Addresses() []uint16 { return []uint16{0x76, 0x77} }

// Probe asks what is at an address for its identity.
func (BME280) Probe(ctx context.Context, bus i2c.Bus, addr uint16) (string, error) {
	return probe(ctx, device.Chip{Bus: bus, Addr: addr}, &bme280)
}

// Probe asks what is at an address for its identity.
func (BMP280) Probe(ctx context.Context, bus i2c.Bus, addr uint16) (string, error) {
	return probe(ctx, device.Chip{Bus: bus, Addr: addr}, &bmp280)
}

func probe(ctx context.Context, c device.Chip, m *model) (string, error) {
	var id [1]byte
	if err := c.Steady(ctx, "identity", []byte{regID}, id[:]); err != nil {
		return "", err
	}
	if device.Ones(id[:]) {
		return "", c.Idle()
	}
	for _, mine := range m.id {
		if id[0] == mine {
			return "Bosch " + m.name, nil
		}
	}
	name, ok := known[id[0]]
	if !ok {
		return "", c.Other(fmt.Sprintf("another chip (id 0x%02x)", id[0]), "a "+m.name, "")
	}
	remedy := ""
	for _, other := range []*model{&bme280, &bmp280} {
		if other.name == name {
			remedy = fmt.Sprintf("write driver = %q; boards are often sold under the other's name", other.driver)
		}
	}
	if id[0] == 0x61 {
		remedy = `write driver = "bme688"`
	}
	return "", c.Other(fmt.Sprintf("a %s (id 0x%02x)", name, id[0]), "a "+m.name, remedy)
}

// Dev is one chip.
type Dev struct {
	chip device.Chip
	*model
	cal calibration
}

// open asks the chip who it is, and reads what it was trimmed to.
func open(ctx context.Context, c device.Chip, m *model) (*Dev, error) {
	d := &Dev{chip: c, model: m}
	if _, err := probe(ctx, c, m); err != nil {
		return nil, err
	}
	// Somebody may have left it measuring all the time.
	if err := c.Tx(ctx, []byte{regReset, reset}, nil); err != nil {
		return nil, err
	}
	if err := device.Wait(ctx, startTime); err != nil {
		return nil, err
	}
	if err := d.identify(ctx); err != nil {
		return nil, err
	}
	return d, d.set(ctx, asleep)
}

// set writes the settings and the mode; ctrl_hum takes effect when ctrl_meas is written.
func (d *Dev) set(ctx context.Context, mode byte) error {
	w := []byte{regConfig, 0, regHum, humOnce, regMeas, tempOnce | press4 | mode}
	if !d.humid {
		w = append(w[:2], w[4:]...)
	}
	return d.chip.Tx(ctx, w, nil)
}

// identify learns which chip it is, once its calibration is there.
func (d *Dev) identify(ctx context.Context) error {
	if _, err := probe(ctx, d.chip, d.model); err != nil {
		return err
	}
	if err := d.until(ctx, updating, "calibration", startTime); err != nil {
		return err
	}
	var b [26 + 7]byte
	if err := d.chip.Steady(ctx, "calibration", []byte{regCalib}, b[:26]); err != nil {
		return err
	}
	if d.humid {
		if err := d.chip.Steady(ctx, "calibration", []byte{regCalibH}, b[26:]); err != nil {
			return err
		}
	}
	if device.Ones(b[:26]) {
		return d.chip.Idle()
	}
	cal, ok := parse(b)
	if !ok {
		return &device.Fault{
			Text:   fmt.Sprintf("the %s at 0x%02x on %s has no calibration", d.name, d.chip.Addr, d.chip.Bus),
			Remedy: "switch its power off and on; if it comes back, the chip is broken",
			Err:    device.ErrNotReady,
		}
	}
	d.cal = cal
	return nil
}

// until waits for a bit of the status to be gone.
func (d *Dev) until(ctx context.Context, bit byte, what string, pause time.Duration) error {
	for range patience {
		var s [1]byte
		if err := d.chip.Read(ctx, []byte{regStatus}, s[:]); err != nil {
			return err
		}
		if s[0]&bit == 0 {
			return nil
		}
		if err := device.Wait(ctx, pause); err != nil {
			return err
		}
	}
	return d.chip.Unready(what, patience*pause)
}

// Info tells which chip it is. It has no serial number.
func (d *Dev) Info() device.Info { return d.chip.Info(d.driver, "Bosch "+d.name, "") }

// Channels are temperature in °C, humidity in % if it has it, and pressure in hPa, with the ranges of section 1.
func (d *Dev) Channels() []device.Channel {
	cs := []device.Channel{
		{Name: "temperature", Unit: "Cel", Min: -40, Max: 85, Resolution: 0.01},
		{Name: "pressure", Unit: "hPa", Min: 300, Max: 1100, Resolution: 0.01},
		{Name: "humidity", Unit: "%", Min: 0, Max: 100, Resolution: 0.01},
	}
	if !d.humid {
		return cs[:2]
	}
	return cs
}

// Read makes one measurement, which takes 17 ms.
func (d *Dev) Read(ctx context.Context) (device.Sample, error) {
	if err := d.settle(ctx); err != nil {
		return nil, err
	}
	if err := d.set(ctx, forced); err != nil {
		return nil, err
	}
	if err := device.Wait(ctx, measureTime); err != nil {
		return nil, err
	}
	if err := d.until(ctx, measuring, "measurement", measureTime/4); err != nil {
		return nil, err
	}
	raw := make([]byte, 8)
	if !d.humid {
		raw = raw[:6]
	}
	if err := d.chip.Steady(ctx, "measurement", []byte{regData}, raw); err != nil {
		return nil, err
	}
	if device.Ones(raw) {
		return nil, d.chip.Idle()
	}
	s, ok := d.cal.decode(raw)
	if !ok {
		return nil, d.chip.Lost()
	}
	return s, nil
}

// settle looks whether the chip still has the settings of the last measurement. If not, its power was away, or another
// chip is in its place.
func (d *Dev) settle(ctx context.Context) error {
	var now [4]byte
	if err := d.chip.Read(ctx, []byte{regHum}, now[:]); err != nil {
		return err
	}
	if now[3] == 0 && now[2] == tempOnce|press4|asleep && (now[0] == humOnce || !d.humid) {
		return nil
	}
	return d.identify(ctx)
}

// Close has nothing to do: between measurements the chip sleeps.
func (d *Dev) Close() error { return nil }

var _ device.Sensor = (*Dev)(nil)
