package broker

import (
	"unsafe"

	"github.com/mochi-mqtt/server/v2/packets"
)

// share has all copies of a message share its payload. mochi copies Payload for each subscriber, but not what Origin
// refers to, of which it has no use in MQTT 3.1.1. SessionPresent marks it, which is for CONNACK only.
func share(pk *packets.Packet) {
	if len(pk.Payload) > 0 {
		pk.Origin, pk.Payload, pk.SessionPresent = unsafe.String(&pk.Payload[0], len(pk.Payload)), nil, true
	}
}

// payload returns what a message says, which is not to be changed.
func payload(pk packets.Packet) []byte {
	if pk.FixedHeader.Type != packets.Publish || !pk.SessionPresent {
		return pk.Payload
	}
	return unsafe.Slice(unsafe.StringData(pk.Origin), len(pk.Origin))
}
