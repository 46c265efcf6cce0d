package iio_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"selvage/drivers/iio"
)

// On a machine with such a chip, the root is "/".
func Example() {
	root, err := os.MkdirTemp("", "sys")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(root)
	chip := filepath.Join(root, "sys/bus/iio/devices/iio:device0")
	_ = os.MkdirAll(chip, 0o755)
	_ = os.WriteFile(filepath.Join(chip, "name"), []byte("bmp280\n"), 0o644)
	_ = os.WriteFile(filepath.Join(chip, "in_temp_input"), []byte("22460\n"), 0o644)

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
