package thermal_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"testing/fstest"

	"selvage/drivers/thermal"
)

// On a machine with such a zone, the root is "/".
func Example() {
	ctx := context.Background()
	root, err := os.MkdirTemp("", "root")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(root)
	if err := os.CopyFS(root, fstest.MapFS{
		"sys/class/thermal/thermal_zone0/type": {Data: []byte("cpu-thermal\n")},
		"sys/class/thermal/thermal_zone0/temp": {Data: []byte("48312\n")},
	}); err != nil {
		log.Fatal(err)
	}

	dev, err := thermal.Open(ctx, thermal.Config{Zone: "cpu-thermal", Root: root})
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
	// Output: temperature 48.3 °C
}
