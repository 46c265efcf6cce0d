package pca9685_test

import (
	"context"
	"fmt"
	"log"

	"selvage/drivers/pca9685"
	"selvage/drivers/sim"
	"selvage/edge/device"
)

// On a real bus, drivers/bus opens "/dev/i2c-1" in place of the simulated board.
func Example() {
	ctx := context.Background()
	chip := new(sim.PCA9685)
	board := sim.NewBoard("sim:desk")
	board.Plug(0x40, chip)
	fan, err := pca9685.Open(ctx, board.Bus(), pca9685.Config{Address: 0x40, Output: 3, Frequency: 1000})
	if err != nil {
		log.Fatal(err)
	}
	defer fan.Close()
	if err := fan.Out(ctx, device.Of(25)); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("on for %.0f %% of the time\n", 100*chip.Duty(3))
	// Output:
	// on for 25 % of the time
}
