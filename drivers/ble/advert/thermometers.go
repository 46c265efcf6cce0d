package advert

import (
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
)

// Thermometers and hygrometers whose makers publish no form.

func init() {
	ofService[0xFDCD] = qingping
	ofService[0xFFF9] = qingping
	ofService[0xFD3D] = switchBot
	ofService[0x0D00] = switchBot
	ofService[0xF51C] = jaalee
	ofService[0xF525] = jaalee
	for _, uuid := range []uint16{0xAA20, 0xAA21, 0xAA22} {
		ofService[uuid] = relsibClerk(uuid)
	}
	ofService[0xAAA2] = relsib
	ofCompany[0x0133] = blueMaestro
	ofNobody = append(ofNobody, inkbird, thermoBeacon, thermoPro, mocreo, jinou, sensorPush)
}

var qingpingModels = map[byte]string{
	0x01: "CGG1", 0x04: "CGH1", 0x07: "CGG1", 0x09: "CGP1W", 0x0C: "CGD1", 0x0E: "CGDN1", 0x12: "CGPR1", 0x18: "CGP23W",
	0x24: "CGDN1", 0x33: "CGP22C", 0x5D: "CGP22C",
}

// qingping reads a byte of flags, the product, the address turned, and objects of a kind, a length and a value.
func qingping(s *said) error {
	le := binary.LittleEndian
	d := s.data
	if len(d) < 10 {
		return ErrUnknown
	}
	model := qingpingModels[d[1]]
	s.is("Qingping", model)
	switch {
	case model == "":
		return errNoForm
	case model != "CGDN1" && !slices.Equal(turned(d[2:8]), s.from[:]): // a CGDN1 tells another address than it has
		return ErrMisfit
	}
	s.out.Seldom = model == "CGPR1"
	for d = d[8:]; len(d) >= 2; {
		kind, size := d[0], int(d[1])
		if 2+size > len(d) {
			return ErrMisfit
		}
		v := d[2 : 2+size]
		d = d[2+size:]
		switch {
		case kind == 0x01 && size == 4:
			s.num("temperature", float64(int16(le.Uint16(v)))/10)
			s.num("humidity", float64(le.Uint16(v[2:]))/10)
		case kind == 0x02 && size == 1:
			s.battery(int(v[0]))
		case kind == 0x07 && size == 2:
			s.num("pressure", float64(le.Uint16(v))/10)
		case kind == 0x08 && size == 4:
			s.flag("motion", v[0] != 0)
			s.num("illuminance", whole(v[1:], false))
		case kind == 0x09 && size == 4:
			s.num("illuminance", whole(v, false))
		case kind == 0x0F && size == 1:
			s.out.ID = int64(v[0])
		case kind == 0x11 && size == 1:
			s.flag("light", v[0] != 0)
		case kind == 0x12 && size == 4:
			s.num("pm2-5", float64(le.Uint16(v)))
			s.num("pm10", float64(le.Uint16(v[2:])))
		case kind == 0x13 && size == 2:
			s.num("co2", float64(le.Uint16(v)))
		}
	}
	return nil
}

// switchBot reads Meter and Meter Plus: https://github.com/OpenWonderLabs/SwitchBotAPI-BLE, on the Meter's broadcast.
func switchBot(s *said) error {
	d := s.data
	if len(d) != 6 || d[0]&0x7F != 0x54 && d[0]&0x7F != 0x69 {
		return ErrUnknown
	}
	s.is("SwitchBot", map[byte]string{0x54: "Meter", 0x69: "Meter Plus"}[d[0]&0x7F])
	s.battery(int(d[2] & 0x7F))
	t := float64(d[4]&0x7F) + float64(d[3]&0x0F)/10
	if d[4]&0x80 == 0 {
		t = -t
	}
	s.num("temperature", t)
	s.num("humidity", float64(d[5]&0x7F))
	return nil
}

// sht is temperature and humidity as Sensirion's chips have them, the highest byte first.
func (s *said) sht(t, h uint16) {
	s.num("temperature", 175*float64(t)/65535-45)
	s.num("humidity", 100*float64(h)/65535)
}

// jaalee reads charge, the address turned, and in the last four bytes temperature and humidity.
func jaalee(s *said) error {
	be := binary.BigEndian
	d := s.data
	if len(d) != 11 && len(d) != 12 {
		return ErrUnknown
	}
	s.is("Jaalee", "JHT")
	if !slices.Equal(turned(d[1:7]), s.from[:]) {
		return ErrMisfit
	}
	s.battery(int(d[0]))
	s.sht(be.Uint16(d[len(d)-4:]), be.Uint16(d[len(d)-2:]))
	return nil
}

