package bme688

import (
	"encoding/binary"
	"math"
	"time"

	"selvage/edge/device"
)

// calibration is what the chip was trimmed to, by the names of the data sheets' tables of calibration parameters.
type calibration struct {
	t1, t2, t3                              float64
	p1, p2, p3, p4, p5, p6, p7, p8, p9, p10 float64
	h1, h2, h3, h4, h5, h6, h7              float64
	gh1, gh2, gh3                           float64
	resHeatRange, resHeatVal, rangeSwErr    float64
}

// The sizes of the three groups of registers that hold the calibration: from 0x8A, 0xE1 and 0x00.
const (
	sizeA = 23
	sizeB = 14
	sizeC = 5
)

// parse takes the three groups one behind the other. It is false for a chip that was never trimmed: nothing can be
// computed without T1 and P1.
func parse(r [sizeA + sizeB + sizeC]byte) (c calibration, ok bool) {
	a, b, g := r[:sizeA], r[sizeA:sizeA+sizeB], r[sizeA+sizeB:]
	u16 := func(p []byte, i int) float64 { return float64(binary.LittleEndian.Uint16(p[i:])) }
	s16 := func(p []byte, i int) float64 { return float64(int16(binary.LittleEndian.Uint16(p[i:]))) }
	s8 := func(p []byte, i int) float64 { return float64(int8(p[i])) }
	c = calibration{
		t1: u16(b, 8), t2: s16(a, 0), t3: s8(a, 2),
		p1: u16(a, 4), p2: s16(a, 6), p3: s8(a, 8), p4: s16(a, 10), p5: s16(a, 12), p6: s8(a, 15), p7: s8(a, 14),
		p8: s16(a, 18), p9: s16(a, 20), p10: float64(a[22]),
		h1: float64(uint16(b[2])<<4 | uint16(b[1]&0x0F)), h2: float64(uint16(b[0])<<4 | uint16(b[1]>>4)),
		h3: s8(b, 3), h4: s8(b, 4), h5: s8(b, 5), h6: float64(b[6]), h7: s8(b, 7),
		gh1: s8(b, 12), gh2: s16(b, 10), gh3: s8(b, 13),
		resHeatVal: s8(g, 0), resHeatRange: float64(g[2] >> 4 & 3), rangeSwErr: float64(int8(g[4]) >> 4),
	}
	return c, c.t1 != 0 && c.p1 != 0
}

// answer is the registers from 0x1F to 0x2D.
type answer [15]byte

// decode turns an answer into °C, hPa, % and, if the gas was measured, Ω. high is the variant of the BME688, whose gas
// registers are two further on. It is false for what the registers hold before the first measurement.
func (c *calibration) decode(r answer, gas, high bool) (device.Sample, bool) {
	p := uint32(r[0])<<12 | uint32(r[1])<<4 | uint32(r[2])>>4
	t := uint32(r[3])<<12 | uint32(r[4])<<4 | uint32(r[5])>>4
	h := uint32(r[6])<<8 | uint32(r[7])
	const none = 0x80000
	if t == none || p == none || h == none>>4 {
		return nil, false
	}
	celsius, fine := c.celsius(float64(t))
	s := device.Sample{
		{Channel: "temperature", Value: celsius},
		{Channel: "pressure", Value: c.pascal(float64(p), fine) / 100},
		{Channel: "humidity", Value: c.percent(float64(h), fine)},
	}
	if !gas {
		return s, true
	}
	g := r[11:13]
	if high {
		g = r[13:15]
	}
	m := device.Measure{Channel: "gas-resistance"}
	switch n := uint16(g[0])<<2 | uint16(g[1]>>6); {
	case g[1]&gasValid == 0:
		m.Err = errNoGas
	case high:
		m.Value = ohmHigh(n, g[1]&0x0F)
	default:
		m.Value = c.ohmLow(n, g[1]&0x0F)
	}
	if m.Err == nil && g[1]&heatStable == 0 {
		m.Doubt = "the heater did not reach its temperature"
	}
	return append(s, m), true
}

var errNoGas = &device.Fault{
	Text:   "the gas was not measured",
	Remedy: "switch its power off and on; if it comes back, the chip is broken",
}

// The formulas for real numbers, as in Bosch's BME68x_SensorAPI.

func (c *calibration) celsius(adc float64) (celsius, fine float64) {
	a := (adc/16384 - c.t1/1024) * c.t2
	b := adc/131072 - c.t1/8192
	fine = a + b*b*c.t3*16
	return fine / 5120, fine
}

func (c *calibration) pascal(adc, fine float64) float64 {
	a := fine/2 - 64000
	b := a*a*c.p6/131072 + a*c.p5*2
	b = b/4 + c.p4*65536
	a = (c.p3*a*a/16384 + c.p2*a) / 524288
	a = (1 + a/32768) * c.p1
	if a == 0 {
		return 0 // outside any range, and so not good
	}
	p := (1048576 - adc - b/4096) * 6250 / a
	return p + (c.p9*p*p/2147483648+p*c.p8/32768+math.Pow(p/256, 3)*c.p10/131072+c.p7*128)/16
}

func (c *calibration) percent(adc, fine float64) float64 {
	t := fine / 5120
	a := adc - (c.h1*16 + c.h3/2*t)
	b := a * c.h2 / 262144 * (1 + c.h4/16384*t + c.h5/1048576*t*t)
	v := b + (c.h6/16384+c.h7/2097152*t)*b*b
	return min(max(v, 0), 100)
}

// ohmHigh is the gas resistance of the BME688.
func ohmHigh(adc uint16, span byte) float64 {
	return 1e6 * float64(uint32(262144)>>span) / (4096 + 3*(float64(adc)-512))
}

// Corrections in % for each range of the BME680.
var (
	lowK1 = [16]float64{0, 0, 0, 0, 0, -1, 0, -0.8, 0, 0, -0.2, -0.5, 0, -1, 0, 0}
	lowK2 = [16]float64{0, 0, 0, 0, 0.1, 0.7, 0, -0.8, -0.1, 0, 0, 0, 0, 0, 0, 0}
)

// ohmLow is the gas resistance of the BME680.
func (c *calibration) ohmLow(adc uint16, span byte) float64 {
	a := (1340 + 5*c.rangeSwErr) * (1 + lowK1[span]/100)
	b := (1 + lowK2[span]/100) * 125e-9 * float64(uint32(1)<<span)
	return 1 / (b * ((float64(adc)-512)/a + 1))
}

// heat is the register that stands for a temperature of the hot plate in air of ambient °C.
func (c *calibration) heat(target, ambient float64) byte {
	a := c.gh1/16 + 49
	b := c.gh2/32768*0.0005 + 0.00235
	v := a*(1+b*target) + c.gh3/1024*ambient
	v = 3.4 * (v*4/(4+c.resHeatRange)/(1+c.resHeatVal*0.002) - 25)
	return byte(min(max(math.Round(v), 0), 255))
}

// wait is the register that stands for how long the hot plate is heated: six bits of ms, and two that multiply by 4.
func wait(d time.Duration) byte {
	ms, factor := d.Milliseconds(), 0
	for ms > 0x3F && factor < 3 {
		ms, factor = (ms+3)/4, factor+1
	}
	return byte(min(ms, 0x3F)) | byte(factor)<<6
}
