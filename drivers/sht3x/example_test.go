package sht3x_test

import (
	"context"
	"fmt"
	"log"

	"selvage/drivers/sht3x"
	"selvage/drivers/sim"
)

// On a real bus, drivers/bus opens "/dev/i2c-1" in place of the simulated board.
func Example() {
	ctx := context.Background()
	board := sim.NewBoard("sim:example")
	board.Plug(0x44, sim.NewSHT3x(sim.Steady(21.5), sim.Steady(45)))

	dev, err := sht3x.Open(ctx, board.Bus(), sht3x.Config{Address: 0x44})
	if err != nil {
		log.Fatal(err)
	}
	defer dev.Close()
	sample, err := dev.Read(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for i, c := range dev.Channels() {
		fmt.Printf("%s %.1f %s\n", c.Name, sample[i].Value, c.Unit.Symbol())
	}
	// Output:
	// temperature 21.5 °C
	// humidity 45.0 %
}
