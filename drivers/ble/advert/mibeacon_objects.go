package advert

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// Objects of MiBeacon that are a number or a flag at its begin. What they mean is in Xiaomi's protocol for kinds below
// 0x1FFF; above, each product has its own, in the product's page at home.miot-spec.com.
var miPlain = map[uint16]object{
	0x0003: {"motion", 1, false, 0, 0},
	0x000A: {"temperature", 2, true, 100, 0},
	0x1004: {"temperature", 2, true, 10, 0},
	0x1006: {"humidity", 2, false, 10, 0},
	0x1007: {"illuminance", 3, false, 1, 0},
	0x1008: {"moisture", 1, false, 1, 0},
	0x1009: {"conductivity", 2, false, 1, 0},
	0x100A: {"battery", 1, false, 1, 0},
	0x1010: {"formaldehyde", 2, false, 100, 0},
	0x1012: {"switch", 1, false, 0, 0},
	0x1013: {"consumable", 1, false, 1, 0},
	0x1014: {"moisture-detected", 1, false, 0, 0},
	0x1015: {"smoke", 1, false, 0, 0},
	0x1018: {"light", 1, false, 0, 0},
	0x4802: {"humidity", 1, false, 1, 0},
	0x4803: {"battery", 1, false, 1, 0},
	0x4806: {"moisture-detected", 1, false, 0, 0},
	0x4811: {"snoring", 1, false, 0, 0},
	0x4850: {"duration", 1, false, 1, 60},
	0x4A01: {"battery-low", 1, false, 0, 0},
	0x4C02: {"humidity", 1, false, 1, 0},
	0x4C03: {"battery", 1, false, 1, 0},
	0x4E01: {"battery-low", 1, false, 0, 0},
	0x5003: {"battery", 1, false, 1, 0},
	0x5011: {"snoring", 1, false, 0, 0},
	0x5403: {"battery", 1, false, 1, 0},
	0x5601: {"battery-low", 1, false, 0, 0},
	0x6012: {"humidity", 1, false, 1, 0},
	0x605D: {"temperature", 1, true, 1, 0},
}

// miFloats are objects that are a number of IEEE 754 in 32 bits.
var miFloats = map[uint16]string{
	0x4801: "temperature", 0x4805: "illuminance", 0x4808: "humidity", 0x4C01: "temperature", 0x4C08: "humidity",
}

// miOthers are objects that are read by themselves.
var miOthers = []uint16{
	0x0006, 0x0007, 0x0008, 0x000B, 0x000F, 0x0010, 0x1001, 0x1005, 0x100D, 0x1017, 0x1019, 0x101B, 0x2000, 0x3003,
	0x4804, 0x4810, 0x4818, 0x484E, 0x484F, 0x4A08, 0x4A0C, 0x4A0D, 0x4A0E, 0x4A0F, 0x4A12, 0x4A13, 0x4A1A, 0x4E0C,
	0x4E0D, 0x4E0E, 0x4E16, 0x4E17, 0x5010, 0x560C, 0x560D, 0x560E, 0x5A16, 0x6E16,
}

// miKnows tells whether a kind of object is read.
func miKnows(kind uint16) bool {
	_, plain := miPlain[kind]
	return plain || miFloats[kind] != "" || slices.Contains(miOthers, kind)
}

