package advert

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"slices"
)

// Scales, and remote controls. They speak only while somebody stands on them or presses a button.

func init() {
	ofService[0x181D] = miScale1
	ofService[0x181B] = miScale2
	ofNobody = append(ofNobody, xiaogui, senssun)
}

// pound and jin in kg.
const (
	pound = 0.45359237
	jin   = 0.5
)

// weighs is a weight, and whether the scale has come to rest.
func (s *said) weighs(kg float64, stable, removed bool) {
	s.out.Seldom = true
	s.num("weight-now", kg)
	s.flag("stable", stable)
	s.flag("removed", removed)
	if stable && !removed {
		s.num("weight", kg)
	}
}

// sum stands for the number that a packet without one lacks: what a scale tells has the time in it, or a count.
func (s *said) sum() {
	h := fnv.New32a()
	h.Write(s.data)
	s.out.ID = int64(h.Sum32())
}

func miScale1(s *said) error {
	d := s.data
	if len(d) != 10 {
		return ErrUnknown
	}
	s.is("Xiaomi", "Mi Scale 1")
	s.sum()
	kg := float64(binary.LittleEndian.Uint16(d[1:])) / 100
	switch {
	case d[0]&1 != 0:
		kg *= pound
	case d[0]&(1<<4) != 0:
		kg *= jin
	default:
		kg /= 2
	}
	s.weighs(kg, d[0]&(1<<5) != 0, d[0]&(1<<7) != 0)
	return nil
}

func miScale2(s *said) error {
	d := s.data
	if len(d) != 13 {
		return ErrUnknown
	}
	s.is("Xiaomi", "Mi Scale 2")
	s.sum()
	kg := float64(binary.LittleEndian.Uint16(d[11:])) / 100
	switch {
	case d[1]&(1<<6) != 0:
		kg *= jin
	case d[0] == 3:
		kg *= pound
	case d[0] == 2:
		kg /= 2
	default:
		return errNoForm
	}
	stable, removed := d[1]&(1<<5) != 0, d[1]&(1<<7) != 0
	s.weighs(kg, stable, removed)
	if stable && !removed && d[1]&(1<<1) != 0 {
		s.num("impedance", float64(binary.LittleEndian.Uint16(d[9:])))
	}
	return nil
}

// xiaogui reads scales of the kind of TZC4: a count, weight, impedance, whether it is at rest, the address.
func xiaogui(s *said, m Maker) error {
	be := binary.BigEndian
	d := m.Data
	if m.Company&0xFF != 0xC0 || len(d) != 13 || !slices.Equal(d[7:], s.from[:]) {
		return ErrUnknown
	}
	scale, model := 10.0, "TZC4"
	switch d[6] {
	case 0x20, 0x21:
	case 0x24, 0x25:
		scale, model = 100, "QJ-J"
	default:
		return ErrUnknown
	}
	s.is("Xiaogui", model)
	s.out.ID = int64(m.Company&0xFF00) | int64(d[6])
	stable := d[6]&1 != 0
	s.weighs(float64(be.Uint16(d))/scale, stable, false)
	if stable {
		s.num("impedance", float64(be.Uint16(d[2:]))/10)
	}
	return nil
}

// senssun reads a scale whose address stands before the weight.
func senssun(s *said, m Maker) error {
	be := binary.BigEndian
	d := m.Data
	if m.Company != 0x0100 || len(d) != 17 || !slices.Equal(d[3:9], s.from[:]) {
		return ErrUnknown
	}
	s.is("Senssun", "Senssun scale")
	s.data = d
	s.sum()
	stable := d[14]&0xA0 == 0xA0
	s.weighs(float64(be.Uint16(d[10:]))/100, stable, false)
	if stable {
		s.num("impedance", float64(be.Uint16(d[12:])))
	}
	return nil
}

// sonoffMask is what Sonoff's remote controls mix into their packets, beside a byte that they tell.
var sonoffMask = [...]byte{0x0F, 0x39, 0xBE, 0x5F, 0x27, 0x05, 0xBE}

var sonoffButtons = map[byte][]string{
	0x46: {"left", "middle", "right"},
	0x47: {"top-left", "top-middle", "top-right", "bottom-left", "bottom-middle", "bottom-right"},
}

// sonoff reads remote controls R5 and S-MATE. All of them have the address 66:55:44:33:22:11 and tell their own inside:
// which it is, is the serial number. They put their data into a structure for 32-bit UUIDs.
func sonoff(s *said) error {
	b := s.fields.Short
	if len(b) < 23 || string(b[:4]) != "\xFF\xFF\xEE\x1B" {
		return ErrUnknown
	}
	buttons := sonoffButtons[b[8]]
	s.is("Sonoff", map[byte]string{0x46: "S-MATE", 0x47: "R5"}[b[8]])
	if buttons == nil {
		return errNoForm
	}
	s.out.Serial = fmt.Sprintf("%x", b[11:15])
	s.out.Seldom = true
	var plain [7]byte
	for i := range plain {
		plain[i] = b[16+i] ^ b[15] ^ sonoffMask[i]
	}
	if int(plain[1]) >= len(buttons) || plain[2] > 2 {
		return ErrMisfit
	}
	s.out.ID = int64(binary.BigEndian.Uint32(plain[3:]))
	s.event("button-"+buttons[plain[1]], [...]string{"press", "double press", "long press"}[plain[2]])
	return nil
}
