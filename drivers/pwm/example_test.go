package pwm_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"testing/fstest"

	"selvage/drivers/pwm"
	"selvage/edge/device"
)

// On a machine with such a chip, the root is "/". A period at 25 kHz has 40,000 ns.
func Example() {
	ctx := context.Background()
	root, err := os.MkdirTemp("", "root")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(root)
	if err := os.CopyFS(root, fstest.MapFS{
		"sys/class/pwm/pwmchip0/npwm":            {Data: []byte("2\n")},
		"sys/class/pwm/pwmchip0/export":          {Data: []byte("")},
		"sys/class/pwm/pwmchip0/pwm1/period":     {Data: []byte("0\n")},
		"sys/class/pwm/pwmchip0/pwm1/duty_cycle": {Data: []byte("0\n")},
		"sys/class/pwm/pwmchip0/pwm1/enable":     {Data: []byte("0\n")},
		"sys/class/pwm/pwmchip0/pwm1/polarity":   {Data: []byte("normal\n")},
	}); err != nil {
		log.Fatal(err)
	}

	dev, err := pwm.Open(ctx, pwm.Config{Chip: "pwmchip0", Output: 1, Frequency: 25_000, Root: root})
	if err != nil {
		log.Fatal(err)
	}
	defer dev.Close()
	if err := dev.Out(ctx, device.Of(40)); err != nil {
		log.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "sys/class/pwm/pwmchip0/pwm1/duty_cycle"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s", text)
	// Output: 16000
}
