package sht4x_test

import (
	"context"
	"fmt"
	"log"

	"selvage/drivers/sht4x"
	"selvage/drivers/sim"
)

// On a real bus, drivers/bus opens "/dev/i2c-1" in place of the simulated room.
func Example() {
	ctx := context.Background()
	dev, err := sht4x.Open(ctx, sim.NewRoom("sim:room", 1).Bus(), sht4x.Config{Address: 0x44})
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
	// Output:
	// temperature 20 °C
	// humidity 45 %
}
