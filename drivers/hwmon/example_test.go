package hwmon_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"testing/fstest"

	"selvage/drivers/hwmon"
)

// On a machine with such a chip, the root is "/".
func Example() {
	ctx := context.Background()
	root, err := os.MkdirTemp("", "root")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(root)
	if err := os.CopyFS(root, fstest.MapFS{
		"sys/class/hwmon/hwmon0/name":        {Data: []byte("nct6779\n")},
		"sys/class/hwmon/hwmon0/temp1_input": {Data: []byte("48500\n")},
		"sys/class/hwmon/hwmon0/temp1_label": {Data: []byte("CPU\n")},
		"sys/class/hwmon/hwmon0/in0_input":   {Data: []byte("1024\n")},
	}); err != nil {
		log.Fatal(err)
	}

	dev, err := hwmon.Open(ctx, hwmon.Config{Chip: "nct6779", Root: root})
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
	// temperature-cpu 48.5 °C
	// voltage 1.0 V
}
