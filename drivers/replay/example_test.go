package replay_test

import (
	"context"
	"fmt"
	"log"

	"selvage/drivers/replay"
)

// A recording that a person has written: what was measured, on no wire.
func Example() {
	ctx := context.Background()
	dev, err := replay.Open(ctx, replay.Config{File: "testdata/door.jsonl", Speed: 100})
	if err != nil {
		log.Fatal(err)
	}
	defer dev.Close()
	for range 3 {
		sample, err := dev.Read(ctx)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(sample[0].Channel, sample[0].Value)
	}
	// Output:
	// active 0
	// active 1
	// the pin GPIO5 cannot be used as an input
}
