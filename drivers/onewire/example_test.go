package onewire_test

import (
	"context"
	"fmt"
	"log"

	"selvage/drivers/onewire"
	"selvage/drivers/sysfs/sysfstest"
)

// On a machine with such a thermometer, the root is "/".
func Example() {
	ctx := context.Background()
	root, remove := sysfstest.Temp(map[string]string{
		"sys/bus/w1/devices/28-0316a2794eff/w1_slave": "5e 01 ff ff 7f ff ff ff 52 : crc=52 YES\n5e 01 ff ff 7f ff ff ff 52 t=21875\n",
	})
	defer remove()

	dev, err := onewire.Open(ctx, onewire.Config{ID: "28-0316a2794eff", Root: root})
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
	// Output: temperature 21.9 °C
}
