package advert

import (
	"encoding/binary"
	"slices"
)

// Thermometers of Xiaomi with other firmware: https://github.com/atc1441/ATC_MiThermometer (atc1441) and
// https://github.com/pvvx/ATC_MiThermometer (custom), section on the format of advertisements. Both take the UUID of the
// Environmental Sensing service, and so does b-parasite, https://github.com/rbaron/b-parasite. They are told apart by
// their lengths.

func init() { ofService[0x181A] = environmental }

func environmental(s *said) error {
	le, be := binary.LittleEndian, binary.BigEndian
	d := s.data
	switch len(d) {
	case 15: // custom, pvvx: address turned, temperature, humidity, mV, battery, number, flags
		s.is("ATC", "ATC thermometer (pvvx)")
		if !slices.Equal(turned(d[:6]), s.from[:]) {
			return ErrMisfit
		}
		s.num("temperature", float64(int16(le.Uint16(d[6:])))/100)
		s.num("humidity", float64(le.Uint16(d[8:]))/100)
		s.num("voltage", float64(le.Uint16(d[10:]))/1000)
		s.battery(int(d[12]))
		s.out.ID = int64(d[13])
	case 13: // atc1441: address, temperature, humidity, battery, mV, number
		s.is("ATC", "ATC thermometer (atc1441)")
		if !slices.Equal(d[:6], s.from[:]) {
			return ErrMisfit
		}
		s.num("temperature", float64(int16(be.Uint16(d[6:])))/10)
		s.num("humidity", float64(d[8]))
		s.battery(int(d[9]))
		s.num("voltage", float64(be.Uint16(d[10:]))/1000)
		s.out.ID = int64(d[12])
	case 11, 8:
		return atcSealed(s)
	case 16, 18:
		return bParasite(s)
	default:
		return ErrUnknown
	}
	return nil
}

// atcSealed reads the encrypted forms of pvvx: a number of the packet, the data, the authentication field. The nonce is
// the address turned, the header of the AD structure and the number.
func atcSealed(s *said) error {
	s.is("ATC", "ATC thermometer (pvvx)")
	d := s.data
	// The header is length, type and UUID of the AD structure; the length counts itself not.
	nonce := append(turned(s.from[:]), byte(len(d)+3), adServiceData, 0x1A, 0x18, d[0])
	plain, err := s.unseal(nonce, d[1:], []byte{0x11})
	if err != nil {
		return err
	}
	s.out.ID = int64(d[0])
	if len(plain) == 6 {
		s.num("temperature", float64(int16(binary.LittleEndian.Uint16(plain)))/100)
		s.num("humidity", float64(binary.LittleEndian.Uint16(plain[2:]))/100)
		s.battery(int(plain[4]))
		return nil
	}
	s.num("temperature", float64(plain[0])/2-40)
	s.num("humidity", float64(plain[1])/2)
	s.battery(int(plain[2] & 0x7F))
	return nil
}

// bParasite reads a sensor of soil: protocol and whether there is light, number, mV, temperature, humidity and moisture
// as parts of 65,536, address.
func bParasite(s *said) error {
	be := binary.BigEndian
	d := s.data
	s.is("b-parasite", "b-parasite")
	if !slices.Equal(d[10:16], s.from[:]) {
		return ErrMisfit
	}
	s.out.ID = int64(d[1] & 0x0F)
	s.num("voltage", float64(be.Uint16(d[2:]))/1000)
	scale := 1000.0
	if d[0]>>4 == 2 {
		scale = 100
	}
	s.num("temperature", float64(int16(be.Uint16(d[4:])))/scale)
	s.num("humidity", float64(be.Uint16(d[6:]))/65536*100)
	s.num("moisture", float64(be.Uint16(d[8:]))/65536*100)
	if len(d) == 18 {
		s.num("illuminance", float64(be.Uint16(d[16:])))
	}
	return nil
}
