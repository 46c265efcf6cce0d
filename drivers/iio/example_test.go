package iio_test

import (
	"context"
	"fmt"
	"log"

	"selvage/drivers/iio"
	"selvage/drivers/sysfs/sysfstest"
)

// On a machine with such a chip, the root is "/".
func Example() {
	root, remove := sysfstest.Temp(map[string]string{
		"sys/bus/iio/devices/iio:device0/name":          "bmp280\n",
		"sys/bus/iio/devices/iio:device0/in_temp_input": "22460\n",
	})
	defer remove()
	dev, err := iio.Open(context.Background(), iio.Config{Chip: "bmp280", Root: root})
	if err != nil {
		log.Fatal(err)
	}
	defer dev.Close()
	sample, err := dev.Read(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	for i, c := range dev.Channels() {
		fmt.Printf("%s %.1f %s\n", c.Name, sample[i].Value, c.Unit.Symbol())
	}
	// Output: temperature 22.5 °C
}
