package bmx280_test

import (
	"context"
	"fmt"
	"log"

	"selvage/drivers/bmx280"
	"selvage/drivers/sim"
	"selvage/edge/device"
)

// On a real bus, drivers/bus opens "/dev/i2c-1" in place of the simulated board.
func Example() {
	ctx := context.Background()
	board := sim.NewBoard("sim:example")
	board.Plug(0x77, sim.NewBME280(sim.Steady(21.5), sim.Steady(45), sim.Steady(1013.2)))

	driver, _ := device.Lookup("bme280")
	dev, err := driver.Open(ctx, board.Bus(), bmx280.BME280{Address: 0x77})
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
	// temperature 21.5 °C
	// pressure 1013.2 hPa
	// humidity 45.0 %
}
