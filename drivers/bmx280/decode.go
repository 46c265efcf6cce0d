package bmx280

import (
	"encoding/binary"

	"selvage/edge/device"
)

// calibration is what the chip was trimmed to (BME280, table 16; BMP280, table 17).
type calibration struct {
	t1, t2, t3                         float64
	p1, p2, p3, p4, p5, p6, p7, p8, p9 float64
	h1, h2, h3, h4, h5, h6             float64
}

// parse takes the registers 0x88 to 0xA1 and 0xE1 to 0xE7. It is false for a chip that was never trimmed: nothing can
// be computed without T1 and P1.
func parse(b [26 + 7]byte) (c calibration, ok bool) {
	u := func(i int) float64 { return float64(binary.LittleEndian.Uint16(b[i:])) }
	s := func(i int) float64 { return float64(int16(binary.LittleEndian.Uint16(b[i:]))) }
	h := b[26:]
	return calibration{
		t1: u(0), t2: s(2), t3: s(4),
		p1: u(6), p2: s(8), p3: s(10), p4: s(12), p5: s(14), p6: s(16), p7: s(18), p8: s(20), p9: s(22),
		h1: float64(b[25]),
		h2: s(26),
		h3: float64(h[2]),
		h4: float64(int16(int8(h[3]))<<4 | int16(h[4]&0x0F)),
		h5: float64(int16(int8(h[5]))<<4 | int16(h[4]>>4)),
		h6: float64(int8(h[6])),
	}, u(0) != 0 && u(6) != 0
}

// decode turns the registers from 0xF7 on into °C, hPa and %. It is false if they hold what they do before the first
// measurement. Pressure and humidity need the temperature of the same moment.
func (c *calibration) decode(b []byte) (device.Sample, bool) {
	p := uint32(b[0])<<12 | uint32(b[1])<<4 | uint32(b[2])>>4
	t := uint32(b[3])<<12 | uint32(b[4])<<4 | uint32(b[5])>>4
	const none = 0x80000
	if t == none || p == none {
		return nil, false
	}
	celsius, fine := c.celsius(float64(t))
	s := device.Sample{
		{Channel: "temperature", Value: celsius},
		{Channel: "pressure", Value: c.pascal(float64(p), fine) / 100},
	}
	if len(b) < 8 {
		return s, true
	}
	h := uint32(b[6])<<8 | uint32(b[7])
	if h == none>>4 {
		return nil, false
	}
	return append(s, device.Measure{Channel: "humidity", Value: c.percent(float64(h), fine)}), true
}

// The formulas for real numbers (section 8.1 of both data sheets).

func (c *calibration) celsius(adc float64) (celsius, fine float64) {
	a := (adc/16384 - c.t1/1024) * c.t2
	b := adc/131072 - c.t1/8192
	fine = a + b*b*c.t3
	return fine / 5120, fine
}

func (c *calibration) pascal(adc, fine float64) float64 {
	a := fine/2 - 64000
	b := a * a * c.p6 / 32768
	b += a * c.p5 * 2
	b = b/4 + c.p4*65536
	a = (c.p3*a*a/524288 + c.p2*a) / 524288
	a = (1 + a/32768) * c.p1
	if a == 0 {
		return 0 // outside any range, and so not good
	}
	p := (1048576 - adc - b/4096) * 6250 / a
	return p + (c.p9*p*p/2147483648+p*c.p8/32768+c.p7)/16
}

func (c *calibration) percent(adc, fine float64) float64 {
	v := fine - 76800
	v = (adc - (c.h4*64 + c.h5/16384*v)) *
		(c.h2 / 65536 * (1 + c.h6/67108864*v*(1+c.h3/67108864*v)))
	return min(max(v*(1-c.h1*v/524288), 0), 100)
}
