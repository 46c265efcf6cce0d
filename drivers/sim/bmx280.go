package sim

import (
	"math"
	"time"
)

func init() {
	at := []uint16{0x76, 0x77}
	register("bme280", at, func(uint16) Chip { return NewBME280(Swing(21, 3), Swing(45, 10), Swing(1013, 5)) })
	register("bmp280", at, func(uint16) Chip { return NewBMP280(Swing(21, 3), Swing(1013, 5)) })
}

// BMX280 is a Bosch BME280 or BMP280 down to its registers, as their datasheets describe them (BME280 revision 1.6,
// section 5; BMP280 revision 1.14, section 4). It computes with the formulas for whole numbers, the driver with those
// for real ones.
type BMX280 struct {
	Temperature, Humidity, Pressure Signal // °C, %, hPa

	id      byte
	regs    [256]byte
	at      byte // the register the next read begins at
	hum     byte // ctrl_hum as it was when ctrl_meas was last written, which is when it takes effect
	busy    bool // a measurement runs
	done    time.Time
	started bool
	loaded  time.Time // when the calibration is there after a start
}

// The trimming of a chip that was read out: that of the Python library pimoroni/bme280-python, tests/calibration.py.
var bmx280Trim = struct {
	t1, p1                                     uint16
	t2, t3, p2, p3, p4, p5, p6, p7, p8, p9, h2 int16
	h1, h3                                     uint8
	h4, h5                                     int16
	h6                                         int8
}{
	t1: 28009, t2: 25654, t3: 50,
	p1: 39145, p2: -10750, p3: 3024, p4: 5667, p5: -120, p6: -7, p7: 15500, p8: -14600, p9: 6000,
	h1: 75, h2: 376, h3: 0, h4: 286, h5: 50, h6: 30,
}

// NewBME280 makes a BME280.
func NewBME280(temperature, humidity, pressure Signal) *BMX280 {
	c := &BMX280{Temperature: temperature, Humidity: humidity, Pressure: pressure, id: 0x60}
	c.PowerOff()
	return c
}

// NewBMP280 makes a BMP280, which has no sensor for humidity.
func NewBMP280(temperature, pressure Signal) *BMX280 {
	c := &BMX280{Temperature: temperature, Pressure: pressure, id: 0x58}
	c.PowerOff()
	return c
}

// PowerOff sets all registers to what they are after a start.
func (c *BMX280) PowerOff() {
	c.regs, c.at, c.hum, c.busy, c.started = [256]byte{}, 0, 0, false, false
	c.regs[0xD0] = c.id
	t := &bmx280Trim
	for i, v := range []uint16{t.t1, uint16(t.t2), uint16(t.t3), t.p1, uint16(t.p2), uint16(t.p3), uint16(t.p4),
		uint16(t.p5), uint16(t.p6), uint16(t.p7), uint16(t.p8), uint16(t.p9)} {
		c.regs[0x88+2*i], c.regs[0x89+2*i] = byte(v), byte(v>>8)
	}
	c.regs[0xF7], c.regs[0xFA] = 0x80, 0x80
	if c.id == 0x60 {
		c.regs[0xA1] = t.h1
		c.regs[0xE1], c.regs[0xE2], c.regs[0xE3] = byte(t.h2), byte(t.h2>>8), t.h3
		c.regs[0xE4], c.regs[0xE5], c.regs[0xE6] = byte(t.h4>>4), byte(t.h4&15)|byte(t.h5&15)<<4, byte(t.h5>>4)
		c.regs[0xE7] = byte(t.h6)
		c.regs[0xFD] = 0x80
	}
}

// catchUp ends a start or a measurement whose time is over.
func (c *BMX280) catchUp(now time.Time) {
	if !c.started {
		c.started, c.loaded = true, now.Add(2*time.Millisecond)
	}
	if c.busy && !now.Before(c.done) {
		c.busy = false
		c.regs[0xF4] &^= 3 // back to sleep
		c.convert(now)
	}
	c.regs[0xF3] = 0
	if c.busy {
		c.regs[0xF3] |= 8
	}
	if now.Before(c.loaded) {
		c.regs[0xF3] |= 1
	}
}

// Write takes pairs of register and value; a last register alone is where the next read begins.
func (c *BMX280) Write(now time.Time, w []byte) bool {
	c.catchUp(now)
	for len(w) > 1 {
		c.set(now, w[0], w[1])
		w = w[2:]
	}
	if len(w) == 1 {
		c.at = w[0]
	}
	return true
}

