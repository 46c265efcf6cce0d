package command_test

import (
	"context"
	"fmt"
	"log"

	"selvage/drivers/command"
	"selvage/drivers/fields"
)

func Example() {
	dev, err := command.Open(context.Background(), command.Config{
		Command: []string{"echo", "temp=48.3'C"},
		Match:   "temp=(?P<temperature>[0-9.]+)",
		Channel: map[string]fields.Channel{"temperature": {Unit: "Cel"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer dev.Close()
	sample, err := dev.Read(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(sample[0].Channel, sample[0].Value)
	// Output:
	// temperature 48.3
}
