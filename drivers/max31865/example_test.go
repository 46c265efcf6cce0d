package max31865_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"selvage/drivers/max31865"
	"selvage/drivers/sim"
)

// On a real bus, drivers/bus opens "/dev/spidev0.0" in place of the simulated chip select.
func Example() {
	ctx := context.Background()
	boiler := sim.NewSelect("sim:boiler", &sim.MAX31865{Reference: 430, Ohms: func(time.Time) float64 { return 119.40 }})
	dev, err := max31865.Open(ctx, boiler.Port(), max31865.Config{Wires: 3, Resistor: 100, Reference: 430, Mains: 50})
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
	// temperature 50.0 °C
	// resistance 119.4 Ω
}
