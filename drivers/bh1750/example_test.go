package bh1750_test

import (
	"context"
	"fmt"
	"log"

	"selvage/drivers/bh1750"
	"selvage/drivers/sim"
)

// On a real bus, drivers/bus opens "/dev/i2c-1" in place of the simulated board.
func Example() {
	ctx := context.Background()
	board := sim.NewBoard("sim:example")
	board.Plug(0x23, sim.NewBH1750(sim.Steady(250)))

	dev, err := bh1750.Open(ctx, board.Bus(), bh1750.Config{Address: 0x23})
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
	// illuminance 250.0 lx
}
