// Package nmea is for receivers of GPS, Galileo, GLONASS and BeiDou that tell position and time in sentences of NMEA 0183.
//
// Wiring: power (3.3 to 5 V by module) and ground; its TX to our RX. Its RX may stay open. A position needs a view of
// the sky and, the first time, up to a minute; accurate to some metres.
//
// Source: NMEA 0183, version 3.01, sentences RMC and GGA, as in u-blox M8 Receiver Description, Protocol Specification,
// section NMEA Protocol.
package nmea

import (
	"context"
	"fmt"
	"time"

	"selvage/edge/device"
)

func init() { device.RegisterSerial("nmea", Config{Baud: 9600}, Open) }

// Config is one [device.…] table of the host file.
type Config struct {
	_     struct{} `doc:"A GPS receiver that speaks NMEA 0183: position, speed and time." example:"gps"`
	Baud  int      `toml:"baud" doc:"its speed: 9600, with old ones 4800, with some 38400 or 115200"`
	Trust bool     `toml:"trust" doc:"whether its time counts as long as the system does not know the time"`
}

// Check names what cannot work.
func (c Config) Check(fault func(key, problem, remedy string)) {
	if c.Baud < 300 || c.Baud > 921600 {
		fault("baud", fmt.Sprintf("no receiver has %d baud", c.Baud), "use 9600, or what its manual says")
	}
}

// Within is two rounds of sentences, which come each second, and one that was missed.
func (Config) Within() time.Duration { return 3 * time.Second }

// longest is three rounds of a receiver that tells of fifty satellites.
const longest = 8192

// Dev is one receiver.
type Dev struct {
	port   device.Port
	trust  bool
	talker string
	wall   time.Time // as it was told last; zero if it cannot be relied on
}

// Open waits for a round of sentences, which proves that a receiver is there and the speed right.
func Open(ctx context.Context, port device.Port, c Config) (*Dev, error) {
	if err := port.SetMode(device.Mode{Baud: c.Baud, Data: 8, Parity: "none", Stop: 1}); err != nil {
		return nil, err
	}
	d := &Dev{port: port, trust: c.Trust}
	r, err := d.next(ctx)
	d.talker = r.talker
	if err != nil {
		return nil, err
	}
	return d, nil
}

// talkers are the first two letters of a sentence: whose satellites the position is from.
var talkers = map[string]string{
	"GP": "GPS", "GL": "GLONASS", "GA": "Galileo", "GB": "BeiDou", "BD": "BeiDou", "GQ": "QZSS", "GI": "NavIC", "GN": "GNSS",
}

// Info tells whose satellites it follows.
func (d *Dev) Info() device.Info {
	model := talkers[d.talker]
	if model == "" {
		model = "NMEA 0183"
	}
	return device.Info{Driver: "nmea", Wire: d.port.String(), Model: model + " receiver"}
}

// Channels are position, movement, and how well they are known.
func (d *Dev) Channels() []device.Channel {
	return []device.Channel{
		{Name: "latitude", Unit: "deg", Min: -90, Max: 90, Resolution: 1e-6},
		{Name: "longitude", Unit: "deg", Min: -180, Max: 180, Resolution: 1e-6},
		{Name: "altitude", Unit: "m", Min: -500, Max: 50000, Resolution: 0.1},
		{Name: "speed", Unit: "km/h", Max: 2000, Resolution: 0.01},
		{Name: "course", Unit: "deg", Max: 360, Resolution: 0.1},
		{Name: "satellites", Unit: "1", Max: 99},
		{Name: "hdop", Unit: "1", Max: 100, Resolution: 0.01},
		{Name: "fix", Form: device.Text},
		{Name: "time", Form: device.Text},
	}
}

// Read waits for the next round of sentences.
func (d *Dev) Read(ctx context.Context) (device.Sample, error) {
	d.wall = time.Time{}
	r, err := d.next(ctx)
	if err != nil {
		return nil, err
	}
	d.wall = r.wall()
	return r.decode(), nil
}

// Wall is the time at the last Read, late by up to a second, if the config has it trusted and satellites told it.
func (d *Dev) Wall() (t time.Time, ok bool) { return d.wall, d.trust && !d.wall.IsZero() }

func (d *Dev) next(ctx context.Context) (r round, err error) {
	if err := ctx.Err(); err != nil {
		return r, err
	}
	if err := d.port.ResetInputBuffer(); err != nil {
		return r, err
	}
	_, err = device.Receive(ctx, d.port, "round of NMEA 0183 sentences (RMC, GGA)", longest, func(came []byte) []byte {
		var whole bool
		if r, whole = roundIn(came); whole {
			return came
		}
		return nil
	})
	return r, err
}

// Close has nothing to do: the receiver goes on talking.
func (d *Dev) Close() error { return nil }

var _ device.Sensor = (*Dev)(nil)
