package system_test

import (
	"context"
	"fmt"
	"log"

	"selvage/drivers/sysfs/sysfstest"
	"selvage/drivers/system"
)

// Of this machine, the root is "/".
func Example() {
	ctx := context.Background()
	root, remove := sysfstest.Temp(map[string]string{
		"proc/loadavg":                         "0.52 0.31 0.12 2/187 4711\n",
		"proc/uptime":                          "90061.37 301245.12\n",
		"sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
		"sys/class/thermal/thermal_zone0/temp": "48312\n",
	})
	defer remove()

	dev, err := system.Open(ctx, system.Config{Root: root, Disk: "/"})
	if err != nil {
		log.Fatal(err)
	}
	defer dev.Close()
	sample, err := dev.Read(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for i, c := range dev.Channels() {
		switch c.Name {
		case "uptime", "temperature-cpu-thermal":
			fmt.Printf("%s %.1f %s\n", c.Name, sample[i].Value, c.Unit.Symbol())
		}
	}
	// Output:
	// uptime 90061.0 s
	// temperature-cpu-thermal 48.3 °C
}
