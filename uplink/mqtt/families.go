package mqtt

import "selvage/uplink/mqtt/family"

// families are what discover can name: how each is made for devices below a base topic, "" for its usual one.
var families = map[string]func(base string) family.Family{}
