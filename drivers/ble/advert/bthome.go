package advert

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

// BTHome, an open form for sensors that people and makers build: https://bthome.io/format (version 2) and
// https://bthome.io/v1 (version 1), both with their encryption and its worked examples.

func init() {
	ofService[0xFCD2] = bthome2
	ofService[0x181C] = bthome1       // User Data, as version 1 misuses it
	ofService[0x181E] = bthome1Sealed // Bond Management
}

// object is a kind of quantity in BTHome: how it is sent, and what it is.
type object struct {
	channel string
	size    int     // bytes; 0 where a byte of length comes first
	signed  bool    //
	scale   float64 // what one is divided by; 0 for a flag
	factor  float64 // what one is multiplied with; 0 for 1
}

// objects are those of the tables of https://bthome.io/format: sensor data, binary sensor data, events, device
// information, miscellaneous.
var objects = map[byte]object{
	0x01: {"battery", 1, false, 1, 0},
	0x02: {"temperature", 2, true, 100, 0},
	0x03: {"humidity", 2, false, 100, 0},
	0x04: {"pressure", 3, false, 100, 0},
	0x05: {"illuminance", 3, false, 100, 0},
	0x06: {"weight", 2, false, 100, 0},
	0x07: {"weight", 2, false, 100, 0.45359237}, // lb
	0x08: {"dew-point", 2, true, 100, 0},
	0x09: {"count", 1, false, 1, 0},
	0x0A: {"energy", 3, false, 1000, 0},
	0x0B: {"power", 3, false, 100, 0},
	0x0C: {"voltage", 2, false, 1000, 0},
	0x0D: {"pm2-5", 2, false, 1, 0},
	0x0E: {"pm10", 2, false, 1, 0},
	0x0F: {"binary", 1, false, 0, 0},
	0x10: {"switch", 1, false, 0, 0},
	0x11: {"opening", 1, false, 0, 0},
	0x12: {"co2", 2, false, 1, 0},
	0x13: {"tvoc", 2, false, 1, 0},
	0x14: {"moisture", 2, false, 100, 0},
	0x15: {"battery-low", 1, false, 0, 0},
	0x16: {"battery-charging", 1, false, 0, 0},
	0x17: {"carbon-monoxide", 1, false, 0, 0},
	0x18: {"cold", 1, false, 0, 0},
	0x19: {"connectivity", 1, false, 0, 0},
	0x1A: {"door", 1, false, 0, 0},
	0x1B: {"garage-door", 1, false, 0, 0},
	0x1C: {"gas-detected", 1, false, 0, 0},
	0x1D: {"heat", 1, false, 0, 0},
	0x1E: {"light", 1, false, 0, 0},
	0x1F: {"lock", 1, false, 0, 0},
	0x20: {"moisture-detected", 1, false, 0, 0},
	0x21: {"motion", 1, false, 0, 0},
	0x22: {"moving", 1, false, 0, 0},
	0x23: {"occupancy", 1, false, 0, 0},
	0x24: {"plug", 1, false, 0, 0},
	0x25: {"presence", 1, false, 0, 0},
	0x26: {"problem", 1, false, 0, 0},
	0x27: {"running", 1, false, 0, 0},
	0x28: {"safety", 1, false, 0, 0},
	0x29: {"smoke", 1, false, 0, 0},
	0x2A: {"sound", 1, false, 0, 0},
	0x2B: {"tamper", 1, false, 0, 0},
	0x2C: {"vibration", 1, false, 0, 0},
	0x2D: {"window", 1, false, 0, 0},
	0x2E: {"humidity", 1, false, 1, 0},
	0x2F: {"moisture", 1, false, 1, 0},
	0x3D: {"count", 2, false, 1, 0},
	0x3E: {"count", 4, false, 1, 0},
	0x3F: {"rotation", 2, true, 10, 0},
	0x40: {"distance", 2, false, 1000, 0}, // mm
	0x41: {"distance", 2, false, 10, 0},   // m
	0x42: {"duration", 3, false, 1000, 0},
	0x43: {"current", 2, false, 1000, 0},
	0x44: {"speed", 2, false, 100, 0},
	0x45: {"temperature", 2, true, 10, 0},
	0x46: {"uv-index", 1, false, 10, 0},
	0x47: {"volume", 2, false, 10, 0},
	0x48: {"volume", 2, false, 1000, 0}, // mL
	0x49: {"flow", 2, false, 1000, 0},
	0x4A: {"voltage", 2, false, 10, 0},
	0x4B: {"gas", 3, false, 1000, 0},
	0x4C: {"gas", 4, false, 1000, 0},
	0x4D: {"energy", 4, false, 1000, 0},
	0x4E: {"volume", 4, false, 1000, 0},
	0x4F: {"water", 4, false, 1000, 0},
	0x51: {"acceleration", 2, false, 1000, 0},
	0x52: {"gyroscope", 2, false, 1000, 0},
	0x55: {"volume-stored", 4, false, 1000, 0},
	0x56: {"conductivity", 2, false, 1, 0},
	0x57: {"temperature", 1, true, 1, 0},
	0x58: {"temperature", 1, true, 100, 35}, // steps of 0.35 °C
	0x59: {"count", 1, true, 1, 0},
	0x5A: {"count", 2, true, 1, 0},
	0x5B: {"count", 4, true, 1, 0},
	0x5C: {"power", 4, true, 100, 0},
	0x5D: {"current", 2, true, 1000, 0},
	0x5E: {"direction", 2, false, 100, 0},
	0x5F: {"precipitation", 2, false, 10, 0},
	0x61: {"rotations", 2, false, 1, 0},
	0x62: {"speed", 4, true, 1e6, 0},
	0x63: {"acceleration", 4, true, 1e6, 0},
	0x64: {"light-level", 1, false, 1, 0},
}

