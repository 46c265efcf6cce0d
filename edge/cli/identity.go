package cli

import (
	"os"
	"strings"
)

// boardFiles say which board this is: the serial number that a Raspberry Pi's firmware passes on, and the UUID of a
// PC's, which root may read. /etc/machine-id would not do: it is copied with the SD card.
var boardFiles = []string{"/sys/firmware/devicetree/base/serial-number", "/sys/class/dmi/id/product_uuid"}

// identity is how the store knows a host that runs on a copy of another's data.
func identity(name string) map[string]string {
	id := map[string]string{"name": name}
	for _, file := range boardFiles {
		if text, err := os.ReadFile(file); err == nil {
			id["board"] = strings.Trim(string(text), "\x00\n ")
			break
		}
	}
	return id
}
