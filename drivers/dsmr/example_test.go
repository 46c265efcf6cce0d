package dsmr_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"selvage/drivers/dsmr"
	"selvage/drivers/sim"
)

// On a real port, drivers/bus opens "/dev/ttyUSB0" in place of the simulated line.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	house := &sim.DSMR{Every: time.Millisecond, Power: func(time.Time) float64 { return -1250 }}
	meter, err := dsmr.Open(ctx, sim.NewLine("sim:dsmr", house).Port(), dsmr.Config{Baud: 115200})
	if err != nil {
		log.Fatal(err)
	}
	defer meter.Close()
	sample, err := meter.Read(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for i, c := range meter.Channels()[:2] {
		fmt.Println(c.Name, sample[i].Value, c.Unit)
	}
	// Output:
	// power-import 0 W
	// power-export 1250 W
}
