package broker

import (
	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// ids keeps the packet identifiers that a client chose apart from those that the broker chose. MQTT
// has two sets of them [MQTT 3.1.1, 2.3.1], mochi only one: it refuses a SUBSCRIBE whose identifier
// is that of a message on its way to the client, as it is whenever a session is resumed with
// messages waiting, and forgets that message when the client publishes under it.
//
// So where an identifier of the client is in use, mochi sees another one, and the client its own.
type ids struct {
	own map[uint16]uint16 // what the client calls it, by what mochi does
}

// in renames a packet from the client.
func (s *ids) in(inflight *mqtt.Inflight, pk *packets.Packet) {
	switch {
	case pk.FixedHeader.Type == packets.Pubrel,
		pk.FixedHeader.Type == packets.Publish && pk.FixedHeader.Qos == 2 && pk.FixedHeader.Dup:
		for other, own := range s.own {
			if own == pk.PacketID {
				pk.PacketID = other
				return
			}
		}
	}
	switch pk.FixedHeader.Type {
	case packets.Publish, packets.Subscribe, packets.Unsubscribe:
	default:
		return
	}
	held, used := inflight.Get(pk.PacketID)
	if !used || pk.PacketID == 0 || pk.FixedHeader.Type == packets.Publish && held.FixedHeader.Type == packets.Pubrec {
		return // a Pubrec is the answer to an earlier PUBLISH of the same identifier: mochi sees to it
	}
	for other := uint16(65535); other > 0; other-- {
		if _, used := inflight.Get(other); !used {
			if s.own == nil {
				s.own = map[uint16]uint16{}
			}
			s.own[other] = pk.PacketID
			pk.PacketID = other
			return
		}
	}
}

// name returns what the client calls an identifier.
func (s *ids) name(id uint16) uint16 {
	if own, renamed := s.own[id]; renamed {
		return own
	}
	return id
}

// out renames an answer to the client.
func (s *ids) out(pk *packets.Packet) {
	switch pk.FixedHeader.Type {
	case packets.Puback, packets.Pubrec, packets.Pubcomp, packets.Suback, packets.Unsuback:
	default:
		return
	}
	own, renamed := s.own[pk.PacketID]
	if !renamed {
		return
	}
	if pk.FixedHeader.Type != packets.Pubrec { // its PUBREL will come under the client's identifier
		delete(s.own, pk.PacketID)
	}
	pk.PacketID = own
}