// The objects that are no quantity.
const (
	bthPacketID  = 0x00
	bthButton    = 0x3A
	bthDimmer    = 0x3C
	bthTime      = 0x50
	bthText      = 0x53
	bthRaw       = 0x54
	bthChannel   = 0x60
	bthDevice    = 0xF0
	bthFirmware4 = 0xF1
	bthFirmware3 = 0xF2
)

// sizes are their lengths; 0 where a byte of length comes first.
var sizes = map[byte]int{
	bthPacketID: 1, bthButton: 1, bthDimmer: 2, bthTime: 4, bthText: 0, bthRaw: 0, bthChannel: 1,
	bthDevice: 2, bthFirmware4: 4, bthFirmware3: 3,
}

var presses = map[byte]string{
	0x01: "press", 0x02: "double press", 0x03: "triple press", 0x04: "long press", 0x05: "long double press",
	0x06: "long triple press", 0x80: "hold press",
}

// bthome2 reads version 2: a byte with bit 0 for encryption, bit 2 for a device that sends when something happens and
// bits 5 to 7 for the version, and the objects.
func bthome2(s *said) error {
	s.is("BTHome", "BTHome v2")
	if len(s.data) == 0 || s.data[0]>>5 != 2 {
		return ErrMisfit
	}
	s.out.Seldom = s.data[0]&4 != 0
	body := s.data[1:]
	if s.data[0]&1 != 0 {
		if len(body) < 8 {
			return ErrMisfit
		}
		// Nonce: address, UUID, the byte before, counter.
		end := len(body) - 8
		count, mic := body[end:end+4], body[end+4:]
		nonce := append(append(s.from[:len(s.from):len(s.from)], 0xD2, 0xFC, s.data[0]), count...)
		plain, err := s.unseal(nonce, join(body[:end], mic), nil)
		if err != nil {
			return err
		}
		s.out.Count = int64(binary.LittleEndian.Uint32(count))
		body = plain
	}
	for len(body) > 0 {
		id := body[0]
		size, known := sizes[id]
		if !known {
			o, ok := objects[id]
			if !ok {
				if len(s.out.Measures) == 0 {
					return ErrMisfit
				}
				return nil // of a later version: its length is not known, so that what follows cannot be found
			}
			size = o.size
		}
		body = body[1:]
		if size == 0 {
			if len(body) == 0 {
				return ErrMisfit
			}
			size, body = int(body[0]), body[1:]
		}
		if size > len(body) {
			return ErrMisfit
		}
		s.object(id, body[:size], objects[id].signed)
		body = body[size:]
	}
	return nil
}

