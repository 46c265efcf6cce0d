package mcp23017_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"selvage/drivers/mcp23017"
	"selvage/drivers/sim"
	"selvage/edge/device"
)

// On a real bus, drivers/bus opens "/dev/i2c-1" in place of the simulated board.
func Example() {
	ctx := context.Background()
	board := sim.NewBoard("sim:desk")
	board.Plug(0x20, &sim.MCP23017{Outside: func(time.Time) (driven, level uint16) { return 1, 0 }})
	bus := board.Bus()
	pump, err := mcp23017.OpenOut(ctx, bus, mcp23017.OutConfig{Address: 0x20, Output: "B3", Active: "high"})
	if err != nil {
		log.Fatal(err)
	}
	door, err := mcp23017.OpenIn(ctx, bus, mcp23017.InConfig{Address: 0x20, Input: "A0", Pull: "up", Active: "low"})
	if err != nil {
		log.Fatal(err)
	}
	if err := pump.Out(ctx, device.On(true)); err != nil {
		log.Fatal(err)
	}
	sample, err := door.Read(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the door is closed:", sample[0].Value == 1)
	// Output:
	// the door is closed: true
}
