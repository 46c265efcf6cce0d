package cli

import "testing"

func TestKindOfWire(t *testing.T) {
	for wire, want := range map[string]string{
		"hci0": "bluetooth", "sim:hci0": "bluetooth", "sim:ble": "bluetooth", "/dev/i2c-1": "i2c", "sim:room": "i2c", "sim:bme280": "i2c",
	} {
		if got := kindOfWire(wire); got != want {
			t.Errorf("%s is %s, want %s", wire, got, want)
		}
	}
}