// bthome1Sealed reads the encrypted version 1.
func bthome1Sealed(s *said) error {
	s.is("BTHome", "BTHome v1")
	if len(s.data) < 8 {
		return ErrMisfit
	}
	end := len(s.data) - 8
	count, mic := s.data[end:end+4], s.data[end+4:]
	nonce := append(append(s.from[:len(s.from):len(s.from)], 0x1E, 0x18), count...)
	plain, err := s.unseal(nonce, join(s.data[:end], mic), []byte{0x11})
	if err != nil {
		return err
	}
	s.out.Count = int64(binary.LittleEndian.Uint32(count))
	s.data = plain
	return bthome1(s)
}

// bthome1 reads version 1: each object has a byte with its length in bits 0 to 4, the number of its kind included, and
// in bits 5 to 7 its form: 0 unsigned, 1 signed, 2 floating point, 3 text, 4 the address of the sender.
func bthome1(s *said) error {
	s.is("BTHome", "BTHome v1")
	for b := s.data; len(b) > 0; {
		size, form := int(b[0]&31), b[0]>>5
		if size == 0 || 1+size > len(b) {
			return ErrMisfit
		}
		id, value := b[1], b[2:1+size]
		b = b[1+size:]
		switch {
		case form == 4 || size == 1:
		case form == 3:
			s.object(bthText, value, false)
		case form == 2:
			if f, ok := floating(value); ok {
				if o, ok := objects[id]; ok {
					s.quantity(o, f)
				}
			}
		default:
			s.object(id, value, form == 1)
		}
	}
	return nil
}

// floating is an IEEE 754 number of 2, 4 or 8 bytes.
func floating(b []byte) (float64, bool) {
	switch len(b) {
	case 2:
		return half(binary.LittleEndian.Uint16(b)), true
	case 4:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(b))), true
	case 8:
		return math.Float64frombits(binary.LittleEndian.Uint64(b)), true
	}
	return 0, false
}

// half is a number of IEEE 754 in 16 bits.
func half(h uint16) float64 {
	sign, exponent, fraction := 1-2*float64(h>>15), int(h>>10&31), float64(h&0x3FF)
	switch exponent {
	case 0:
		return sign * math.Ldexp(fraction, -24)
	case 31:
		return math.NaN()
	}
	return sign * math.Ldexp(1024+fraction, exponent-25)
}

// object takes one object.
func (s *said) object(id byte, b []byte, signed bool) {
	switch id {
	case bthPacketID:
		s.out.ID = int64(b[0])
	case bthButton:
		if what := presses[b[0]]; what != "" {
			s.event("button", what)
		} else if b[0] == 0 {
			s.idle("button")
		}
	case bthDimmer:
		if len(b) < 2 {
			return
		}
		way := map[byte]string{1: "rotate left", 2: "rotate right"}[b[0]]
		if way != "" {
			s.event("dimmer", way+" "+strconv.Itoa(int(b[1])))
		} else {
			s.idle("dimmer")
		}
	case bthTime:
		if len(b) == 4 {
			s.text("time", time.Unix(int64(binary.LittleEndian.Uint32(b)), 0).UTC().Format(time.RFC3339))
		}
	case bthText:
		if utf8.Valid(b) {
			s.text("text", visible(string(b)))
		} else {
			s.none("text", "it is no text in UTF-8")
		}
	case bthRaw:
		s.text("raw", hex.EncodeToString(b))
	case bthDevice, bthFirmware3, bthFirmware4, bthChannel:
		// Which device, its firmware, and which channel of it: nothing that is measured.
	default:
		if o, ok := objects[id]; ok && len(b) <= 8 {
			s.quantity(o, whole(b, signed))
		}
	}
}

// idle is a place in the order of several buttons: nothing happened there, and the next counts on.
func (s *said) idle(channel string) {
	s.none(channel, "")
	s.out.Measures[len(s.out.Measures)-1].Event = true
}

func (s *said) quantity(o object, v float64) {
	switch {
	case o.scale == 0:
		s.flag(o.channel, v != 0)
	case o.channel == "battery":
		s.battery(int(v))
	case o.factor != 0:
		s.num(o.channel, v*o.factor/o.scale)
	default:
		s.num(o.channel, v/o.scale)
	}
}

// whole is a number of one to eight bytes, the lowest first.
func whole(b []byte, signed bool) float64 {
	var n uint64
	for i, c := range b {
		n |= uint64(c) << (8 * i)
	}
	if shift := 64 - 8*len(b); signed && len(b) > 0 {
		return float64(int64(n<<shift) >> shift)
	}
	return float64(n)
}

func join(a, b []byte) []byte { return append(a[:len(a):len(a)], b...) }
