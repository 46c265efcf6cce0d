package sim

import "time"

func init() {
	register("vl53l0x", []uint16{0x29}, func(uint16) Chip {
		return &VL53L0X{Metres: func(now time.Time) float64 { return wave(now, 0.6, 0.4) }}
	})
}

// VL53L0X is a range finder as ST's programming interface knows it (STSW-IMG005): it wants its settings, the number that
// it tells itself, and a calibration before it measures.
type VL53L0X struct {
	Metres func(now time.Time) float64 // to what is before it; 8 and more = nothing

	on      bool
	pages   map[byte]*[256]byte
	pointer byte
	at      time.Time // when what goes on is done; zero = nothing does
	voltage bool      // calibrated
	phase   bool
	result  [12]byte
}

const vl53l0xStop = 0x3C // this one's number

func (c *VL53L0X) PowerOff() { c.on = false }

func (c *VL53L0X) powerOn() {
	if c.on {
		return
	}
	*c = VL53L0X{Metres: c.Metres, on: true, pages: map[byte]*[256]byte{}}
	first := c.page(0)
	first[0x01], first[0x84], first[0xC0], first[0xC1], first[0xC2] = 0xFF, 0x11, 0xEE, 0xAA, 0x10
	copy(first[0xB0:], []byte{0xFF, 0xFE, 0xFF, 0xEF, 0xFF, 0x3F})
	c.page(1)[0x91] = vl53l0xStop
	c.page(7)[0x92] = 0x85 // five detectors, with an aperture
}

// page holds registers of one page.
func (c *VL53L0X) page(n byte) *[256]byte {
	p := c.pages[n]
	if p == nil {
		p = new([256]byte)
		c.pages[n] = p
	}
	return p
}

// current is the page that 0xFF selects. The identification is on every page.
func (c *VL53L0X) current() byte { return c.page(0)[0xFF] }

func (c *VL53L0X) Write(now time.Time, w []byte) bool {
	c.powerOn()
	c.settle(now)
	c.pointer = w[0]
	for _, v := range w[1:] {
		c.set(now, v)
		c.pointer++
	}
	return true
}

func (c *VL53L0X) set(now time.Time, v byte) {
	first := c.page(0)
	switch reg, page := c.pointer, c.current(); {
	case reg == 0xFF:
		first[0xFF] = v
	case page == 7 && reg == 0x83 && v == 0: // the detectors are looked up
		c.page(7)[0x83] = 0
		if c.page(7)[0x94] == 0x6B {
			c.at = now.Add(2 * time.Millisecond)
		}
	case page == 0 && reg == 0x0B: // the interrupt is taken
		first[0x13] = 0
	case page == 0 && reg == 0x00 && first[0x80] == 0 && v&1 != 0:
		c.start(now, v)
	case page == 0 && reg == 0x00:
	default:
		c.page(page)[reg] = v
	}
}

// start begins a calibration or a measurement, which lasts about as long as the time-out of its final range.
func (c *VL53L0X) start(now time.Time, v byte) {
	first := c.page(0)
	first[0x00] = v
	switch {
	case first[0x01] == 0x01 && v == 0x41:
		c.at = now.Add(3 * time.Millisecond)
	case first[0x01] == 0x02 && v == 0x01:
		c.at = now.Add(4 * time.Millisecond)
	case first[0x01]&0xC0 == 0xC0 && c.page(1)[0x91] == vl53l0xStop:
		periods := int(first[0x72])<<first[0x71] + 1
		c.at = now.Add(17*time.Millisecond + time.Duration(periods-151)*38131)
	}
}

// settle ends what was begun.
func (c *VL53L0X) settle(now time.Time) {
	if c.at.IsZero() || now.Before(c.at) {
		return
	}
	c.at = time.Time{}
	first := c.page(0)
	if first[0x00] == 0 { // not started: it was the look-up
		c.page(7)[0x83] = 0x10
		return
	}
	switch first[0x01] {
	case 0x01:
		c.voltage = true
	case 0x02:
		c.phase = true
	default:
		status, mm := byte(11), uint16(c.Metres(now)*1000+0.5)
		switch {
		case !c.voltage || !c.phase || first[0x48] != 0x28:
			status = 3
		case mm >= 8000:
			status, mm = 4, 8191
		}
		c.result = [12]byte{0: status << 3, 10: byte(mm >> 8), 11: byte(mm)}
	}
	first[0x00], first[0x13] = 0, 0x44
}

func (c *VL53L0X) Read(now time.Time, r []byte) bool {
	c.powerOn()
	c.settle(now)
	for i := range r {
		reg, page := c.pointer, c.current()
		switch {
		case page == 0 && reg >= 0x14 && reg < 0x20:
			r[i] = c.result[reg-0x14]
		case reg == 0xFF:
			r[i] = page
		case reg >= 0xC0 && reg <= 0xC2:
			r[i] = c.page(0)[reg]
		default:
			r[i] = c.page(page)[reg]
		}
		c.pointer++
	}
	return true
}