// miObject reads an object of a length that its kind has, and leaves others alone.
func (s *said) miObject(product, kind uint16, b []byte) {
	if o, ok := miPlain[kind]; ok {
		switch {
		case len(b) != o.size:
		case kind == 0x000A && b[0] == 0 && b[1] == 0: // a thermometer of the body that was not used
		default:
			s.quantity(o, whole(b, o.signed))
		}
		return
	}
	if channel := miFloats[kind]; channel != "" {
		if v, ok := miFloat(b); ok {
			s.num(channel, v)
		}
		return
	}
	if kind>>8 == 0x4A || kind>>8 == 0x4E || kind>>8 == 0x56 {
		if press := miPresses[byte(kind)]; press != "" {
			s.miPress(product, press, b)
			return
		}
	}
	if len(b) == 0 {
		return
	}
	n := whole(b[:min(len(b), 8)], false)
	switch kind {
	case 0x0007:
		s.miDoor(b[0])
	case 0x0008:
		s.flag("armed-away", b[0] == 0)
	case 0x0006:
		if len(b) == 5 {
			s.flag("fingerprint", b[4] == 0)
		}
	case 0x000B:
		s.miLock(b)
	case 0x000F:
		s.miLight(product, b)
	case 0x0010:
		s.flag("toothbrush", b[0] == 0)
		if len(b) > 1 {
			s.num(map[bool]string{true: "count", false: "score"}[b[0] == 0], float64(b[1]))
		}
	case 0x1001:
		if len(b) == 3 {
			s.miButton(product, b[0], b[1], b[2])
		}
	case 0x1005:
		if len(b) == 2 {
			s.flag("switch", b[0] != 0)
			s.num("temperature", float64(b[1]))
		}
	case 0x100D:
		if len(b) == 4 {
			s.num("temperature", float64(int16(binary.LittleEndian.Uint16(b)))/10)
			s.num("humidity", float64(binary.LittleEndian.Uint16(b[2:]))/10)
		}
	case 0x1017, 0x101B, 0x4818:
		s.flag("motion", n == 0)
		s.num("no-motion-time", n)
	case 0x484F:
		s.flag("motion", n == 0)
		s.num("no-motion-time", n*60)
	case 0x1019:
		if b[0] <= 3 {
			s.flag("opening", b[0] != 1)
			s.text("state", [...]string{"open", "closed", "left open", "reset"}[b[0]])
		}
	case 0x2000:
		s.miBody(b)
	case 0x3003: // begin or end of brushing, its time, and at the end how well
		if len(b) >= 5 && b[0] < 2 {
			s.flag("toothbrush", b[0] == 0)
			if len(b) > 5 {
				s.num("score", float64(b[5]))
			}
		}
	case 0x4804, 0x4A12:
		if b[0] == 1 || b[0] == 2 {
			s.flag("opening", b[0] == 1)
		}
	case 0x4810, 0x5010:
		if b[0] < 2 {
			s.flag("sleeping", b[0] == 1)
		} else if b[0] == 2 {
			s.event("button", "double press")
		}
	case 0x484E:
		if product == 0x50FB || product == 0x4683 { // ES3, XMOSB01XS: somebody is there
			s.flag("occupancy", b[0] != 0)
		} else if b[0] != 0 { // the others say by another object that nobody moves
			s.flag("motion", true)
		}
	case 0x4A08:
		if v, ok := miFloat(b); ok {
			s.flag("motion", true)
			s.num("illuminance", v)
		}
	case 0x4A0F, 0x4A1A:
		if b[0] == 1 {
			s.flag("opening", true)
			s.text("state", map[uint16]string{0x4A0F: "forced open", 0x4A1A: "left open"}[kind])
		}
	case 0x4A13:
		if b[0] == 1 {
			s.event("button", "press")
		}
	case 0x4E16, 0x4E17:
		if b[0] == 1 {
			s.flag("bed-occupancy", kind == 0x4E16)
		}
	case 0x5A16:
		switch b[0] {
		case 1, 2:
			s.flag("bed-occupancy", b[0] == 1)
		case 3:
			s.event("button", "double press")
		}
	case 0x6E16:
		s.miScale(b)
	}
}

func miFloat(b []byte) (float64, bool) {
	if len(b) != 4 {
		return 0, false
	}
	return float64(math.Float32frombits(binary.LittleEndian.Uint32(b))), true
}

// miPresses are how a button was pressed, by the low byte of the kind.
var miPresses = map[byte]string{0x0C: "press", 0x0D: "double press", 0x0E: "long press"}

// miPress is a press of one of several buttons. Where the value is the number of the button it is that; K9BB has one,
// whose value says how it was pressed.
func (s *said) miPress(product uint16, press string, b []byte) {
	n := byte(0)
	if len(b) > 0 {
		n = b[0]
	}
	switch miModels[product] {
	case "XMWXKG01YL":
		if n&1 != 0 {
			s.event("button-left", press)
		}
		if n&2 != 0 {
			s.event("button-right", press)
		}
	case "K9BB-1BTN":
		if p := map[byte]string{1: "press", 8: "long press", 15: "double press"}[n]; p != "" {
			s.event("button", p)
		}
	case "PTX-F1-Display", "KS1", "KS1BP":
		if n >= 1 && n <= 4 {
			s.event(fmt.Sprintf("button-%d", n), press)
		}
	default:
		s.event("button", press)
	}
}

func (s *said) miDoor(b byte) {
	if b > 5 {
		return
	}
	s.flag("door", b == 0 || b == 2 || b == 4)
	s.event("door-action", [...]string{"opened", "closed", "left open", "knock", "forced open", "stuck"}[b])
}

// miLight is movement with light: how much, or whether there is.
func (s *said) miLight(product uint16, b []byte) {
	if len(b) != 3 {
		return
	}
	s.flag("motion", true)
	n := whole(b, false)
	switch miModels[product] {
	case "MJYD02YL", "RTCGQ02LM":
		s.flag("light", n >= 100)
	case "CGPR1":
		s.num("illuminance", n)
	}
}

