package advert

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// Govee's thermometers. They are told apart by the numbers of a company, by UUIDs that are the number of the model, and
// by the length. Govee publishes nothing.

func init() {
	ofCompany[0xEC88] = goveeEC88
	ofCompany[0x0001] = govee0001
	ofCompany[0x8801] = goveeH5179
	ofNobody = append(ofNobody, goveeGrill)
}

// tenths takes a temperature and a humidity out of one number: temperature in 0.1 °C times 1,000, humidity in 0.1 %,
// and the highest bit for the sign.
func (s *said) tenths(n uint32, bits int) {
	sign := uint32(1) << (bits - 1)
	t := float64(n&^sign/1000) / 10
	if n&sign != 0 {
		t = -t
	}
	s.num("temperature", t)
	s.num("humidity", float64(n&^sign%1000)/10)
}

func be24(b []byte) uint32 { return uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]) }

// goveeBattery is the charge; its highest bit tells that the sensor has failed.
func (s *said) goveeBattery(b byte) {
	s.battery(int(b & 0x7F))
	if b&0x80 == 0 {
		return
	}
	for i, m := range s.out.Measures {
		if m.Channel == "temperature" || m.Channel == "humidity" {
			s.out.Measures[i].Value, s.out.Measures[i].Err = 0, errSensor
		}
	}
}

var errSensor = fmt.Errorf("the device says that its sensor has failed")

// little is temperature and humidity in hundredths, and the charge.
func (s *said) little(d []byte) {
	s.num("temperature", float64(int16(binary.LittleEndian.Uint16(d)))/100)
	s.num("humidity", float64(binary.LittleEndian.Uint16(d[2:]))/100)
	s.battery(int(d[4]))
}

func goveeEC88(s *said) error {
	switch d := s.data; len(d) {
	case 6:
		s.is("Govee", "H5072/H5075")
		s.tenths(be24(d[1:]), 24)
		s.goveeBattery(d[4])
	case 7:
		s.is("Govee", "H5074")
		s.little(d[1:])
	case 9:
		s.is("Govee", "H5051/H5052/H5071")
		s.little(d[1:])
	default:
		return ErrUnknown
	}
	return nil
}

func govee0001(s *said) error {
	d := s.data
	if !strings.HasPrefix(s.fields.Name, "GV") && !strings.HasPrefix(s.fields.Name, "Govee") && !s.fields.has(0xEC88) {
		return ErrUnknown
	}
	switch {
	case len(d) == 6 && strings.HasPrefix(s.fields.Name, "GVH5106"):
		s.is("Govee", "H5106")
		n := binary.BigEndian.Uint32(d[2:])
		sign := n&0x80000000 != 0
		n &= 0x7FFFFFFF
		t := float64(n/1000000) / 10
		if sign {
			t = -t
		}
		s.num("temperature", t)
		s.num("humidity", float64(n/1000%1000)/10)
		s.num("pm2-5", float64(n%1000))
	case len(d) == 6:
		s.is("Govee", "H5101/H5102/H5177")
		s.tenths(be24(d[2:]), 24)
		s.goveeBattery(d[5])
	case len(d) == 9: // a station tells of itself, and of a sensor outdoors
		s.is("Govee", "H5178")
		s.tenths(be24(d[3:]), 24)
		s.goveeBattery(d[6])
		if d[2] > 1 {
			return errNoForm
		}
		if d[2] == 1 {
			for i := range s.out.Measures {
				s.out.Measures[i].Channel += "-outdoor"
			}
		}
	default:
		return ErrUnknown
	}
	return nil
}

func goveeH5179(s *said) error {
	if len(s.data) != 9 {
		return ErrUnknown
	}
	s.is("Govee", "H5179")
	s.little(s.data[4:])
	return nil
}

// grills are Govee's thermometers for grills: by the UUID of the service, or by numbers that stand where a company's
// would.
var grills = []struct {
	model     string
	service   uint16
	companies []uint16
	size      int // of the data behind the company
}{
	{"H5182", 0x5182, []uint16{0x2730}, 17},
	{"H5183", 0x5183, []uint16{0x67DD, 0xE02F, 0xF79F}, 14},
	{"H5184", 0x5184, []uint16{0x1B36}, 17},
	{"H5185", 0x5185, []uint16{0x4A32, 0x0332, 0x4C32}, 20},
	{"H5191", 0x5191, []uint16{0xAC63}, 20},
	{"H5198", 0x5198, nil, 20},
	{"H5055", 0x5055, []uint16{0xEA1C}, 20},
}

// goveeGrill reads temperatures of probes and the alarms that are set for them, in hundredths of a degree; a probe that
// is not there is 0xFFFF.
func goveeGrill(s *said, m Maker) error {
	for _, g := range grills {
		if len(m.Data) != g.size || !s.fields.has(g.service) && !s.fields.has(g.service<<8|g.service>>8) && !slices.Contains(g.companies, m.Company) {
			continue
		}
		d := m.Data[8:]
		switch g.model {
		case "H5055":
			return s.goveeH5055(m.Data)
		case "H5183":
			s.is("Govee", g.model)
			s.probe(1, d, 0, 2, -1)
		case "H5182", "H5184":
			s.is("Govee", g.model)
			n := 1
			if g.model == "H5184" && m.Data[6] == 2 {
				n = 3
			}
			s.probe(n, d, 0, 2, -1)
			s.probe(n+1, d, 5, 7, -1)
		case "H5185":
			s.is("Govee", g.model)
			s.probe(1, d, 0, 2, -1)
			s.probe(2, d, 6, 8, -1)
		case "H5191": // one probe in the food, and the air
			s.is("Govee", g.model)
			s.probe(1, d, 0, 2, -1)
			air := int(int16(binary.BigEndian.Uint16(d[6:])))
			s.not(air, -1, "temperature", float64(air)/100)
		case "H5198":
			s.is("Govee", g.model)
			n := 1
			if m.Data[6]&0x3F == 2 {
				n = 3
			}
			s.probe(n, d, 0, 2, 4)
			s.probe(n+1, d, 6, 8, 10)
		}
		return nil
	}
	return ErrUnknown
}

// probe measures one, with the alarms for too warm and too cold; low is -1 where there is none.
func (s *said) probe(n int, d []byte, at, high, low int) {
	name := fmt.Sprintf("probe-%d", n)
	t := int(int16(binary.BigEndian.Uint16(d[at:])))
	if t == -1 {
		s.none(name, "the probe is not plugged in")
	} else {
		s.num(name, float64(t)/100)
	}
	for _, a := range []struct {
		at   int
		name string
	}{{high, name + "-high"}, {low, name + "-low"}} {
		if a.at < 0 {
			continue
		}
		if v := int(int16(binary.BigEndian.Uint16(d[a.at:]))); v != -1 { // else no alarm is set
			s.num(a.name, float64(v)/100)
		}
	}
}

// goveeH5055 tells of two of six probes at a time, in whole degrees, the lowest byte first.
func (s *said) goveeH5055(d []byte) error {
	s.is("Govee", "H5055")
	if d[2] != 0 {
		s.battery(int(d[2]))
	}
	first := int(d[3]>>6)*2 + 1
	if first > 5 {
		return ErrMisfit
	}
	for i, at := range []int{5, 12} {
		name := fmt.Sprintf("probe-%d", first+i)
		for j, channel := range []string{name, name + "-high", name + "-low"} {
			v := int(int16(binary.LittleEndian.Uint16(d[at+2*j:])))
			switch {
			case v != -1:
				s.num(channel, float64(v))
			case j == 0:
				s.none(channel, "the probe is not plugged in")
			}
		}
	}
	return nil
}
