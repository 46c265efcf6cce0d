// Package sim is for trying Selvage without hardware: it stands in for the wires of a room, below the
// drivers, so that the very driver code runs that runs on chips.
//
// A bus called like a chip, such as "sim:bme280", has one at every address that it may have, so that any driver can be
// tried, and so has a pin: "sim:gpio-in/GPIO4" a button that is pressed now and then, "sim:pulse/GPIO4" a meter with
// pulses, "sim:hc-sr04/GPIO23" and its echo, "sim:hc-sr04/GPIO24", an ultrasonic sensor. The bus "sim:room" has a Sensirion SHT4x at 0x44, simulated down to its commands, and the pin
// "sim:room/GPIO17" a relay with a heater. Any other word after the colon is another room.
//
// What else there is in a room, the driver sim makes up: quantities that drift, swing, and give way to the
// room's pins, which are GPIO0 to GPIO27.
//
//	[device.bed]
//	driver = "sim"
//	room   = "sim:room"
//
//	[device.bed.channel.soil]
//	unit  = "%"
//	start = 60.0
//	max   = 100.0                  # it stays between 0 and that
//	rate  = -0.5                   # it dries by half a percent a second,
//	pins  = { GPIO27 = 10.0 }      # and gains ten a second while the valve on this pin is open
//
//	[device.bed.channel.light]
//	unit   = "lx"
//	start  = 5000.0
//	swing  = 5000.0                # a day, from 0 to 10000
//	period = "2m"                  # of two minutes
//	noise  = 20.0
//
//	[device.valve]
//	driver = "gpio-out"
//	pin    = "sim:room/GPIO27"
//
// What goes wrong with such a sensor, or with a simulated bus or port of others, stands in a timetable, so that one can
// see what the host makes of it. All chance in it is made of the device's seed.
//
//	[[device.bed.fault]]
//	kind    = "stuck"              # or dead, slow, drop-out, spike, drift, noise
//	channel = "light"
//	after   = "10m"                # from the start of the host
//	for     = "2m"
//	every   = "1h"
//
//	[[device.bed.fault]]
//	kind  = "unplugged"            # or noisy, held, ones
//	wire  = "sim:room"             # of the chip that another device reads
//	after = "5m"
//	for   = "30s"
package sim

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/i2c"

	"selvage/edge/device"
)

func init() {
	device.RegisterBus("sim", device.Wires{
		I2C: func(_ context.Context, name string) (i2c.BusCloser, error) {
			if strings.Contains(name, "/") {
				return nil, errors.New("a simulated bus is called like its room: sim:room")
			}
			return FindBoard(name).Bus(), nil
		},
		SPI:  openSPI,
		Port: openPort,
		Pin: func(_ context.Context, name string) (gpio.PinIO, error) {
			room, pin, _ := strings.Cut(name, "/")
			number, ok := pinNumber(pin)
			if !ok {
				return nil, &device.Fault{
					Text:   fmt.Sprintf("the simulated room %s has no pin %q", room, pin),
					Remedy: fmt.Sprintf("its pins are %s/GPIO0 to GPIO%d, and GPIO%d switches its heater", room, pins-1, heaterPin),
				}
			}
			if c, ok := things[chipOf(room)]; ok {
				return newInput(name, number, c), nil
			}
			if chipOf(room) == "hc-sr04" {
				return &sonarPin{passive{name, number}, FindSonar(room)}, nil
			}
			return Find(room).Pin(number), nil
		},
	})
}

// The room: a small one with a strong heater, so that a thermostat can be watched at work. From 20 °C
// it gains 1 K in about 15 s with the heater on and loses 1 K in about 45 s with it off.
const (
	ambient  = 17.0 // °C it cools down to
	heated   = 29.0 // °C it would reach with the heater always on
	initial  = 20.0 // °C at the start
	inertia  = 120  // s, the time constant of both
	moisture = 0.45 // relative humidity at initial; the water in the air stays what it is
	noiseT   = 0.02 // K, standard deviation; the chip's repeatability is 0.04 K at three sigma
	noiseRH  = 0.08 // %

	chipAddress = 0x44
)

// Room is a simulated room with one sensor and one heater. It has no goroutine: it catches up with
// the time when it is looked at.
type Room struct {
	*Board // with the sensor

	mu     sync.Mutex
	noise  *rand.Rand
	began  time.Time
	seed   uint64
	at     time.Time  // of what follows
	temp   float64    // °C
	high   [pins]bool // pins that are driven high
	levels map[string]*level
}

var rooms = struct {
	sync.Mutex
	m map[string]*Room
}{m: map[string]*Room{}}

// Find returns the room of that name, "sim:room"; it is built when it is first asked for.
func Find(name string) *Room {
	rooms.Lock()
	defer rooms.Unlock()
	r := rooms.m[name]
	if r == nil {
		h := fnv.New64a()
		h.Write([]byte(name))
		r = NewRoom(name, h.Sum64())
		rooms.m[name] = r
	}
	return r
}

// NewRoom builds a room that only the caller knows, with its own noise.
func NewRoom(name string, seed uint64) *Room {
	now := time.Now()
	r := &Room{Board: NewBoard(name), seed: seed, noise: rand.New(rand.NewPCG(seed, 1)), temp: initial, began: now, at: now, levels: map[string]*level{}}
	r.Plug(chipAddress, &sht4x{serial: uint32(seed), measure: r.measure})
	return r
}

// Heating tells whether the heater is on.
func (r *Room) Heating() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.high[heaterPin]
}

// Temperature returns the true temperature in °C, without the sensor's noise.
func (r *Room) Temperature() float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.catchUp()
	return r.temp
}

// catchUp moves the room to the present: a body with one time constant nears the temperature it would
// end at, and levels have drifted.
func (r *Room) catchUp() {
	now := time.Now()
	passed := now.Sub(r.at).Seconds()
	end := ambient
	if r.high[heaterPin] {
		end = heated
	}
	r.temp = end + (r.temp-end)*math.Exp(-passed/inertia)
	for _, l := range r.levels {
		l.drift(passed, &r.high)
		l.wander(now.Sub(r.began))
	}
	r.at = now
}

func (r *Room) drive(pin int, high bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.catchUp()
	r.high[pin] = high
}

// measure is what the sensor sees: °C and %.
func (r *Room) measure() (t, rh float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.catchUp()
	rh = 100 * moisture * saturation(initial) / saturation(r.temp)
	return r.temp + noiseT*r.noise.NormFloat64(), rh + noiseRH*r.noise.NormFloat64()
}

// saturation is the pressure of water vapour in saturated air in hPa at t °C: Magnus formula with the
// constants of Sonntag 1990.
func saturation(t float64) float64 { return 6.112 * math.Exp(17.62*t/(243.12+t)) }
