package advert

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strings"
)

// Beacons and trackers, some of which measure something.

func init() {
	ofCompany[0x004C] = apple
	ofCompany[0x094F] = mikrotik
	ofCompany[0x0757] = elaPuck
	ofCompany[0x089A] = teltonika
	ofCompany[0xACC0] = acconeer
	ofService[0x2A6E] = elaTemperature
	ofService[0x2A6F] = elaHumidity
	ofService[0x5242] = holyIOT
	ofService[0xFD50] = hhcc
	ofNobody = append(ofNobody, iNode, altBeacon)
}

// tilts are the colours of Tilt hydrometers, by the digit in their UUID: https://tilthydrometer.com, on the format of
// their iBeacon.
var tilts = [...]string{1: "Red", "Green", "Black", "Purple", "Orange", "Blue", "Yellow", "Pink"}

// apple reads an iBeacon ("Proximity Beacon Specification", Release R1), and what others put into that form.
func apple(s *said) error {
	be := binary.BigEndian
	d := s.data
	if len(d) < 23 || d[0] != 0x02 || d[1] != 0x15 {
		return ErrUnknown
	}
	id := hex.EncodeToString(d[2:18])
	major, minor := be.Uint16(d[18:]), be.Uint16(d[20:])
	switch {
	case strings.HasPrefix(id, "494e54454c4c49"): // "INTELLI_ROCKS…", beside what Govee has to say
		return ErrUnknown
	case len(d) == 24 && id == "ebefd08370a247c89837e7b5634df525":
		s.is("Jaalee", "JHT")
		s.sht(major, minor)
		s.battery(int(d[23]))
	case strings.HasPrefix(id, "a495bb") && id[7:] == "0c5b14b44b5121370f02d74de" && id[6] >= '1' && id[6] <= '8':
		s.is("Tilt", "Tilt "+tilts[id[6]-'0'])
		f, g := float64(major), float64(minor)/1000
		if minor >= 5000 { // a Tilt Pro has a digit more of both
			f, g = f/10, g/10
		}
		s.num("temperature", (f-32)*5/9)
		s.num("gravity", g)
	default:
		s.is("iBeacon", "iBeacon")
		s.out.Serial = id
		s.beacon(major, minor, d[22])
	}
	return nil
}

// beacon is the place that a beacon stands for, and how strong it is at one metre.
func (s *said) beacon(major, minor uint16, power byte) {
	s.num("major", float64(major))
	s.num("minor", float64(minor))
	s.num("measured-power", float64(int8(power)))
}

// altBeacon reads an AltBeacon (https://github.com/AltBeacon/spec, v1.0), whichever company it is of.
func altBeacon(s *said, m Maker) error {
	d := m.Data
	if len(d) != 24 || d[0] != 0xBE || d[1] != 0xAC {
		return ErrUnknown
	}
	s.is("AltBeacon", "AltBeacon")
	s.out.Serial = hex.EncodeToString(d[2:18])
	s.beacon(binary.BigEndian.Uint16(d[18:]), binary.BigEndian.Uint16(d[20:]), d[22])
	return nil
}

// mikrotik reads TG-BT5: https://help.mikrotik.com, "Bluetooth tag advertisements". Numbers of 8.8 bits are signed;
// acceleration is in g.
func mikrotik(s *said) error {
	le := binary.LittleEndian
	d := s.data
	if len(d) != 18 {
		return ErrUnknown
	}
	s.is("MikroTik", "TG-BT5")
	if d[1]&1 != 0 {
		return fmt.Errorf("a MikroTik tag that is set to encrypt is not read here: %w", ErrMisfit)
	}
	for i, axis := range []string{"x", "y", "z"} {
		s.num("acceleration-"+axis, float64(int16(le.Uint16(d[4+2*i:])))/256*gravity)
	}
	t := int(int16(le.Uint16(d[10:])))
	if t != -0x8000 { // the model for indoors has no thermometer
		s.num("temperature", float64(t)/256)
	}
	s.num("uptime", float64(le.Uint32(d[12:])))
	flags := d[16]
	s.flag("switch", flags&1 != 0)
	s.flag("tilt", flags&2 != 0)
	s.flag("dropping", flags&4 != 0)
	s.flag("impact", flags&0x38 != 0)
	for i, axis := range []string{"x", "y", "z"} {
		s.flag("impact-"+axis, flags&(8<<i) != 0)
	}
	s.battery(int(d[17]))
	return nil
}

