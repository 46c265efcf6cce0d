package sim

import (
	"math"
	"time"
)

func init() {
	register("scd4x", []uint16{0x62}, func(uint16) Chip { return NewSCD4x(Swing(800, 300), Swing(21, 3), Swing(45, 10)) })
}

// SCD4x is a Sensirion SCD40 or SCD41 as its data sheet describes it (section 3), seen from the bus.
type SCD4x struct {
	CO2, Temperature, Humidity Signal // ppm, °C, %

	periodic  bool
	next      time.Time // when the next measurement is ready
	ready     []byte    // a measurement that was not read
	offset    uint16
	altitude  uint16
	selfCalib uint16
	once
}

// NewSCD4x makes one.
func NewSCD4x(co2, temperature, humidity Signal) *SCD4x {
	c := &SCD4x{CO2: co2, Temperature: temperature, Humidity: humidity}
	c.PowerOff()
	return c
}

// PowerOff has it forget what it was told. The offset is 4 °C as delivered, and it calibrates itself.
func (c *SCD4x) PowerOff() {
	*c = SCD4x{CO2: c.CO2, Temperature: c.Temperature, Humidity: c.Humidity, offset: 0x05DA, selfCalib: 1}
}

const scd4xInterval = 5 * time.Second

func (c *SCD4x) catchUp(now time.Time) {
	for c.periodic && !now.Before(c.next) {
		at := c.next
		c.next = c.next.Add(scd4xInterval)
		warmer := float64(c.offset) * 175 / 65535 // the offset takes off what the chip warms itself by
		t := c.Temperature(at) + 4 - warmer
		c.ready = append(word(uint16(math.Round(c.CO2(at)))), word(ticks((t+45)/175))...)
		c.ready = append(c.ready, word(ticks(c.Humidity(at)/100))...)
	}
}

// Write takes a command and its argument. While it measures it takes few of them.
func (c *SCD4x) Write(now time.Time, w []byte) bool {
	c.catchUp(now)
	if now.Before(c.busyUntil) || len(w) < 2 {
		return false
	}
	cmd := uint16(w[0])<<8 | uint16(w[1])
	var arg uint16
	if len(w) > 2 {
		if len(w) != 5 {
			return true // half an argument is forgotten
		}
		arg = uint16(w[2])<<8 | uint16(w[3])
		if checksum(arg) != w[4] {
			return false
		}
	}
	switch cmd {
	case 0xEC05, 0xE4B8, 0x3F86:
	default:
		if c.periodic {
			return false
		}
	}
	c.answer, c.busyUntil = nil, now.Add(time.Millisecond)
	switch cmd {
	case 0x21B1: // start_periodic_measurement
		c.periodic, c.next, c.ready, c.busyUntil = true, now.Add(scd4xInterval), nil, now
	case 0x3F86: // stop_periodic_measurement
		c.periodic, c.ready, c.busyUntil = false, nil, now.Add(500*time.Millisecond)
	case 0xEC05: // read_measurement: without one it does not answer
		c.answer, c.ready = c.ready, nil
	case 0xE4B8: // get_data_ready_status
		c.answer = word(0x8000)
		if c.ready != nil {
			c.answer = word(0x8006)
		}
	case 0x3682: // get_serial_number: that of the data sheet's example
		c.answer = append(append(word(0xF896), word(0x9F07)...), word(0x3BBE)...)
	case 0x241D:
		c.offset = arg
	case 0x2318:
		c.answer = word(c.offset)
	case 0x2427:
		c.altitude = arg
	case 0x2322:
		c.answer = word(c.altitude)
	case 0x2416:
		c.selfCalib = arg
	case 0x2313:
		c.answer = word(c.selfCalib)
	default:
		return false
	}
	return true
}

// Read gives the answer once; beyond it the line is left alone, which reads as ones.
func (c *SCD4x) Read(now time.Time, r []byte) bool {
	c.catchUp(now)
	return c.once.Read(now, r)
}
