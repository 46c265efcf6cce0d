package sim

import (
	"math"
	"time"
)

func init() {
	register("bme688", []uint16{0x76, 0x77}, func(uint16) Chip {
		return NewBME688(Swing(21, 3), Swing(45, 10), Swing(1013, 5), Swing(80_000, 30_000))
	})
}

// BME688 is a Bosch BME688 or BME680 down to its registers, as the data sheets describe them (BST-BME688-DS000 and
// BST-BME680-DS001). It computes with the formulas for whole numbers of Bosch's BME68x_SensorAPI, the
// driver with those for real ones.
type BME688 struct {
	Temperature, Humidity, Pressure, Gas Signal // °C, %, hPa, Ω

	high bool // it is a BME688
	regs [256]byte
	at   byte      // the register the next read begins at
	done time.Time // of the running measurement
}

// bme688Trim is the trimming of a chip that was read out: that of the Python library pimoroni/bme680-python,
// tests/conftest.py.
var bme688Trim = struct {
	t1, p1                 uint16
	t2, p2, p4, p5, p8, p9 int16
	t3, p3, p6, p7         int8
	p10, h6                uint8
	h1, h2                 uint16
	h3, h4, h5, h7         int8
	gh1, gh3               int8
	gh2                    int16
	resHeatVal, rangeSwErr int8
	resHeatRange           uint8
}{
	t1: 26041, t2: 26469, t3: 3,
	p1: 36673, p2: -10515, p3: 88, p4: 7310, p5: -129, p6: 30, p7: 46, p8: -3177, p9: -2379, p10: 30,
	h1: 676, h2: 1029, h3: 0, h4: 45, h5: 20, h6: 120, h7: -100,
	gh1: -30, gh2: -24754, gh3: 18, resHeatRange: 1, resHeatVal: 48, rangeSwErr: 0,
}

// NewBME688 makes a BME688.
func NewBME688(temperature, humidity, pressure, gas Signal) *BME688 {
	c := &BME688{Temperature: temperature, Humidity: humidity, Pressure: pressure, Gas: gas, high: true}
	c.PowerOff()
	return c
}

// NewBME680 makes a BME680, whose gas registers are others.
func NewBME680(temperature, humidity, pressure, gas Signal) *BME688 {
	c := NewBME688(temperature, humidity, pressure, gas)
	c.high = false
	c.PowerOff()
	return c
}

// PowerOff sets all registers to what they are after a start.
func (c *BME688) PowerOff() {
	c.regs, c.at, c.done = [256]byte{}, 0, time.Time{}
	c.regs[0xD0] = 0x61
	if c.high {
		c.regs[0xF0] = 1
	}
	t := &bme688Trim
	word := func(reg int, v uint16) { c.regs[reg], c.regs[reg+1] = byte(v), byte(v>>8) }
	word(0xE9, t.t1)
	word(0x8A, uint16(t.t2))
	c.regs[0x8C] = byte(t.t3)
	word(0x8E, t.p1)
	word(0x90, uint16(t.p2))
	c.regs[0x92] = byte(t.p3)
	word(0x94, uint16(t.p4))
	word(0x96, uint16(t.p5))
	c.regs[0x98], c.regs[0x99] = byte(t.p7), byte(t.p6)
	word(0x9C, uint16(t.p8))
	word(0x9E, uint16(t.p9))
	c.regs[0xA0] = t.p10
	c.regs[0xE1], c.regs[0xE2], c.regs[0xE3] = byte(t.h2>>4), byte(t.h2&15)<<4|byte(t.h1&15), byte(t.h1>>4)
	c.regs[0xE4], c.regs[0xE5], c.regs[0xE6], c.regs[0xE7], c.regs[0xE8] = byte(t.h3), byte(t.h4), byte(t.h5), t.h6, byte(t.h7)
	word(0xEB, uint16(t.gh2))
	c.regs[0xED], c.regs[0xEE] = byte(t.gh1), byte(t.gh3)
	c.regs[0x00], c.regs[0x02], c.regs[0x04] = byte(t.resHeatVal), t.resHeatRange<<4, byte(t.rangeSwErr)<<4
	c.regs[0x1F], c.regs[0x22], c.regs[0x25] = 0x80, 0x80, 0x80
}