// elaPuck reads ELA's Blue Pucks and Coins, which Teltonika sells, too: a type and its value.
func elaPuck(s *said) error {
	d := s.data
	s.is("ELA", "Blue Puck")
	switch {
	case len(d) == 3 && d[0] == 0x12:
		s.num("temperature", float64(int16(binary.LittleEndian.Uint16(d[1:])))/100)
	case len(d) == 5 && d[0] == 0x21:
		s.num("humidity", float64(d[1]))
		s.num("temperature", float64(int16(binary.LittleEndian.Uint16(d[3:])))/100)
	case len(d) == 2 && d[0] == 0xF1:
		s.battery(int(d[1]))
	default:
		return errNoForm
	}
	return nil
}

// elaTemperature and elaHumidity read service data of what are characteristics elsewhere (Assigned Numbers, 3.8.1:
// 0x2A6E, in hundredths of a degree).
func elaTemperature(s *said) error {
	if len(s.data) != 2 {
		return ErrUnknown
	}
	s.is("ELA", "Blue Puck or Coin")
	s.num("temperature", float64(int16(binary.LittleEndian.Uint16(s.data)))/100)
	return nil
}

func elaHumidity(s *said) error {
	if len(s.data) != 1 {
		return ErrUnknown
	}
	s.is("ELA", "Blue Puck or Coin")
	s.num("humidity", float64(s.data[0]))
	return nil
}

// teltonika reads EYE sensors (https://wiki.teltonika-gps.com, "EYE Sensor BTSMP1", protocol description): a version,
// flags that say what follows, and that.
func teltonika(s *said) error {
	be := binary.BigEndian
	d := s.data
	if len(d) < 2 || d[0] != 1 {
		return ErrUnknown
	}
	s.is("Teltonika", "EYE")
	flags, d := d[1], d[2:]
	take := func(bit, n int) []byte {
		if flags&(1<<bit) == 0 || len(d) < n {
			return nil
		}
		v := d[:n]
		d = d[n:]
		return v
	}
	need := 0
	for bit, n := range map[int]int{0: 2, 1: 1, 4: 2, 5: 3, 7: 1} {
		if flags&(1<<bit) != 0 {
			need += n
		}
	}
	if len(d) < need {
		return ErrMisfit
	}
	if v := take(0, 2); v != nil {
		s.num("temperature", float64(int16(be.Uint16(v)))/100)
	}
	if v := take(1, 1); v != nil {
		s.num("humidity", float64(v[0]))
	}
	if flags&(1<<2) != 0 {
		s.flag("magnet", flags&(1<<3) != 0)
	}
	if v := take(4, 2); v != nil {
		s.flag("moving", v[0]&0x80 != 0)
		s.num("movements", float64(be.Uint16(v)&0x7FFF))
	}
	if v := take(5, 3); v != nil {
		s.num("pitch", float64(int8(v[0])))
		s.num("roll", float64(int16(be.Uint16(v[1:]))))
	}
	s.flag("battery-low", flags&(1<<6) != 0)
	if v := take(7, 1); v != nil {
		s.num("voltage", 2+float64(v[0])/100)
	}
	return nil
}

// acconeer reads radars that tell presence, or a distance in mm.
func acconeer(s *said) error {
	le := binary.LittleEndian
	d := s.data
	if len(d) != 15 {
		return ErrUnknown
	}
	model := map[byte]string{0x80: "XM122", 0x90: "XM126", 0x91: "XM126"}[d[0]]
	s.is("Acconeer", model)
	if model == "" {
		return errNoForm
	}
	s.battery(int(le.Uint16(d[1:])))
	s.num("temperature", float64(int16(le.Uint16(d[3:]))))
	if v := le.Uint16(d[5:]); d[0] == 0x90 {
		s.num("distance", float64(v)/1000)
	} else {
		s.flag("motion", v != 0)
	}
	return nil
}

