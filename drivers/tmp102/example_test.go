package tmp102_test

import (
	"context"
	"fmt"
	"log"

	"selvage/drivers/sim"
	"selvage/drivers/tmp102"
)

// On a real bus, drivers/bus opens "/dev/i2c-1" in place of the simulated board.
func Example() {
	ctx := context.Background()
	board := sim.NewBoard("sim:example")
	board.Plug(0x48, sim.NewTMP102(sim.Steady(21.5)))

	dev, err := tmp102.Open(ctx, board.Bus(), tmp102.Config{Address: 0x48})
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
	// temperature 21.5 °C
}
