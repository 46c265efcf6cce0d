package scd4x_test

import (
	"context"
	"fmt"
	"log"

	"selvage/drivers/scd4x"
	"selvage/drivers/sim"
)

// The first measurement takes five seconds. On a real bus, drivers/bus opens "/dev/i2c-1" in place of the simulated board.
func Example() {
	ctx := context.Background()
	board := sim.NewBoard("sim:example")
	board.Plug(0x62, sim.NewSCD4x(sim.Steady(640), sim.Steady(21.5), sim.Steady(45)))

	dev, err := scd4x.Open(ctx, board.Bus(), scd4x.Config{Address: 0x62, Offset: 4, SelfCalibration: true})
	if err != nil {
		log.Fatal(err)
	}
	defer dev.Close()
	sample, err := dev.Read(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for i, c := range dev.Channels() {
		fmt.Printf("%s %.0f %s\n", c.Name, sample[i].Value, c.Unit.Symbol())
	}
}
