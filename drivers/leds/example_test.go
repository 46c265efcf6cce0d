package leds_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"testing/fstest"

	"selvage/drivers/leds"
	"selvage/edge/device"
)

// On a machine with such an LED, the root is "/".
func Example() {
	ctx := context.Background()
	root, err := os.MkdirTemp("", "root")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(root)
	if err := os.CopyFS(root, fstest.MapFS{
		"sys/class/leds/ACT/brightness":     {Data: []byte("0\n")},
		"sys/class/leds/ACT/max_brightness": {Data: []byte("255\n")},
		"sys/class/leds/ACT/trigger":        {Data: []byte("none [mmc0] timer\n")},
	}); err != nil {
		log.Fatal(err)
	}

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
