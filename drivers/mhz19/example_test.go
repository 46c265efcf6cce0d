package mhz19_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"selvage/drivers/mhz19"
	"selvage/drivers/sim"
)

// On a real port, drivers/bus opens "/dev/serial0" in place of the simulated line.
func Example() {
	ctx := context.Background()
	room := &sim.MHZ19{CO2: func(time.Time) float64 { return 843 }}
	dev, err := mhz19.Open(ctx, sim.NewLine("sim:mhz19", room).Port(), mhz19.Config{Calibrate: true})
	if err != nil {
		log.Fatal(err)
	}
	defer dev.Close()
	sample, err := dev.Read(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(sample[0].Value, "ppm:", sample[0].Doubt)
	// Output:
	// 843 ppm: it may have been switched on less than 3 minutes ago
}
