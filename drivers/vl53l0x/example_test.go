package vl53l0x_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"selvage/drivers/sim"
	"selvage/drivers/vl53l0x"
)

// On a real bus, drivers/bus opens "/dev/i2c-1" in place of the simulated board.
func Example() {
	ctx := context.Background()
	board := sim.NewBoard("sim:desk")
	board.Plug(0x29, &sim.VL53L0X{Metres: func(time.Time) float64 { return 0.42 }})
	dev, err := vl53l0x.Open(ctx, board.Bus(), vl53l0x.Config{Address: 0x29, Budget: 33 * time.Millisecond})
	if err != nil {
		log.Fatal(err)
	}
	defer dev.Close()
	sample, err := dev.Read(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s %.2f m\n", sample[0].Channel, sample[0].Value)
	// Output:
	// distance 0.42 m
}
