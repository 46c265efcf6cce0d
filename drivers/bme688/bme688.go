// Package bme688 is for the Bosch BME688 and BME680, which measure temperature, air pressure, relative humidity and how well
// a hot plate in the air conducts, on an I²C bus. That resistance falls where there are gases such as alcohol or cooking
// vapour; its changes tell something, its value differs from chip to chip.
//
// Wiring: VCC or VIN to 3.3 V (1.7 to 3.6 V), GND, SDA, SCL; CSB to 3.3 V or open; SDO to GND for address 0x76, to 3.3 V
// for 0x77. Ranges: −40 to 85 °C, 300 to 1100 hPa, 0 to 100 %, to 102 MΩ. The hot plate warms the chip a little.
//
// Source: Bosch, BME688 data sheet BST-BME688-DS000 and BME680 data sheet BST-BME680-DS001: forced mode and
// registers; Bosch, BME68x_SensorAPI, for times and formulas. The periph library has neither chip.
package bme688

import (
	"context"
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"

	"selvage/edge/device"
)

func init() {
	device.RegisterI2C("bme688", Config{Address: 0x76, Heater: 320, Heating: 150 * time.Millisecond}, Open)
}

// Registers.
const (
	regCalibC  = 0x00
	regStatus  = 0x1D // meas_status_0
	regData    = 0x1F // to 0x2D
	regHeat0   = 0x5A // res_heat_0
	regWait0   = 0x64 // gas_wait_0
	regGas0    = 0x70 // ctrl_gas_0, ctrl_gas_1, ctrl_hum, status, ctrl_meas and config follow each other
	regGas1    = 0x71
	regHum     = 0x72
	regMeas    = 0x74
	regConfig  = 0x75
	regCalibA  = 0x8A
	regID      = 0xD0
	regReset   = 0xE0
	regCalibB  = 0xE1
	regVariant = 0xF0

	identity = 0x61
	reset    = 0xB6

	newData    = 1 << 7 // in regStatus
	gasValid   = 1 << 5 // in the second byte of the gas
	heatStable = 1 << 4

	heatOff    = 1 << 3 // in ctrl_gas_0
	runGasLow  = 1 << 4 // in ctrl_gas_1 of the BME680
	runGasHigh = 1 << 5 // in that of the BME688
)

// One value of temperature, four of pressure and one of humidity make a measurement; no filter.
const (
	humOnce  = 1
	tempOnce = 1 << 5
	press4   = 3 << 2
	asleep   = 0 // a mode
	forced   = 1 // a mode: measure once, then sleep

	// measureTime is how long that takes without the gas: six values of 1.963 ms each, nine switchings of 0.477 ms, and
	// waking up, with a tenth more.
	measureTime = 19 * time.Millisecond
	// startTime is how long a start takes.
	startTime = 10 * time.Millisecond
	// patience is how often a chip that is still at it is asked again.
	patience = 5
	// maxHeating is the longest its register can hold.
	maxHeating = 4032 * time.Millisecond
)

// Config is one [device.…] table of the host file.
type Config struct {
	_       struct{}      `doc:"Bosch BME688 or BME680: temperature, air pressure, relative humidity and gas resistance." example:"air-quality"`
	Address uint16        `toml:"address" doc:"its address on the bus: 0x76 with SDO at GND, 0x77 with SDO at 3.3 V"`
	Heater  int           `toml:"heater" doc:"temperature of the hot plate in °C, 200 to 400; 0 = off, and no gas resistance"`
	Heating time.Duration `toml:"heating" doc:"how long the hot plate is heated before the gas resistance is measured"`
}

// Check names what cannot work.
func (c Config) Check(fault func(key, problem, remedy string)) {
	if c.Address != 0x76 && c.Address != 0x77 {
		fault("address", fmt.Sprintf("a BME688 does not answer at 0x%02x", c.Address), "use 0x76 or 0x77")
	}
	if c.Heater != 0 && (c.Heater < 200 || c.Heater > 400) {
		fault("heater", fmt.Sprintf("a BME688 cannot be heated to %d °C", c.Heater), "use 200 to 400, or 0")
	}
	if c.Heating < time.Millisecond || c.Heating > maxHeating {
		fault("heating", fmt.Sprintf("a BME688 cannot be heated for %v", c.Heating), `use "1ms" to "4032ms"; "150ms" is usual`)
	}
}

// Within is how long one measurement may take.
func (c Config) Within() time.Duration { return device.DefaultTimeout + c.Heating }

// Addresses are those it may have.
func (Config) Addresses() []uint16 { return []uint16{0x76, 0x77} }

// Probe asks what is at an address for its identity.
func (Config) Probe(ctx context.Context, bus i2c.Bus, addr uint16) (string, error) {
	d := &Dev{chip: device.Chip{Bus: bus, Addr: addr}}
	err := d.who(ctx)
	return d.model(), err
}

// Dev is one chip.
type Dev struct {
	chip    device.Chip
	high    bool // it is a BME688
	heater  int
	heating time.Duration
	cal     calibration
	ambient float64 // °C, as last measured
}

