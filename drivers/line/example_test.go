package line_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"selvage/drivers/fields"
	"selvage/drivers/line"
	"selvage/drivers/sim"
)

// On a real port, drivers/bus opens "/dev/ttyACM0" in place of the simulated line.
func Example() {
	ctx := context.Background()
	arduino := &sim.Lines{Asks: "R\n", Text: func(time.Time) string { return "T=21.4 H=45" }}
	dev, err := line.Open(ctx, sim.NewLine("sim:line", arduino).Port(), line.Config{
		Baud: 9600, Wait: time.Second, Ask: "R\n",
		Match:   `T=(?P<temperature>-?[0-9.]+)`,
		Channel: map[string]fields.Channel{"temperature": {Unit: "Cel"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer dev.Close()
	sample, err := dev.Read(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(sample[0].Channel, sample[0].Value)
	// Output:
	// temperature 21.4
}
