package aht20_test

import (
	"context"
	"fmt"
	"log"

	"selvage/drivers/aht20"
	"selvage/drivers/sim"
)

// On a real bus, drivers/bus opens "/dev/i2c-1" in place of the simulated board.
func Example() {
	ctx := context.Background()
	board := sim.NewBoard("sim:example")
	board.Plug(0x38, sim.NewAHT20(sim.Steady(21.5), sim.Steady(45)))

	dev, err := aht20.Open(ctx, board.Bus(), aht20.Config{Address: 0x38})
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