// holyIOT reads a tracker: charge, its address, which quantity, and that.
func holyIOT(s *said) error {
	d := s.data
	if len(d) != 13 {
		return ErrUnknown
	}
	s.is("HolyIOT", "HolyIOT tracker")
	if string(d[2:8]) != string(s.from[:]) {
		return ErrMisfit
	}
	s.battery(int(d[1]))
	switch v := d[11:]; d[10] {
	case 1:
		whole, parts := float64(int8(v[0])), float64(v[1])/100
		s.num("temperature", whole+math.Copysign(parts, whole))
	case 2:
		s.num("pressure", 800+float64(int16(binary.BigEndian.Uint16(v)))/100)
	case 3:
		s.num("humidity", float64(v[0]))
	case 4:
		s.flag("vibration", v[0] != 0)
	case 5:
		s.num("side", float64(v[0]))
	case 6:
		if v[0] == 1 {
			s.event("button", "press")
		}
	}
	return nil
}

// hhcc reads a plant sensor HHCCJCY10: moisture, temperature, light, charge, conductivity.
func hhcc(s *said) error {
	d := s.data
	if len(d) != 9 {
		return ErrUnknown
	}
	s.is("HHCC", "HHCCJCY10")
	s.num("moisture", float64(d[0]))
	s.num("temperature", float64(int16(binary.BigEndian.Uint16(d[1:])))/10)
	s.num("illuminance", float64(be24(d[3:])))
	s.battery(int(d[6]))
	s.num("conductivity", float64(binary.BigEndian.Uint16(d[7:])))
	return nil
}

// iNode reads care sensors and energy meters (https://inode.pl): the product is the second byte of what stands for a
// company.
func iNode(s *said, m Maker) error {
	le := binary.LittleEndian
	d, product := m.Data, byte(m.Company>>8)
	if m.Company&0x0F != 0 {
		return ErrUnknown
	}
	switch {
	case product == 0x82 && len(d) == 11:
		s.is("iNode", "energy meter")
		options := le.Uint16(d[6:])
		pulses := float64(options & 0x3FFF)
		if options>>14 != 0 {
			return fmt.Errorf("it counts something else than kWh: %w", ErrMisfit)
		}
		if pulses == 0 {
			pulses = 100
		}
		s.num("power", 60000*float64(le.Uint16(d))/pulses)
		s.num("energy", float64(le.Uint32(d[2:]))/pulses)
		s.iNodeBattery(d[8] >> 4)
	case len(d) == 22 && (product == 0x9A || product == 0x9B || product == 0x9C || product == 0x9D):
		s.is("iNode", "care sensor "+map[byte]string{0x9A: "T", 0x9B: "HT", 0x9C: "PT", 0x9D: "PHT"}[product])
		p, t, h := le.Uint16(d[4:]), le.Uint16(d[6:]), le.Uint16(d[8:])
		switch product {
		case 0x9A: // 13 bits in sixteenths
			s.num("temperature", float64(int16(t<<3)>>3)/16)
		case 0x9C:
			s.num("temperature", 42.5+float64(int16(t))/480)
		default:
			s.num("temperature", 175.72*float64(t)*4/65536-46.85)
			s.num("humidity", 125*float64(h)*4/65536-6)
		}
		if product >= 0x9C {
			s.num("pressure", float64(p)/16)
		}
		s.iNodeBattery(d[1] >> 4)
	default:
		return ErrUnknown
	}
	return nil
}

// iNodeBattery is the charge in tenths, from which the device's own program computes the voltage.
func (s *said) iNodeBattery(n byte) {
	charge := 100
	if n != 1 {
		charge = 10 * (int(min(n, 11)) - 1)
	}
	if charge < 0 {
		s.none("battery", "the device says that it has no value")
		return
	}
	s.battery(charge)
	s.num("voltage", float64(charge-10)*1.2/100+1.8)
}