// Heater is the temperature in °C that the hot plate is set to.
func (c *BME688) Heater() int {
	return int(search(600, func(target int32) bool { return bme688Heat(target) >= int32(c.regs[0x5A]) }))
}

// bme688Heat is the code of a temperature of the hot plate in air of 25 °C.
func bme688Heat(target int32) int32 {
	t := &bme688Trim
	a := 25 * int32(t.gh3) / 1000 * 256
	b := (int32(t.gh1) + 784) * (((int32(t.gh2)+154009)*target*5/100 + 3276800) / 10)
	d := (a + b/2) / (int32(t.resHeatRange) + 4) / (131*int32(t.resHeatVal) + 65536)
	return ((d-250)*34 + 50) / 100
}

func (c *BME688) catchUp(now time.Time) {
	if !c.done.IsZero() && !now.Before(c.done) {
		c.done = time.Time{}
		c.regs[0x74] &^= 3 // back to sleep
		c.convert(now)
	}
}

// Write takes pairs of register and value; a last register alone is where the next read begins.
func (c *BME688) Write(now time.Time, w []byte) bool {
	c.catchUp(now)
	for ; len(w) > 1; w = w[2:] {
		switch reg := w[0]; {
		case reg == 0xE0 && w[1] == 0xB6:
			c.PowerOff()
		case reg >= 0x50 && reg <= 0x75 && reg != 0x73:
			c.regs[reg] = w[1]
		}
		if w[0] == 0x74 && w[1]&3 == 1 {
			c.done = now.Add(c.duration())
			c.regs[0x1D] = 1 << 5 // measuring
		}
	}
	if len(w) == 1 {
		c.at = w[0]
	}
	return true
}

// running tells whether the gas is measured, too.
func (c *BME688) running() bool {
	bit := byte(1 << 4)
	if c.high {
		bit = 1 << 5
	}
	return c.regs[0x71]&bit != 0 && c.regs[0x70]&8 == 0
}

// duration is that of bme68x_get_meas_dur, and of heating.
func (c *BME688) duration() time.Duration {
	n := times(c.regs[0x74]>>5) + times(c.regs[0x74]>>2&7) + times(c.regs[0x72]&7)
	d := time.Duration(1963*n+477*9+1000) * time.Microsecond
	if c.running() {
		d += time.Duration(int(c.regs[0x64]&0x3F)<<(2*(c.regs[0x64]>>6))) * time.Millisecond
	}
	return d
}

// Read gives registers one after the other. Who has read the results has them no more for new.
func (c *BME688) Read(now time.Time, r []byte) bool {
	c.catchUp(now)
	fresh := c.at <= 0x1D && int(c.at)+len(r) > 0x1D
	for i := range r {
		r[i] = c.regs[c.at]
		c.at++
	}
	if fresh {
		c.regs[0x1D] &^= 1 << 7
	}
	return true
}

// convert finds what the converters would have given: the count whose value is the world's.
func (c *BME688) convert(now time.Time) {
	put20 := func(reg byte, v int32) {
		c.regs[reg], c.regs[reg+1], c.regs[reg+2] = byte(v>>12), byte(v>>4), byte(v<<4)
	}
	t, p, h := int32(0x80000), int32(0x80000), int32(0x8000)
	if c.regs[0x74]>>5 != 0 {
		want := int32(math.Round(100 * c.Temperature(now)))
		t = search(1<<20, func(raw int32) bool { v, _ := bme688Celsius(raw); return v >= want })
	}
	_, fine := bme688Celsius(t)
	if c.regs[0x74]>>2&7 != 0 {
		want := int32(math.Round(100 * c.Pressure(now)))
		p = search(1<<20, func(raw int32) bool { return bme688Pascal(raw, fine) <= want })
	}
	if c.regs[0x72]&7 != 0 {
		want := int32(math.Round(1000 * c.Humidity(now)))
		h = search(1<<16, func(raw int32) bool { return bme688Percent(raw, fine) >= want })
	}
	put20(0x22, t)
	put20(0x1F, p)
	c.regs[0x25], c.regs[0x26] = byte(h>>8), byte(h)
	c.regs[0x1D] = 1 << 7
	if !c.running() {
		return
	}
	adc, span := c.gas(c.Gas(now))
	low := byte(adc<<6) | 1<<5 | span
	if heat := c.Heater(); heat >= 200 && heat <= 400 && c.regs[0x64] != 0 {
		low |= 1 << 4
	}
	reg := 0x2A
	if c.high {
		reg = 0x2C
	}
	c.regs[reg], c.regs[reg+1] = byte(adc>>2), low
}

