package modbus_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"selvage/drivers/modbus"
	"selvage/drivers/sim"
)

// On a real port, drivers/bus opens "/dev/ttyUSB0", or "tcp://192.168.1.40:502", in place of the simulated line.
func Example() {
	ctx := context.Background()
	line, err := sim.MakeLine("sim:pzem-016")
	if err != nil {
		log.Fatal(err)
	}
	wire := modbus.Wire{Address: 7, Baud: 9600, Parity: "none", Stop: 1, Reply: 300 * time.Millisecond}
	meter, err := modbus.Open(ctx, line.Port(), modbus.Config{Wire: wire, Map: "pzem-016", Merge: 16})
	if err != nil {
		log.Fatal(err)
	}
	defer meter.Close()
	sample, err := meter.Read(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for i, c := range meter.Channels() {
		if c.Name == "frequency" {
			fmt.Println(c.Name, sample[i].Value, c.Unit)
		}
	}
	// Output:
	// frequency 50 Hz
}
