package leds_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"selvage/drivers/leds"
	"selvage/drivers/sysfs/sysfstest"
	"selvage/edge/device"
)

// On a machine with such an LED, the root is "/".
func Example() {
	ctx := context.Background()
	root, remove := sysfstest.Temp(map[string]string{
		"sys/class/leds/ACT/brightness":     "0\n",
		"sys/class/leds/ACT/max_brightness": "255\n",
		"sys/class/leds/ACT/trigger":        "none [mmc0] timer\n",
	})
	defer remove()

	dev, err := leds.OpenLED(ctx, leds.LEDConfig{LED: "ACT", Root: root})
	if err != nil {
		log.Fatal(err)
	}
	defer dev.Close()
	if err := dev.Out(ctx, device.Of(40)); err != nil {
		log.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "sys/class/leds/ACT/brightness"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s", text)
	// Output: 102
}
