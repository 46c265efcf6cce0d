package veml7700_test

import (
	"context"
	"fmt"
	"log"

	"selvage/drivers/sim"
	"selvage/drivers/veml7700"
)

// On a real bus, drivers/bus opens "/dev/i2c-1" in place of the simulated board.
func Example() {
	ctx := context.Background()
	board := sim.NewBoard("sim:example")
	board.Plug(0x10, sim.NewVEML7700(sim.Steady(250)))

	dev, err := veml7700.Open(ctx, board.Bus(), veml7700.Config{Address: 0x10})
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
