package hwmon_test

import (
	"context"
	"fmt"
	"log"

	"selvage/drivers/hwmon"
	"selvage/drivers/sysfs/sysfstest"
)

// On a machine with such a chip, the root is "/".
func Example() {
	ctx := context.Background()
	root, remove := sysfstest.Temp(map[string]string{
		"sys/class/hwmon/hwmon0/name":        "nct6779\n",
		"sys/class/hwmon/hwmon0/temp1_input": "48500\n",
		"sys/class/hwmon/hwmon0/temp1_label": "CPU\n",
		"sys/class/hwmon/hwmon0/in0_input":   "1024\n",
	})
	defer remove()

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
