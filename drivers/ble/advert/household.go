package advert

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Things of the household, garden and garage whose makers publish no form.

func init() {
	for _, c := range []uint16{0x2111, 0x2112, 0x2121, 0x2122, 0x5112, 0x5122, 0x6111, 0x6121} {
		ofCompany[c] = airMentor(byte(c))
	}
	ofCompany[0x05CD] = chefIQ
	ofCompany[0xF214] = grundfos
	ofCompany[0x07B4] = hormann
	ofCompany[0x0828] = michelin
	ofCompany[0x0131] = cypress
	ofCompany[0x01AE] = smartDry
	ofCompany[0xFFFF] = kegtron
}

// airMentor reads air sensors: what stands for a company is the model and which half of the quantities follows.
func airMentor(half byte) decoder {
	return func(s *said) error {
		be := binary.BigEndian
		d := s.data
		switch len(d) {
		case 8:
			s.is("Air Mentor", "Air Mentor Pro 2")
		case 12:
			s.is("Air Mentor", "Air Mentor 2S")
		default:
			return ErrUnknown
		}
		if half&0x0F == 1 {
			s.num("co2", float64(be.Uint16(d)))
			s.num("pm2-5", float64(be.Uint16(d[2:])))
			s.num("pm10", float64(be.Uint16(d[4:])))
			if len(d) == 12 {
				s.num("formaldehyde", float64(be.Uint16(d[8:]))*1.228e-3) // of parts per billion
			}
			return nil
		}
		// The sensor is warmer than the air: it tells by how much, and the humidity beside itself. The air's is that
		// times the ratio of the pressures of saturation (Magnus). TVOC is in parts per billion, of 110 g/mol.
		warm := (float64(be.Uint16(d[2:])) - 4000) / 100
		air := warm - float64(d[4])/10
		s.num("tvoc", float64(be.Uint16(d))*110/24.4)
		s.num("temperature", air)
		s.num("temperature-inside", warm)
		h := float64(d[5])
		if len(d) == 8 {
			h *= math.Exp(warm*17.62/(warm+243.12)) / math.Exp(air*17.62/(air+243.12))
		}
		s.num("humidity", h)
		s.num("air-quality", float64(be.Uint16(d[6:])))
		return nil
	}
}

// chefIQ reads a thermometer for meat; from 0x7FF0 on, and 0xFE of the byte, is no value.
func chefIQ(s *said) error {
	d := s.data
	if len(d) != 18 {
		return ErrUnknown
	}
	s.is("Chef iQ", "CQ60")
	s.battery(int(d[2]))
	for i, name := range []string{"probe-meat", "probe-tip", "probe-1", "probe-2", "probe-ambient"} {
		if t := binary.LittleEndian.Uint16(d[6+2*i:]); t >= 0x7FF0 {
			s.none(name, "the device says that it has no value")
		} else {
			s.num(name, float64(t)/10)
		}
	}
	if d[3] < 0xFE {
		s.num("probe-3", float64(d[3]))
	}
	return nil
}

var grundfosModes = [...]string{
	"constant speed 3", "constant speed 2", "constant speed 1", "autoadapt", "proportional pressure 1",
	"proportional pressure 2", "proportional pressure 3", "constant differential pressure 1",
	"constant differential pressure 2", "constant differential pressure 3",
}

// grundfos reads an ALPHA reader (MI401) on a pump: number, battery, pump, flow, pressure, mode, temperature.
func grundfos(s *said) error {
	le := binary.LittleEndian
	d := s.data
	if len(d) != 19 {
		return ErrUnknown
	}
	s.is("Grundfos", "MI401")
	s.out.ID, s.out.Serial = int64(d[2]), strconv.Itoa(int(le.Uint16(d[4:])))
	s.text("state-battery", strconv.Itoa(int(d[3])))
	s.num("flow", float64(le.Uint16(d[6:]))/6553.4)
	s.num("pressure-water", float64(int16(le.Uint16(d[8:])))/32.767)
	if mode := int(d[11]); mode < len(grundfosModes) {
		s.text("mode", grundfosModes[mode])
	}
	s.num("temperature", float64(d[12]))
	return nil
}

