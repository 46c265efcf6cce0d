package ads1115_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"selvage/drivers/ads1115"
	"selvage/drivers/sim"
)

// On a real bus, drivers/bus opens "/dev/i2c-1" in place of the simulated board.
func Example() {
	ctx := context.Background()
	board := sim.NewBoard("sim:desk")
	board.Plug(0x48, &sim.ADS1115{Volts: func(time.Time) [4]float64 { return [4]float64{3.7, 1.2, 0, 0} }})
	dev, err := ads1115.Open(ctx, board.Bus(), ads1115.Config{
		Address: 0x48, Rate: 860,
		Channel: map[string]ads1115.Input{"battery": {Input: "0"}, "bridge": {Input: "1-3", Range: 2.048}},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer dev.Close()
	sample, err := dev.Read(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range sample {
		fmt.Printf("%s %.2f V\n", m.Channel, m.Value)
	}
	// Output:
	// battery 3.70 V
	// bridge 1.20 V
}
