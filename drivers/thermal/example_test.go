package thermal_test

import (
	"context"
	"fmt"
	"log"

	"selvage/drivers/sysfs/sysfstest"
	"selvage/drivers/thermal"
)

// On a machine with such a zone, the root is "/".
func Example() {
	ctx := context.Background()
	root, remove := sysfstest.Temp(map[string]string{
		"sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
		"sys/class/thermal/thermal_zone0/temp": "48312\n",
	})
	defer remove()

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
