package pwm_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"selvage/drivers/pwm"
	"selvage/drivers/sysfs/sysfstest"
	"selvage/edge/device"
)

// On a machine with such a chip, the root is "/". A period at 25 kHz has 40,000 ns.
func Example() {
	ctx := context.Background()
	root, remove := sysfstest.Temp(map[string]string{
		"sys/class/pwm/pwmchip0/npwm":            "2\n",
		"sys/class/pwm/pwmchip0/export":          "",
		"sys/class/pwm/pwmchip0/pwm1/period":     "0\n",
		"sys/class/pwm/pwmchip0/pwm1/duty_cycle": "0\n",
		"sys/class/pwm/pwmchip0/pwm1/enable":     "0\n",
		"sys/class/pwm/pwmchip0/pwm1/polarity":   "normal\n",
	})
	defer remove()

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
