package mcp3008_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"selvage/drivers/mcp3008"
	"selvage/drivers/sim"
)

// On a real bus, drivers/bus opens "/dev/spidev0.0" in place of the simulated chip select.
func Example() {
	ctx := context.Background()
	adc := sim.NewSelect("sim:desk", &sim.MCP3008{Reference: 3.3, Volts: func(time.Time) [8]float64 { return [8]float64{1.65} }})
	dev, err := mcp3008.Open(ctx, adc.Port(), mcp3008.Config{
		Reference: 3.3, Channel: map[string]mcp3008.Input{"potentiometer": {Input: "0"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer dev.Close()
	sample, err := dev.Read(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s %.2f V\n", sample[0].Channel, sample[0].Value)
	// Output:
	// potentiometer 1.65 V
}
