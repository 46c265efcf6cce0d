package sgp40_test

import (
	"context"
	"fmt"
	"log"

	"selvage/drivers/sgp40"
	"selvage/drivers/sim"
)

// On a real bus, drivers/bus opens "/dev/i2c-1" in place of the simulated board.
func Example() {
	ctx := context.Background()
	board := sim.NewBoard("sim:example")
	board.Plug(0x59, sim.NewSGP40(sim.Steady(30_000)))

	dev, err := sgp40.Open(ctx, board.Bus(), sgp40.Config{Address: 0x59, Temperature: 25, Humidity: 50})
	if err != nil {
		log.Fatal(err)
	}
	defer dev.Close()
	sample, err := dev.Read(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for i, c := range dev.Channels() {
		fmt.Printf("%s %.0f\n", c.Name, sample[i].Value)
	}
	// Output:
	// voc-raw 30000
}
