package ds3231_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"selvage/drivers/ds3231"
	"selvage/drivers/sim"
)

// On a real bus, drivers/bus opens "/dev/i2c-1" in place of the simulated board.
func Example() {
	ctx := context.Background()
	board := sim.NewBoard("sim:desk")
	board.Plug(0x68, &sim.DS3231{Celsius: func(time.Time) float64 { return 21.25 }})
	dev, err := ds3231.Open(ctx, board.Bus(), ds3231.Config{Address: 0x68, Trust: true})
	if err != nil {
		log.Fatal(err)
	}
	defer dev.Close()
	sample, err := dev.Read(ctx)
	if err != nil {
		log.Fatal(err)
	}
	_, known := dev.Wall()
	fmt.Printf("%.2f °C, the time is known: %v\n", sample[0].Value, known)
	// Output:
	// 21.25 °C, the time is known: true
}