// Open asks the chip who it is, and reads what it was trimmed to.
func Open(ctx context.Context, bus i2c.Bus, c Config) (*Dev, error) {
	d := &Dev{chip: device.Chip{Bus: bus, Addr: c.Address}, heater: c.Heater, heating: c.Heating, ambient: 25}
	if err := d.who(ctx); err != nil {
		return nil, err
	}
	// Somebody may have left it measuring all the time.
	if err := d.chip.Tx(ctx, []byte{regReset, reset}, nil); err != nil {
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

func (d *Dev) who(ctx context.Context) error {
	var id, variant [1]byte
	if err := d.chip.Steady(ctx, "identity", []byte{regID}, id[:]); err != nil {
		return err
	}
	switch id[0] {
	case identity:
	case 0xFF:
		return d.chip.Idle()
	case 0x60, 0x58:
		name, driver := "BME280", "bme280"
		if id[0] == 0x58 {
			name, driver = "BMP280", "bmp280"
		}
		return d.chip.Other(fmt.Sprintf("a %s (id 0x%02x)", name, id[0]), "a BME688", fmt.Sprintf("write driver = %q", driver))
	default:
		return d.chip.Other(fmt.Sprintf("another chip (id 0x%02x)", id[0]), "a BME688", "")
	}
	if err := d.chip.Steady(ctx, "variant", []byte{regVariant}, variant[:]); err != nil {
		return err
	}
	if device.Ones(variant[:]) {
		return d.chip.Idle()
	}
	d.high = variant[0] == 1
	return nil
}

// identify learns which chip it is, and its calibration.
func (d *Dev) identify(ctx context.Context) error {
	if err := d.who(ctx); err != nil {
		return err
	}
	var r [sizeA + sizeB + sizeC]byte
	for _, g := range []struct {
		reg byte
		to  []byte
	}{{regCalibA, r[:sizeA]}, {regCalibB, r[sizeA : sizeA+sizeB]}, {regCalibC, r[sizeA+sizeB:]}} {
		if err := d.chip.Steady(ctx, "calibration", []byte{g.reg}, g.to); err != nil {
			return err
		}
		if device.Ones(g.to) {
			return d.chip.Idle()
		}
	}
	cal, ok := parse(r)
	if !ok {
		return &device.Fault{
			Text:   fmt.Sprintf("the %s at 0x%02x on %s has no calibration", d.model(), d.chip.Addr, d.chip.Bus),
			Remedy: "switch its power off and on; if it comes back, the chip is broken",
			Err:    device.ErrNotReady,
		}
	}
	d.cal = cal
	return nil
}

func (d *Dev) model() string {
	if d.high {
		return "Bosch BME688"
	}
	return "Bosch BME680"
}

// gas are ctrl_gas_0 and ctrl_gas_1.
func (d *Dev) gas() (byte, byte) {
	switch {
	case d.heater == 0:
		return heatOff, 0
	case d.high:
		return 0, runGasHigh
	}
	return 0, runGasLow
}

// set writes the settings and the mode.
func (d *Dev) set(ctx context.Context, mode byte) error {
	gas0, gas1 := d.gas()
	return d.chip.Tx(ctx, []byte{
		regHeat0, d.cal.heat(float64(d.heater), d.ambient),
		regWait0, wait(d.heating),
		regGas0, gas0,
		regGas1, gas1,
		regHum, humOnce,
		regConfig, 0,
		regMeas, tempOnce | press4 | mode,
	}, nil)
}

// Info tells which chip it is. Its data sheet knows no serial number.
func (d *Dev) Info() device.Info { return d.chip.Info("bme688", d.model(), "") }

// Channels are temperature in °C, pressure in hPa, humidity in %, with the ranges of section 1, and gas resistance in Ω.
func (d *Dev) Channels() []device.Channel {
	cs := []device.Channel{
		{Name: "temperature", Unit: "Cel", Min: -40, Max: 85, Resolution: 0.01},
		{Name: "pressure", Unit: "hPa", Min: 300, Max: 1100, Resolution: 0.01},
		{Name: "humidity", Unit: "%", Min: 0, Max: 100, Resolution: 0.01},
		{Name: "gas-resistance", Unit: "Ohm", Min: 0, Max: 102_400_000, Resolution: 1},
	}
	if d.heater == 0 {
		return cs[:3]
	}
	return cs
}

// Read makes one measurement, which takes 20 ms, and as long as the hot plate is heated.
func (d *Dev) Read(ctx context.Context) (device.Sample, error) {
	if err := d.settle(ctx); err != nil {
		return nil, err
	}
	if err := d.set(ctx, forced); err != nil {
		return nil, err
	}
	all := measureTime
	if d.heater != 0 {
		all += d.heating
	}
	if err := device.Wait(ctx, all); err != nil {
		return nil, err
	}
	for range patience {
		var status [1]byte
		if err := d.chip.Read(ctx, []byte{regStatus}, status[:]); err != nil {
			return nil, err
		}
		if status[0]&newData != 0 {
			return d.take(ctx)
		}
		if err := device.Wait(ctx, measureTime/2); err != nil {
			return nil, err
		}
	}
	return nil, d.chip.Unready("measurement", all+patience*measureTime/2)
}

// take reads a measurement that is done.
func (d *Dev) take(ctx context.Context) (device.Sample, error) {
	var r answer
	if err := d.chip.Steady(ctx, "measurement", []byte{regData}, r[:]); err != nil {
		return nil, err
	}
	if device.Ones(r[:]) {
		return nil, d.chip.Idle()
	}
	s, ok := d.cal.decode(r, d.heater != 0, d.high)
	if !ok {
		return nil, d.chip.Lost()
	}
	d.ambient = min(max(s[0].Value, -40), 85)
	return s, nil
}

// settle looks whether the chip still has the settings of the last measurement. If not, its power was away, or another
// chip is in its place.
func (d *Dev) settle(ctx context.Context) error {
	var now [6]byte
	if err := d.chip.Read(ctx, []byte{regGas0}, now[:]); err != nil {
		return err
	}
	gas0, gas1 := d.gas()
	if now[0] == gas0 && now[1] == gas1 && now[2] == humOnce && now[4] == tempOnce|press4|asleep && now[5] == 0 {
		return nil
	}
	return d.identify(ctx)
}

// Close has nothing to do: between measurements the chip sleeps, and the hot plate is off.
func (d *Dev) Close() error { return nil }

var _ device.Sensor = (*Dev)(nil)
