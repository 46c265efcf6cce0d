package jsonpath_test

import (
	"fmt"

	"selvage/edge/jsonpath"
)

func Example() {
	body := []byte(`{"wifi": {"rssi": -61}, "emeters": [{"power": 412.5}, {"power": 0}]}`)
	if !jsonpath.Valid(body) {
		return
	}
	for _, text := range []string{"$.emeters[0].power", "wifi.rssi", "wifi.ssid"} {
		var path jsonpath.Path
		if err := path.UnmarshalText([]byte(text)); err != nil {
			fmt.Println(err)
			return
		}
		v := path.Find(body)
		fmt.Printf("%s: %s %v\n", path, v.Text, v.Absent)
	}
	// Output:
	// $.emeters[0].power: 412.5 false
	// wifi.rssi: -61 false
	// wifi.ssid:  true
}
