package advert

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
)

// Ruuvi's sensors: https://docs.ruuvi.com/communication/bluetooth-advertisements, data formats 2 to 6. Formats 2 and 4
// are in the URL of an Eddystone beacon, the others in manufacturer specific data.

func init() {
	ofCompany[0x0499] = ruuvi
	ofService[0xFEAA] = eddystone
}

var errNoForm = fmt.Errorf("its data format is not known here: %w", ErrMisfit)

// gravity is standard gravity in m/s², of which Ruuvi counts thousandths.
const gravity = 9.80665

func ruuvi(s *said) error {
	d := s.data
	if len(d) == 0 {
		return ErrMisfit
	}
	s.is("Ruuvi", fmt.Sprintf("Ruuvi data format %d", d[0]))
	switch {
	case d[0] == 3 && len(d) == 14:
		s.ruuvi3(d)
	case d[0] == 5 && len(d) == 24:
		s.ruuvi5(d)
	case d[0] == 6 && len(d) == 20:
		s.ruuvi6(d)
	case d[0] == 3, d[0] == 5, d[0] == 6:
		return ErrMisfit
	default:
		return errNoForm
	}
	return nil
}

// ruuvi3 is data format 3 (RAWv1). The sign of its temperature is a bit of its own. It has no values that stand for
// none.
func (s *said) ruuvi3(d []byte) {
	s.num("humidity", float64(d[1])/2)
	t := float64(d[2]&0x7F) + float64(d[3])/100
	if d[2]&0x80 != 0 {
		t = -t
	}
	s.num("temperature", t)
	s.num("pressure", (float64(binary.BigEndian.Uint16(d[4:]))+50000)/100)
	s.ruuviAcceleration(d[6:12])
	s.num("voltage", float64(binary.BigEndian.Uint16(d[12:]))/1000)
}

// ruuvi5 is data format 5 (RAWv2).
func (s *said) ruuvi5(d []byte) {
	t := int(int16(binary.BigEndian.Uint16(d[1:])))
	s.not(t, -0x8000, "temperature", float64(t)/200)
	h := int(binary.BigEndian.Uint16(d[3:]))
	s.not(h, 0xFFFF, "humidity", float64(h)/400)
	p := int(binary.BigEndian.Uint16(d[5:]))
	s.not(p, 0xFFFF, "pressure", float64(p+50000)/100)
	s.ruuviAcceleration(d[7:13])
	power := binary.BigEndian.Uint16(d[13:])
	s.not(int(power>>5), 0x7FF, "voltage", float64(power>>5+1600)/1000)
	s.not(int(power&0x1F), 0x1F, "tx-power", float64(power&0x1F)*2-40)
	s.not(int(d[15]), 0xFF, "movements", float64(d[15]))
	if n := binary.BigEndian.Uint16(d[16:]); n != 0xFFFF {
		s.out.ID = int64(n)
	}
}

// ruuviAcceleration is in thousandths of gravity.
func (s *said) ruuviAcceleration(d []byte) {
	for i, axis := range []string{"x", "y", "z"} {
		a := int(int16(binary.BigEndian.Uint16(d[2*i:])))
		s.not(a, -0x8000, "acceleration-"+axis, float64(a)/1000*gravity)
	}
}

// ruuvi6 is data format 6, which Ruuvi Air sends where an extended advertisement would not be heard. VOC and NOx are
// indices of 9 bits whose lowest is among the flags; light is a logarithm.
func (s *said) ruuvi6(d []byte) {
	t := int(int16(binary.BigEndian.Uint16(d[1:])))
	s.not(t, -0x8000, "temperature", float64(t)/200)
	h := int(binary.BigEndian.Uint16(d[3:]))
	s.not(h, 0xFFFF, "humidity", float64(h)/400)
	p := int(binary.BigEndian.Uint16(d[5:]))
	s.not(p, 0xFFFF, "pressure", float64(p+50000)/100)
	pm := int(binary.BigEndian.Uint16(d[7:]))
	s.not(pm, 0xFFFF, "pm2-5", float64(pm)/10)
	co2 := int(binary.BigEndian.Uint16(d[9:]))
	s.not(co2, 0xFFFF, "co2", float64(co2))
	flags := d[16]
	voc := int(d[11])<<1 | int(flags>>6&1)
	s.not(voc, 511, "voc", float64(voc))
	nox := int(d[12])<<1 | int(flags>>7&1)
	s.not(nox, 511, "nox", float64(nox))
	s.not(int(d[13]), 0xFF, "illuminance", math.Exp(float64(d[13])*math.Log(65536)/254)-1)
	s.out.ID = int64(d[15])
}

// eddystone reads what two kinds of sensors put into the frames of Eddystone: Ruuvi's first formats a URL
// (data formats 2 and 4), KKM's beacons a frame of their own.
func eddystone(s *said) error {
	d := s.data
	switch {
	case len(d) == 15 && d[0] == 0x21:
		return kkm(s)
	case len(d) > 11 && d[0] == 0x10 && string(d[2:11]) == "\x03ruu.vi/#":
		return ruuviURL(s, string(d[11:]))
	}
	return ErrUnknown
}

// ruuviURL reads the text after "https://ruu.vi/#": base64 with the alphabet for URLs, of format 2 with 8 letters, of
// 4 with one more for the tag.
func ruuviURL(s *said, text string) error {
	if len(text) != 8 && len(text) != 9 {
		return ErrMisfit
	}
	d, err := base64.URLEncoding.DecodeString(text[:8])
	if err != nil || len(d) != 6 || d[0] != 2 && d[0] != 4 {
		return ErrMisfit
	}
	s.is("Ruuvi", fmt.Sprintf("Ruuvi data format %d", d[0]))
	s.num("humidity", float64(d[1])/2)
	t := float64(d[2]&0x7F) + float64(d[3])/100
	if d[2]&0x80 != 0 {
		t = -t
	}
	s.num("temperature", t)
	s.num("pressure", (float64(binary.BigEndian.Uint16(d[4:]))+50000)/100)
	return nil
}

// kkm reads a sensor frame of KKM's K6 beacons: version, mask, voltage, temperature and humidity as 8.8 fixed point,
// acceleration in thousandths of gravity.
func kkm(s *said) error {
	s.is("KKM", "K6")
	d := s.data
	if d[1] != 1 {
		return errNoForm
	}
	v := float64(binary.BigEndian.Uint16(d[3:])) / 1000
	s.num("voltage", v)
	s.lithium(v)
	s.num("temperature", float64(int16(binary.BigEndian.Uint16(d[5:])))/256)
	s.num("humidity", float64(binary.BigEndian.Uint16(d[7:]))/256)
	for i, axis := range []string{"x", "y", "z"} {
		s.num("acceleration-"+axis, float64(int16(binary.BigEndian.Uint16(d[9+2*i:])))/1000*gravity)
	}
	return nil
}
