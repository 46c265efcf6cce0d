package max31855_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"selvage/drivers/max31855"
	"selvage/drivers/sim"
)

// On a real bus, drivers/bus opens "/dev/spidev0.0" in place of the simulated chip select.
func Example() {
	ctx := context.Background()
	oven := sim.NewSelect("sim:oven", &sim.MAX31855{
		Tip:  func(time.Time) float64 { return 180.25 },
		Chip: func(time.Time) float64 { return 25 },
	})
	dev, err := max31855.Open(ctx, oven.Port(), max31855.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer dev.Close()
	sample, err := dev.Read(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for i, c := range dev.Channels() {
		fmt.Printf("%s %.2f %s\n", c.Name, sample[i].Value, c.Unit.Symbol())
	}
	// Output:
	// temperature 180.25 °C
	// chip-temperature 25.00 °C
}
