package nmea_test

import (
	"context"
	"fmt"
	"log"

	"selvage/drivers/nmea"
	"selvage/drivers/sim"
)

// On a real port, drivers/bus opens "/dev/ttyACM0" in place of the simulated line.
func Example() {
	ctx := context.Background()
	gps, err := nmea.Open(ctx, sim.NewLine("sim:nmea", new(sim.NMEA)).Port(), nmea.Config{Baud: 9600})
	if err != nil {
		log.Fatal(err)
	}
	defer gps.Close()
	sample, err := gps.Read(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range sample {
		if m.Channel == "latitude" {
			fmt.Printf("%.1f° N\n", m.Value)
		}
	}
	// Output:
	// 51.5° N
}
