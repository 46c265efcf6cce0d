package ble_test

import (
	"context"
	"fmt"
	"time"

	"selvage/drivers/ble"
	_ "selvage/drivers/sim"
	"selvage/edge/device"
)

func Example() {
	radio, err := device.OpenRadio(context.Background(), "sim:hci0") // on a machine with Bluetooth: "hci0"
	if err != nil {
		fmt.Println(err)
		return
	}
	defer radio.Close()
	var c ble.Config
	if err := c.Address.UnmarshalText([]byte("A4:C1:38:00:00:01")); err != nil {
		fmt.Println(err)
		return
	}
	sensor, err := ble.Open(context.Background(), radio, c)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer sensor.Close()
	heard := make(chan bool, 1)
	sensor.Wake(func() {
		select {
		case heard <- true:
		default:
		}
	})
	select {
	case <-heard:
	case <-time.After(time.Minute):
	}
	sample, err := sensor.Read(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, m := range sample {
		fmt.Println(m.Channel)
	}
	fmt.Println(sensor.Info().Model)
	// Output:
	// temperature
	// humidity
	// voltage
	// battery
	// rssi
	// ATC thermometer (pvvx)
}