func (c *BMX280) set(now time.Time, reg, v byte) {
	switch {
	case reg == 0xE0 && v == 0xB6:
		c.PowerOff()
		c.started, c.loaded = true, now.Add(2*time.Millisecond)
	case reg == 0xF2 && c.id == 0x60:
		c.regs[reg] = v & 7
	case reg == 0xF4:
		c.regs[reg], c.hum = v, c.regs[0xF2]
		if mode := v & 3; mode == 1 || mode == 2 {
			c.busy, c.done = true, now.Add(c.duration())
		}
	case reg == 0xF5:
		c.regs[reg] = v
	}
}

// duration is the longest time of a measurement (BME280, section 9.1).
func (c *BMX280) duration() time.Duration {
	us := 1250
	if n := times(c.regs[0xF4] >> 5); n > 0 {
		us += 2300 * n
	}
	if n := times(c.regs[0xF4] >> 2 & 7); n > 0 {
		us += 2300*n + 575
	}
	if n := times(c.hum); n > 0 {
		us += 2300*n + 575
	}
	return time.Duration(us) * time.Microsecond
}

// times is how often a quantity is measured for one value.
func times(osrs byte) int {
	if osrs == 0 {
		return 0
	}
	return 1 << (min(osrs, 5) - 1)
}

// Read gives registers one after the other.
func (c *BMX280) Read(now time.Time, r []byte) bool {
	c.catchUp(now)
	for i := range r {
		r[i] = c.regs[c.at]
		c.at++
	}
	return true
}

// convert finds what the converters would have given: the count whose value is the world's.
func (c *BMX280) convert(now time.Time) {
	put20 := func(reg byte, v int32) {
		c.regs[reg], c.regs[reg+1], c.regs[reg+2] = byte(v>>12), byte(v>>4), byte(v<<4)
	}
	const skipped = 0x80000
	t, p, h := int32(skipped), int32(skipped), int32(0x8000)
	if c.regs[0xF4]>>5 != 0 {
		want := int32(math.Round(100 * c.Temperature(now)))
		t = search(1<<20, func(raw int32) bool { v, _ := bmx280Celsius(raw); return v >= want })
	}
	_, fine := bmx280Celsius(t)
	if c.regs[0xF4]>>2&7 != 0 {
		want := int64(math.Round(25600 * c.Pressure(now)))
		p = search(1<<20, func(raw int32) bool { return bmx280Pascal(raw, fine) <= want })
	}
	put20(0xFA, t)
	put20(0xF7, p)
	if c.id != 0x60 {
		return
	}
	if c.hum != 0 {
		want := int32(math.Round(1024 * c.Humidity(now)))
		h = search(1<<16, func(raw int32) bool { return bmx280Percent(raw, fine) >= want })
	}
	c.regs[0xFD], c.regs[0xFE] = byte(h>>8), byte(h)
}

// search returns the first count below n that is far enough.
func search(n int32, enough func(int32) bool) int32 {
	lo, hi := int32(0), n-1
	for lo < hi {
		mid := (lo + hi) / 2
		if enough(mid) {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

// The formulas for whole numbers (BME280, section 4.2.3). In 0.01 °C; fine is the temperature for the other two.
func bmx280Celsius(adc int32) (hundredths, fine int32) {
	c := &bmx280Trim
	a := (adc>>3 - int32(c.t1)<<1) * int32(c.t2) >> 11
	b := (adc>>4 - int32(c.t1)) * (adc>>4 - int32(c.t1)) >> 12 * int32(c.t3) >> 14
	fine = a + b
	return (fine*5 + 128) >> 8, fine
}

// In Pa/256.
func bmx280Pascal(adc, fine int32) int64 {
	c := &bmx280Trim
	a := int64(fine) - 128000
	b := a*a*int64(c.p6) + a*int64(c.p5)<<17 + int64(c.p4)<<35
	a = a*a*int64(c.p3)>>8 + a*int64(c.p2)<<12
	a = (1<<47 + a) * int64(c.p1) >> 33
	if a == 0 {
		return 0
	}
	p := (int64(1048576-adc)<<31 - b) * 3125 / a
	a = int64(c.p9) * (p >> 13) * (p >> 13) >> 25
	b = int64(c.p8) * p >> 19
	return (p+a+b)>>8 + int64(c.p7)<<4
}

// In %/1024.
func bmx280Percent(adc, fine int32) int32 {
	c := &bmx280Trim
	v := fine - 76800
	v = ((adc<<14 - int32(c.h4)<<20 - int32(c.h5)*v + 16384) >> 15) *
		(((v*int32(c.h6)>>10*(v*int32(c.h3)>>11+32768)>>10+2097152)*int32(c.h2) + 8192) >> 14)
	v -= v >> 15 * (v >> 15) >> 7 * int32(c.h1) >> 4
	return min(max(v, 0), 419430400) >> 12
}
