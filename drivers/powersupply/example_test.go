package powersupply_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"testing/fstest"

	"selvage/drivers/powersupply"
)

// On a machine with such a battery, the root is "/".
func Example() {
	ctx := context.Background()
	root, err := os.MkdirTemp("", "root")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(root)
	if err := os.CopyFS(root, fstest.MapFS{
		"sys/class/power_supply/BAT0/status":      {Data: []byte("Discharging\n")},
		"sys/class/power_supply/BAT0/capacity":    {Data: []byte("81\n")},
		"sys/class/power_supply/BAT0/voltage_now": {Data: []byte("12229000\n")},
	}); err != nil {
		log.Fatal(err)
	}

	dev, err := powersupply.Open(ctx, powersupply.Config{Supply: "BAT0", Root: root})
	if err != nil {
		log.Fatal(err)
	}
	defer dev.Close()
	sample, err := dev.Read(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for i, c := range dev.Channels() {
		if sample[i].Text != "" {
			fmt.Println(c.Name, sample[i].Text)
			continue
		}
		fmt.Printf("%s %.1f %s\n", c.Name, sample[i].Value, c.Unit.Symbol())
	}
	// Output:
	// status Discharging
	// capacity 81.0 %
	// voltage 12.2 V
}
