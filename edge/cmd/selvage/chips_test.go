package main

import (
	"reflect"
	"testing"
	"testing/synctest"

	"periph.io/x/conn/v3/i2c"

	"selvage/drivers/sim"
	"selvage/edge/device"
)

// Each chip on I²C can be tried without hardware: bus = "sim:NAME" has one at every address that it may have.
func TestSimulatedChips(t *testing.T) {
	chips := 0
	for _, name := range device.Names() {
		driver, _ := device.Lookup(name)
		at, ok := driver.Defaults.(interface{ Addresses() []uint16 })
		if driver.Wire != device.I2C || !ok {
			continue
		}
		chips++
		for _, addr := range at.Addresses() {
			config := reflect.New(reflect.TypeOf(driver.Defaults)).Elem()
			config.Set(reflect.ValueOf(driver.Defaults))
			config.FieldByName("Address").SetUint(uint64(addr))
			synctest.Test(t, func(t *testing.T) {
				bus := sim.Fresh("sim:" + name).Bus()
				dev, err := driver.Open(t.Context(), i2c.Bus(bus), config.Interface())
				if err != nil {
					t.Errorf("%s at 0x%02x: %v", name, addr, err)
					return
				}
				defer dev.Close()
				if s, ok := dev.(device.Sensor); ok {
					if _, err := s.Read(t.Context()); err != nil {
						t.Errorf("%s at 0x%02x: %v", name, addr, err)
					}
				}
			})
		}
	}
	if chips == 0 {
		t.Error("no driver says what addresses it may have")
	}
}
