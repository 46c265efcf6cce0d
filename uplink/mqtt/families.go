package mqtt

import (
	"selvage/uplink/mqtt/family"
	"selvage/uplink/mqtt/family/esphome"
	"selvage/uplink/mqtt/family/homeassistant"
	"selvage/uplink/mqtt/family/shelly"
	"selvage/uplink/mqtt/family/sparkplug"
	"selvage/uplink/mqtt/family/tasmota"
	"selvage/uplink/mqtt/family/theengs"
	"selvage/uplink/mqtt/family/zigbee2mqtt"
)

// families are what discover can name: how each is made for devices below a base topic, "" for its usual one.
var families = map[string]func(base string) family.Family{
	"esphome":       esphome.New,
	"homeassistant": homeassistant.New,
	"shelly":        shelly.New,
	"sparkplug":     sparkplug.New,
	"tasmota":       tasmota.New,
	"theengs":       theengs.New,
	"zigbee2mqtt":   zigbee2mqtt.New,
}