// hormann reads a garage door, which tells how far it is open in half percents in the longer of its structures.
func hormann(s *said) error {
	d := s.data
	if len(d) != 17 {
		return ErrUnknown
	}
	s.is("Hörmann", "Supramatic E4 BS")
	open := float64(d[1]) / 2
	s.flag("opening", open > 0)
	s.num("opening-level", open)
	return nil
}

// michelin reads a sensor in a tyre: temperature, voltage, pressure, three letters of the tyre, a count.
func michelin(s *said) error {
	d := s.data
	if len(d) != 14 || d[1] != 3 && d[1] != 4 {
		return ErrUnknown
	}
	s.is("Michelin", "TMS")
	s.num("temperature", float64(d[2])-60)
	s.num("voltage", float64(d[3])/100+1)
	s.num("pressure", float64(binary.LittleEndian.Uint16(d[4:])))
	s.out.Serial = printable(d[6:9])
	s.text("text", s.out.Serial)
	s.num("steps", float64(d[9]))
	s.num("count", float64(binary.LittleEndian.Uint32(d[10:])))
	return nil
}

// cypress is the company of two makers' chips: taps of Oras, and Garnet's tanks of campers.
func cypress(s *said) error {
	switch len(s.data) {
	case 18:
		s.is("Oras", "Electra tap")
		s.battery(int(s.data[1]))
		return nil
	case 14:
		return s.garnet()
	}
	return ErrUnknown
}

var garnetSensors = [...]string{
	"level-fresh", "level-black", "level-grey", "level-lpg", "level-lpg-2", "level-galley", "level-galley-2", "temperature",
	"temperature-2", "temperature-3", "temperature-4", "level-chemical", "level-chemical-2", "voltage",
}

// garnet reads SeeLevel II 709-BTP3: one of its sensors, its value as three digits or the letters of an error.
func (s *said) garnet() error {
	d := s.data
	s.is("Garnet", "SeeLevel II 709-BTP3")
	if int(d[3]) >= len(garnetSensors) {
		return errNoForm
	}
	channel, digits := garnetSensors[d[3]], string(d[4:7])
	v, err := strconv.Atoi(strings.TrimSpace(digits))
	switch {
	case err != nil:
		s.none(channel, "the device says "+printable(d[4:7]))
	case strings.HasPrefix(channel, "temperature"):
		s.doubt(channel, float64(v), "its unit is not published")
	case channel == "voltage":
		s.num(channel, float64(v)/10)
	default:
		s.num(channel, float64(v))
	}
	s.flag("problem", d[13] != '0')
	return nil
}

// smartDry reads a sensor for a dryer: temperature and humidity as floating point, shakes, voltage, which is counted
// from 1.792 V while it sleeps.
func smartDry(s *said) error {
	le := binary.LittleEndian
	d := s.data
	if len(d) != 12 {
		return ErrUnknown
	}
	s.is("SmartDry", "SmartDry")
	s.num("temperature", float64(math.Float32frombits(le.Uint32(d))))
	s.num("humidity", float64(math.Float32frombits(le.Uint32(d[4:]))))
	s.num("shakes", float64(le.Uint16(d[8:])))
	v := float64(le.Uint16(d[10:])) / 1000
	switch d[11] {
	case 0:
		s.flag("switch", false)
		v += 1.792
	case 6:
		s.flag("switch", true)
	default:
		return nil
	}
	s.num("voltage", v)
	s.lithium(v)
	return nil
}

// kegtron reads a meter of what a keg has given: size, start, given, port, name.
func kegtron(s *said) error {
	be := binary.BigEndian
	d := s.data
	if len(d) != 27 {
		return ErrUnknown
	}
	model, port := "KT-100", 1
	if d[6]&(1<<6) != 0 {
		model = "KT-200"
	}
	if d[6]&(1<<4) != 0 {
		port = 2
	}
	s.is("Kegtron", model)
	for _, q := range []struct {
		channel string
		at      int
	}{{"keg-size-%d", 0}, {"volume-start-%d", 2}, {"volume-dispensed-%d", 4}} {
		s.num(fmt.Sprintf(q.channel, port), float64(be.Uint16(d[q.at:]))/1000)
	}
	s.text(fmt.Sprintf("port-name-%d", port), printable(d[7:]))
	return nil
}
