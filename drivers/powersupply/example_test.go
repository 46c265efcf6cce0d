package powersupply_test

import (
	"context"
	"fmt"
	"log"

	"selvage/drivers/powersupply"
	"selvage/drivers/sysfs/sysfstest"
)

// On a machine with such a battery, the root is "/".
func Example() {
	ctx := context.Background()
	root, remove := sysfstest.Temp(map[string]string{
		"sys/class/power_supply/BAT0/status":      "Discharging\n",
		"sys/class/power_supply/BAT0/capacity":    "81\n",
		"sys/class/power_supply/BAT0/voltage_now": "12229000\n",
	})
	defer remove()

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