// relsibClerk reads EClerk Eco: temperature, humidity and carbon dioxide, of which 0x8000 is none.
func relsibClerk(uuid uint16) decoder {
	return func(s *said) error {
		d := s.data
		if len(d) != 22 || s.fields.Name != "ECo" {
			return ErrUnknown
		}
		s.is("Relsib", "EClerk Eco")
		if uuid == 0xAA20 {
			if d[13]&0x80 != 0 { // on the mains
				s.num("battery", 100)
			} else {
				s.battery(int(d[13]))
			}
			d = d[4:]
		}
		for i, c := range []struct {
			channel string
			scale   float64
		}{{"temperature", 100}, {"humidity", 100}, {"co2", 1}} {
			n := int(int16(binary.LittleEndian.Uint16(d[2*i:])))
			s.not(n, -0x8000, c.channel, float64(n)/c.scale)
		}
		return nil
	}
}

// relsib reads WT51 and WH52, whose quantities are in service data of their own beside one that tells them.
func relsib(s *said) error {
	t, h := s.fields.of(0x1809), s.fields.of(0x181A)
	switch {
	case len(t) == 2 && len(h) == 2:
		s.is("Relsib", "WH52")
		s.num("temperature", float64(binary.BigEndian.Uint16(t))/65535*175-45)
		s.doubt("humidity", float64(binary.BigEndian.Uint16(h))/65535*175-45, "its scale is not published")
	case len(t) > 2:
		s.is("Relsib", "WT51")
		v, err := strconv.ParseFloat(string(t), 64)
		if err != nil {
			return ErrMisfit
		}
		s.num("temperature", v)
	default:
		return ErrUnknown
	}
	return nil
}

// blueMaestro reads Tempo Discs and Pebbles.
func blueMaestro(s *said) error {
	be, le := binary.BigEndian, binary.LittleEndian
	d := s.data
	switch {
	case len(d) == 14 && (d[0] == 0x16 || d[0] == 0x17 || d[0] == 0x1B):
		s.is("BlueMaestro", "Tempo Disc")
		s.battery(int(d[1]))
		s.out.ID = int64(be.Uint16(d[4:]))
		s.num("temperature", float64(int16(be.Uint16(d[6:])))/10)
		s.num("humidity", float64(be.Uint16(d[8:]))/10)
		if d[0] == 0x1B {
			s.num("pressure", float64(be.Uint16(d[10:]))/10)
		} else {
			s.num("dew-point", float64(int16(be.Uint16(d[10:])))/10)
		}
	case len(d) == 18 && d[0] == 0x01:
		s.is("BlueMaestro", "Pebble")
		s.num("temperature", float64(int16(le.Uint16(d[3:])))/10) // between the lowest and the highest of the day
		s.num("humidity", float64(d[7]))
		s.num("pressure", float64(le.Uint16(d[8:])))
	default:
		return ErrUnknown
	}
	return nil
}

// inkbird reads IBS-TH, whose temperature stands where a company's number would, and the thermometers for grills.
func inkbird(s *said, m Maker) error {
	le := binary.LittleEndian
	d, name := m.Data, s.fields.Name
	switch {
	case len(d) == 7 && (name == "sps" || name == "tps"):
		s.is("Inkbird", map[string]string{"sps": "IBS-TH", "tps": "IBS-TH2/P01B"}[name])
		switch d[2] {
		case 0:
			s.num("temperature", float64(int16(m.Company))/100)
		case 1, 3:
			s.num("probe-1", float64(int16(m.Company))/100)
		default:
			return errNoForm
		}
		s.battery(int(d[5]))
		if name == "sps" {
			s.num("humidity", float64(le.Uint16(d))/100)
		}
	case m.Company <= 1 && s.fields.has(0xFFF0) && (len(d) == 10 || len(d) == 12 || len(d) == 16 || len(d) == 20):
		s.is("Inkbird", "iBBQ-"+strconv.Itoa((len(d)-8)/2))
		if a := d[2:8]; !slices.Equal(a, s.from[:]) && !slices.Equal(turned(a), s.from[:]) {
			return ErrMisfit
		}
		for i := 8; i < len(d); i += 2 {
			t, channel := int(int16(le.Uint16(d[i:]))), "probe-"+strconv.Itoa(i/2-3)
			if t < 0 { // 0xFFF6
				s.none(channel, "the probe is not plugged in")
			} else {
				s.num(channel, float64(t)/10)
			}
		}
	default:
		return ErrUnknown
	}
	return nil
}

