package bme688_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"selvage/drivers/bme688"
	"selvage/drivers/sim"
)

// On a real bus, drivers/bus opens "/dev/i2c-1" in place of the simulated board.
func Example() {
	ctx := context.Background()
	board := sim.NewBoard("sim:example")
	board.Plug(0x76, sim.NewBME688(sim.Steady(21.5), sim.Steady(45), sim.Steady(1013.2), sim.Steady(80_000)))

	dev, err := bme688.Open(ctx, board.Bus(), bme688.Config{Address: 0x76, Heater: 320, Heating: 100 * time.Millisecond})
	if err != nil {
		log.Fatal(err)
	}
	defer dev.Close()
	sample, err := dev.Read(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for i, c := range dev.Channels() {
		fmt.Printf("%s %.3g %s\n", c.Name, sample[i].Value, c.Unit.Symbol())
	}
	// Output:
	// temperature 21.5 °C
	// pressure 1.01e+03 hPa
	// humidity 45 %
	// gas-resistance 8e+04 Ω
}
