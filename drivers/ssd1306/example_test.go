package ssd1306_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"selvage/drivers/sim"
	"selvage/drivers/ssd1306"
	"selvage/edge/device"
)

// On a real bus, drivers/bus opens "/dev/i2c-1" in place of the simulated board.
func Example() {
	ctx := context.Background()
	chip := new(sim.SSD1306)
	board := sim.NewBoard("sim:desk")
	board.Plug(0x3C, chip)
	display, err := ssd1306.Open(ctx, board.Bus(), ssd1306.Config{Address: 0x3C, Height: 32, Size: 1, Contrast: 127})
	if err != nil {
		log.Fatal(err)
	}
	defer display.Close()
	if err := display.Out(ctx, device.Words("OK")); err != nil {
		log.Fatal(err)
	}
	fmt.Println(strings.TrimSpace(chip.Picture()))
	// Output:
	// ###  #   #
	// #   # #  #
	// #   # # #
	// #   # ##
	// #   # # #
	// #   # #  #
	//  ###  #   #
}
