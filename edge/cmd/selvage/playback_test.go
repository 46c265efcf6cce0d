package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"selvage/drivers/fields"
	textline "selvage/drivers/line"
	"selvage/drivers/modbus"
	"selvage/drivers/sim"
	"selvage/edge/device"
	"selvage/edge/device/drivertest"
)

// recordedWith is what of a device neither its driver's name nor its defaults say.
func recordedWith(d device.Driver) device.Spec {
	s := device.Spec{Name: d.Name, Driver: d.Name, Wire: "sim:" + d.Name, Every: 5 * time.Second}
	switch c := d.Defaults.(type) {
	case textline.Config:
		c.Channel = map[string]fields.Channel{"temperature": {Unit: "Cel"}, "door": {Form: "text"}}
		s.Config = c
	case modbus.Config:
		s.Wire, c.Map = "sim:sdm120", "sdm120"
		s.Config = c
	case modbus.OutConfig:
		s.Wire, c.Output = "relays:1", "coil 0"
		s.Config = c
	}
	return s
}

// relays:NAME is a line with a unit at address 1 that has a coil.
func init() {
	device.RegisterBus("relays", device.Wires{Port: func(_ context.Context, name string) (device.Port, error) {
		unit := &sim.ModbusUnit{Coils: map[uint16]bool{0: false}}
		return sim.NewLine(name, &sim.Modbus{Speed: 9600, Units: map[byte]*sim.ModbusUnit{1: unit}}).Port(), nil
	}})
}

// Each driver on a bus or a port has a recording of a simulated device, made by the driver of the day it was written, and
// makes the same of it. A file that is deleted is recorded anew.
func TestPlayback(t *testing.T) {
	for _, name := range device.Names() {
		d, _ := device.Lookup(name)
		if wires := []device.Kind{device.I2C, device.SPI, device.Serial}; !slices.Contains(wires, d.Wire) || slices.Contains(forTests, name) {
			continue // of others nothing but what was measured can be recorded
		}
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata", "tape", name+".jsonl")
			if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
				synctest.Test(t, func(t *testing.T) { drivertest.Recorded(t, file, recordedWith(d), 12*time.Second) })
				t.Errorf("%s was not there and is recorded anew: look at it, and keep it", file)
			}
			drivertest.Replay(t, file)
			if text, err := os.ReadFile(file); err != nil || bytes.Contains(text, []byte(`"failed"`)) {
				t.Errorf("%s tells of a failure: %v", file, err)
			}
		})
	}
}
