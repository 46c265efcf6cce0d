package ina2xx_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"selvage/drivers/ina2xx"
	"selvage/drivers/sim"
	"selvage/edge/device"
)

// On a real bus, drivers/bus opens "/dev/i2c-1" in place of the simulated board.
func Example() {
	ctx := context.Background()
	board := sim.NewBoard("sim:desk")
	board.Plug(0x40, &sim.INA219{Ohms: 0.1, Load: func(time.Time) (volts, amps float64) { return 12, 0.5 }})

	driver, _ := device.Lookup("ina219")
	dev, err := driver.Open(ctx, board.Bus(), ina2xx.INA219{Address: 0x40, Shunt: 0.1})
	if err != nil {
		log.Fatal(err)
	}
	defer dev.Close()
	sample, err := dev.(device.Sensor).Read(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for i, c := range dev.(device.Sensor).Channels() {
		fmt.Printf("%s %.1f %s\n", c.Name, sample[i].Value, c.Unit.Symbol())
	}
	// Output:
	// voltage 12.0 V
	// current 0.5 A
	// power 6.0 W
}