// thermoBeacon reads hygrometers that are sold under many names. What stands for a company is the product.
func thermoBeacon(s *said, m Maker) error {
	le, be := binary.LittleEndian, binary.BigEndian
	d := m.Data
	switch {
	case len(d) == 17 && m.Company == 0xAA55:
		s.is("ThermoBeacon", "T201")
		if !slices.Equal(d[2:8], s.from[:]) {
			return ErrMisfit
		}
		s.num("voltage", float64(be.Uint16(d[8:]))/100)
		s.num("temperature", float64(int16(be.Uint16(d[10:])))/100)
		s.num("humidity", float64(be.Uint16(d[12:]))/100)
		s.battery(int(d[14]))
	case len(d) == 18 && s.fields.has(0xFFF0) && slices.Contains([]uint16{0x10, 0x11, 0x15, 0x18, 0x1B}, m.Company):
		s.is("ThermoBeacon", "hygrometer")
		if !slices.Equal(turned(d[2:8]), s.from[:]) {
			return ErrMisfit
		}
		v := float64(le.Uint16(d[8:])) / 1000
		s.num("voltage", v)
		s.lithium(v)
		s.num("temperature", float64(int16(le.Uint16(d[10:])))/16)
		s.num("humidity", float64(le.Uint16(d[12:]))/16)
	default:
		return ErrUnknown
	}
	return nil
}

// thermoPro reads TP357 and its kin. The temperature begins in the second byte of what stands for a company.
func thermoPro(s *said, m Maker) error {
	name := s.fields.Name
	if len(m.Data) < 3 || !strings.HasPrefix(name, "TP35") && !strings.HasPrefix(name, "TP39") {
		return ErrUnknown
	}
	s.is("ThermoPro", name[:5])
	s.num("temperature", float64(int16(m.Company>>8|uint16(m.Data[0])<<8))/10)
	s.num("humidity", float64(m.Data[1]))
	s.flag("battery-low", m.Data[2]&3 == 0)
	return nil
}

var mocreoModels = map[byte]string{
	0x81: "ST5", 0x82: "SW2", 0x83: "ST6", 0x84: "ST8", 0x86: "ST9", 0x87: "ST10", 0x8B: "MS1", 0x94: "MS2", 0x96: "MS3",
}

// mocreo reads sensors of which the second byte of what stands for a company is the model.
func mocreo(s *said, m Maker) error {
	if s.fields.Name != "MOCREO" || len(m.Data) != 16 {
		return ErrUnknown
	}
	d, model := m.Data, mocreoModels[byte(m.Company>>8)]
	s.is("MOCREO", model)
	if model == "" {
		return errNoForm
	}
	s.battery(int(d[2] & 0x7F))
	if model == "SW2" {
		s.flag("water-leak", d[8]&1 != 0)
		return nil
	}
	s.num("temperature", float64(int16(binary.LittleEndian.Uint16(d[4:])))/100)
	if model == "ST6" || model == "ST9" {
		s.num("humidity", float64(int16(binary.LittleEndian.Uint16(d[6:])))/100)
	}
	return nil
}

// jinou reads BEC07-5: a sign, and numbers of which the digits before and behind the point are bytes. The sign stands
// where a company's number would.
func jinou(s *said, m Maker) error {
	d := m.Data
	if !s.fields.has(0xAA20) || len(d) != 11 {
		return ErrUnknown
	}
	s.is("Jinou", "BEC07-5")
	t := decimal(byte(m.Company>>8), d[0])
	if m.Company&0xFF == 1 {
		t = -t
	}
	s.num("temperature", t)
	s.num("humidity", decimal(d[2], d[3]))
	return nil
}

func decimal(before, behind byte) float64 {
	if behind < 10 {
		return float64(before) + float64(behind)/10
	}
	return float64(before) + float64(behind)/100
}

// sensorPushUUID is the service of SensorPush, as it is sent.
const sensorPushUUID = "\xB0\x0A\x09\xEC\xD7\x9D\xB8\x93\xBA\x42\xD6\x11\x00\x00\x09\xEF"

// sensorPush reads quantities that are packed into one number, each as steps above its lowest value.
func sensorPush(s *said, m Maker) error {
	if !slices.ContainsFunc(s.fields.Services128, func(u []byte) bool { return string(u) == sensorPushUUID }) {
		return ErrUnknown
	}
	if m.Company&3 != 0 || len(m.Data) < 3 || len(m.Data) > 6 {
		return ErrUnknown
	}
	type part struct {
		channel      string
		lowest, step float64
		steps        uint64
	}
	t := part{"temperature", -40, 0.0025, 72001}
	h := part{"humidity", 0, 0.0025, 40001}
	var parts []part
	switch m.Company & 0xFF >> 2 {
	case 0:
		s.is("SensorPush", "HTP.xw")
		parts = []part{t, h, {"pressure", 300, 0.01, 95001}}
	case 1:
		s.is("SensorPush", "HT.w")
		t.steps = 66001
		parts = []part{t, h}
	default:
		return ErrUnknown
	}
	n := uint64(m.Company >> 8)
	for i, b := range m.Data {
		n |= uint64(b) << (8 * (i + 1))
	}
	for _, p := range parts {
		s.num(p.channel, float64(n%p.steps)*p.step+p.lowest)
		n /= p.steps
	}
	return nil
}
