package pms5003_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"selvage/drivers/pms5003"
	"selvage/drivers/sim"
)

// On a real port, drivers/bus opens "/dev/ttyUSB0" in place of the simulated line.
func Example() {
	ctx := context.Background()
	air := &sim.PMS5003{Dust: func(time.Time) float64 { return 20 }}
	dev, err := pms5003.Open(ctx, sim.NewLine("sim:pms5003", air).Port(), pms5003.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer dev.Close()
	sample, err := dev.Read(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for i, c := range dev.Channels()[:3] {
		fmt.Println(c.Name, sample[i].Value, c.Unit.Symbol())
	}
	// Output:
	// pm1 14 µg/m³
	// pm2-5 20 µg/m³
	// pm10 22 µg/m³
}
