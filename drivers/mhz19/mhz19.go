// Package mhz19 is for the Winsen MH-Z19B and MH-Z19C, which measure carbon dioxide in air by infrared light.
//
// Wiring: 5 V and ground; its Tx to our RX, its Rx to our TX, both of 3.3 V. Range 400 to 2,000, 5,000 or 10,000 ppm by
// type. After power-on it tells a fixed value and then one that settles, for three minutes in all.
//
// Source: Zhengzhou Winsen, Intelligent Infrared CO2 Module (Model: MH-Z19B) User's Manual: commands and checksum; the
// range as in version 1.5, with its value in bytes 6 and 7. The manual knows no temperature in the answer.
package mhz19

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"selvage/edge/device"
)

func init() { device.RegisterSerial("mhz19", Config{Calibrate: true}, Open) }

// Config is one [device.…] table of the host file.
type Config struct {
	_         struct{} `doc:"Winsen MH-Z19B or MH-Z19C on a serial port: carbon dioxide." example:"breath"`
	Range     int      `toml:"range" doc:"the most that it is to measure, in ppm: 2000, 5000 or 10000; 0 leaves it as it is" unset:"as it is"`
	Calibrate bool     `toml:"calibrate" doc:"whether it takes the least of each day for fresh air: right where windows are opened, wrong in a greenhouse"`
}

// Check names what cannot work.
func (c Config) Check(fault func(key, problem, remedy string)) {
	if c.Range != 0 && c.Range != 2000 && c.Range != 5000 && c.Range != 10000 {
		fault("range", fmt.Sprintf("an MH-Z19 has no range of %d ppm", c.Range), "use 2000, 5000 or 10000")
	}
}

const (
	cmdRead      = 0x86
	cmdCalibrate = 0x79 // 0xA0 is on, 0 off
	cmdRange     = 0x99

	frameLen = 9
	warmUp   = 3 * time.Minute // the manual's preheat time
	least    = 400             // ppm, the lower end of every range
	most     = 10000           // ppm, the upper end of the widest
)

// Dev is one sensor.
type Dev struct {
	port   device.Port
	top    float64
	opened time.Time
}

// Open sets calibration and range, and asks once, which proves that a sensor is there.
func Open(ctx context.Context, port device.Port, c Config) (*Dev, error) {
	if err := port.SetMode(device.Mode{Baud: 9600, Data: 8, Parity: "none", Stop: 1}); err != nil {
		return nil, err
	}
	d := &Dev{port: port, top: most, opened: time.Now()}
	on := byte(0)
	if c.Calibrate {
		on = 0xA0
	}
	if err := d.tell(ctx, request(cmdCalibrate, on, 0, 0)); err != nil {
		return nil, err
	}
	if c.Range > 0 {
		d.top = float64(c.Range)
		if err := d.tell(ctx, request(cmdRange, 0, byte(c.Range>>8), byte(c.Range))); err != nil {
			return nil, err
		}
	}
	if _, err := d.ask(ctx); err != nil {
		return nil, err
	}
	return d, nil
}

// Info tells what it is; it has no serial number.
func (d *Dev) Info() device.Info {
	return device.Info{Driver: "mhz19", Wire: d.port.String(), Model: "Winsen MH-Z19"}
}

// Channels is one: the share of carbon dioxide in ppm.
func (d *Dev) Channels() []device.Channel {
	return []device.Channel{{Name: "co2", Unit: "[ppm]", Max: d.top, Resolution: 1}}
}

// Read asks for the present value.
func (d *Dev) Read(ctx context.Context) (device.Sample, error) {
	answer, err := d.ask(ctx)
	if err != nil {
		return nil, err
	}
	ppm := decode(answer)
	m := device.Measure{Channel: "co2", Value: ppm}
	switch {
	case time.Since(d.opened) < warmUp:
		m.Doubt = "it may have been switched on less than 3 minutes ago"
	case ppm <= least:
		m.Doubt = "it is at the lower end of its range, which it also tells before it measures"
	case ppm >= d.top:
		m.Doubt = "it is at the upper end of its range"
	}
	return device.Sample{m}, nil
}

// tell sends a command that some types answer and others do not.
func (d *Dev) tell(ctx context.Context, command [frameLen]byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, err := d.port.Write(command[:]); err != nil {
		return err
	}
	return device.Wait(ctx, 50*time.Millisecond) // two commands on end are taken for one that is wrong
}

func (d *Dev) ask(ctx context.Context) (answer [frameLen]byte, err error) {
	if err := ctx.Err(); err != nil {
		return answer, err
	}
	if err := d.port.ResetInputBuffer(); err != nil {
		return answer, err
	}
	question := request(cmdRead, 0, 0, 0)
	if _, err := d.port.Write(question[:]); err != nil {
		return answer, err
	}
	b, err := device.Receive(ctx, d.port, "answer of an MH-Z19", 128, frame)
	if err == nil {
		answer = [frameLen]byte(b)
	}
	return answer, err
}

// Close has nothing to do.
func (d *Dev) Close() error { return nil }

// request is a command to sensor 1, with its third, sixth and seventh byte.
func request(command, third, sixth, seventh byte) [frameLen]byte {
	f := [frameLen]byte{0xFF, 0x01, command, third, 0, 0, sixth, seventh}
	f[8] = checksum(f)
	return f
}

// checksum is the two's complement of the sum of all bytes between the first and the last.
func checksum(f [frameLen]byte) (c byte) {
	for _, v := range f[1:8] {
		c -= v
	}
	return c
}

// frame finds the answer with the value.
func frame(came []byte) []byte {
	for ; len(came) >= frameLen; came = came[1:] {
		if came[0] == 0xFF && came[1] == cmdRead && came[8] == checksum([frameLen]byte(came)) {
			return came[:frameLen]
		}
	}
	return nil
}

// decode returns ppm.
func decode(f [frameLen]byte) float64 { return float64(binary.BigEndian.Uint16(f[2:])) }

var _ device.Sensor = (*Dev)(nil)