// miButton is object 0x1001: which button, a value, how it was pressed. A dimmer turns by the value.
func (s *said) miButton(product uint16, which, value, press byte) {
	how := map[byte]string{0: "press", 1: "double press", 2: "long press", 5: "short press", 6: "long press"}[press]
	name := miModels[product]
	switch name {
	case "YLKG07YL/YLKG08YL":
		if what := turn(which, value, press); what != "" {
			s.event("dimmer", what)
			return
		}
		if how != "" {
			s.event("dimmer", how)
		}
		return
	case "K9B-1BTN", "K9B-2BTN", "K9B-3BTN": // switches for lamps, on which 1 is long and 2 is double
		how = map[byte]string{0: "press", 1: "long press", 2: "double press"}[press]
	}
	if how == "" {
		return
	}
	channels := []string{"button"}
	switch {
	case name == "XMMF01JQD": // a cube
		how = map[byte]string{0: "right", 1: "left"}[which]
	case name == "K9B-2BTN" && which <= 2:
		channels = [][]string{{"button-left"}, {"button-right"}, {"button-left", "button-right"}}[which]
	case name == "K9B-3BTN" && which <= 6:
		const l, m, r = "button-left", "button-middle", "button-right"
		channels = [][]string{{l}, {m}, {r}, {l, m}, {m, r}, {l, r}, {l, m, r}}[which]
	case (name == "YLYK01YL" || name == "YLYK01YL-FANCL") && which <= 5:
		channels[0] += "-" + [...]string{"on", "off", "sun", "plus", "m", "minus"}[which]
	case name == "YLYK01YL-VENFAN" || name == "YLYB01YL-BHFRC":
		channels[0] += fmt.Sprintf("-%d", which+1)
	}
	if how == "" {
		return
	}
	for _, c := range channels {
		s.event(c, how)
	}
}

// turn is what was done with a dimmer: pressed some times, or turned by some steps, pressed or not.
func turn(which, value, press byte) string {
	switch {
	case press == 3 && which == 0:
		return fmt.Sprintf("short press %d", value)
	case press == 3 && which == 1:
		return fmt.Sprintf("long press %d", value)
	case press == 4 && which == 0:
		return turned8("rotate", value)
	case press == 4:
		return turned8("rotate pressed", which)
	}
	return ""
}

func turned8(what string, steps byte) string {
	if steps > 127 {
		return fmt.Sprintf("%s left %d", what, 256-int(steps))
	}
	return fmt.Sprintf("%s right %d", what, steps)
}

// lockActions are what a lock does, and whether it is open then.
var lockActions = map[byte]struct {
	channel string
	open    bool
	what    string
}{
	0x0: {"lock", true, "unlocked outside"}, 0x1: {"lock", false, "locked"}, 0x2: {"anti-lock", false, "anti-lock on"},
	0x3: {"anti-lock", true, "anti-lock off"}, 0x4: {"lock", true, "unlocked inside"}, 0x5: {"lock", false, "locked inside"},
	0x6: {"child-lock", false, "child lock on"}, 0x7: {"child-lock", true, "child lock off"},
	0x8: {"lock", false, "locked outside"}, 0xF: {"lock", true, "abnormal"},
}

var lockMethods = map[byte]string{
	0x0: "bluetooth", 0x1: "password", 0x2: "biometrics", 0x3: "key", 0x4: "turntable", 0x5: "nfc",
	0x6: "one-time password", 0x7: "two-step verification", 0x8: "coercion", 0x9: "homekit", 0xA: "manual",
	0xB: "automatic", 0xF: "abnormal",
}

// miLock is object 0x000B: what was done and how, who did it, when. As everywhere here, true is open.
func (s *said) miLock(b []byte) {
	if len(b) != 9 {
		return
	}
	action, known := lockActions[b[0]&0x0F]
	method := lockMethods[b[0]>>4]
	if !known || method == "" {
		return
	}
	channel := "lock"
	if model := s.out.Model; model == "ZNMS17LM" { // others do not tell the kinds of locking apart
		channel = action.channel
	}
	who := binary.LittleEndian.Uint32(b[1:])
	s.flag(channel, action.open)
	s.event("lock-action", action.what)
	s.event("lock-method", method)
	switch {
	case who>>16 == 0xC0DE:
		s.event("lock-error", fmt.Sprintf("0x%08x", who))
	case b[0]>>4 > 0:
		s.event("lock-key", fmt.Sprint(who&0xFFFF))
	default:
		s.event("lock-key", fmt.Sprint(who))
	}
}

// miBody is object 0x2000: temperatures of the skin and around, charge. The curve for the body's is that of the
// decoders of ble_monitor, who measured it.
func (s *said) miBody(b []byte) {
	if len(b) != 5 {
		return
	}
	skin := float64(int16(binary.LittleEndian.Uint16(b))) / 100
	around := float64(int16(binary.LittleEndian.Uint16(b[2:]))) / 100
	s.num("temperature", 3.71934e-11*math.Exp(0.69314*skin)-1.02801e-8*math.Exp(0.53871*around)+36.413)
	s.battery(int(b[4]))
}

// miScale is object 0x6E16: weight, pulse and impedance in one number.
func (s *said) miScale(b []byte) {
	if len(b) != 9 {
		return
	}
	n := binary.LittleEndian.Uint32(b[1:])
	if kg := n & 0x7FF; kg != 0 {
		s.num("weight", float64(kg)/10)
	}
	if pulse := n >> 11 & 0x7F; pulse > 0 && pulse < 127 {
		s.num("heart-rate", float64(pulse)+50)
	}
	if ohm := n >> 18; ohm != 0 {
		s.num("impedance", float64(ohm)/10)
	}
}