// gas finds the count and the range of a resistance.
func (c *BME688) gas(ohm float64) (adc int32, span byte) {
	for span = 0; span < 15; span++ {
		if c.ohm(1023, span) <= ohm {
			break
		}
	}
	return search(1024, func(n int32) bool { return c.ohm(n, span) <= ohm }), span
}

func (c *BME688) ohm(adc int32, span byte) float64 {
	if c.high {
		// Bosch's code rounds to 100 Ω.
		return float64(int64(262144) >> span * 1_000_000 / int64(4096+(adc-512)*3))
	}
	// bme680: two tables stand for the corrections and the size of a range.
	one := [16]int64{
		2147483647, 2147483647, 2147483647, 2147483647, 2147483647, 2126008810, 2147483647, 2130303777,
		2147483647, 2147483647, 2143188679, 2136746228, 2147483647, 2126008810, 2147483647, 2147483647,
	}
	two := [16]int64{
		4096000000, 2048000000, 1024000000, 512000000, 255744255, 127110228, 64000000, 32258064,
		16016016, 8000000, 4000000, 2000000, 1000000, 500000, 250000, 125000,
	}
	a := (1340 + 5*int64(bme688Trim.rangeSwErr)) * one[span] >> 16
	b := int64(adc)<<15 - 16777216 + a
	return float64((two[span]*a>>9 + b>>1) / b)
}

// In 0.01 °C; fine is the temperature for the other two.
func bme688Celsius(adc int32) (hundredths, fine int32) {
	t := &bme688Trim
	a := adc>>3 - int32(t.t1)<<1
	fine = a*int32(t.t2)>>11 + a>>1*(a>>1)>>12*(int32(t.t3)<<4)>>14
	return (fine*5 + 128) >> 8, fine
}

// In Pa. Bosch's code takes care that nothing outgrows 32 bits; with 64 there is no need.
func bme688Pascal(adc, fine32 int32) int32 {
	t, fine := &bme688Trim, int64(fine32)
	a := fine>>1 - 64000
	b := a >> 2 * (a >> 2) >> 11 * int64(t.p6) >> 2
	b = (b+a*int64(t.p5)<<1)>>2 + int64(t.p4)<<16
	a = a>>2*(a>>2)>>13*(int64(t.p3)<<5)>>3 + int64(t.p2)*a>>1
	a = (32768 + a>>18) * int64(t.p1) >> 15
	p := (1048576 - int64(adc) - b>>12) * 3125 << 1 / a
	p += (int64(t.p9)*(p>>3*(p>>3)>>13)>>12 + p>>2*int64(t.p8)>>13 + p>>8*(p>>8)*(p>>8)*int64(t.p10)>>17 + int64(t.p7)<<7) >> 4
	return int32(p)
}

// In 0.001 %.
func bme688Percent(adc, fine int32) int32 {
	t := &bme688Trim
	c := (fine*5 + 128) >> 8
	a := adc - int32(t.h1)*16 - c*int32(t.h3)/100>>1
	b := int32(t.h2) * (c*int32(t.h4)/100 + c*(c*int32(t.h5)/100)>>6/100 + 1<<14) >> 10
	v := a * b
	w := (int32(t.h6)<<7 + c*int32(t.h7)/100) >> 4
	v += w * (v >> 14 * (v >> 14) >> 10) >> 1
	return min(max(v>>10*1000>>12, 0), 100_000)
}
