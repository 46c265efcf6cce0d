// Package pms5003 is for the Plantower PMS5003 and its relatives with the same frame (PMS7003, PMSA003), which count the
// particles in air with a laser and tell the mass of fine dust.
//
// Wiring: 5 V (the fan needs it) and ground; its TXD to our RX, its RXD to our TX, both of 3.3 V. Effective range 0 to
// 500 µg/m³, at most 1000; 0 to 50 °C. The laser lasts some 8,000 h.
//
// Source: Plantower, PMS5003 series data manual, version 2.3, 2016: appendix I (frame), appendix II (commands).
package pms5003

import (
	"bytes"
	"context"
	"encoding/binary"
	"time"

	"selvage/edge/device"
)

func init() { device.RegisterSerial("pms5003", Config{}, Open) }

// Config is one [device.…] table of the host file.
type Config struct {
	_ struct{} `doc:"Plantower PMS5003, PMS7003 or PMSA003 on a serial port: fine dust PM1, PM2.5 and PM10." example:"dust"`
}

// Within is longer than the 2.3 s between two frames of a device that speaks unasked: some copies know no commands.
func (Config) Within() time.Duration { return 3 * time.Second }

// Commands of appendix II, with their checksums.
var (
	wake    = []byte{0x42, 0x4D, 0xE4, 0x00, 0x01, 0x01, 0x74}
	passive = []byte{0x42, 0x4D, 0xE1, 0x00, 0x00, 0x01, 0x70} // speaks only when asked
	measure = []byte{0x42, 0x4D, 0xE2, 0x00, 0x00, 0x01, 0x71}
)

const (
	frameLen = 32
	// steady is how long after a start the fan needs for stable data (data manual, circuit attentions).
	steady = 30 * time.Second
)

// Dev is one sensor.
type Dev struct {
	port   device.Port
	opened time.Time
}

// Open wakes the sensor, has it speak only when asked, and asks once, which proves that it is there.
func Open(ctx context.Context, port device.Port, _ Config) (*Dev, error) {
	if err := port.SetMode(device.Mode{Baud: 9600, Data: 8, Parity: "none", Stop: 1}); err != nil {
		return nil, err
	}
	for _, command := range [][]byte{wake, passive} {
		if _, err := port.Write(command); err != nil {
			return nil, err
		}
	}
	d := &Dev{port: port, opened: time.Now()}
	if _, err := d.ask(ctx); err != nil {
		return nil, err
	}
	return d, nil
}

// Info tells what it is; it has no serial number.
func (d *Dev) Info() device.Info {
	return device.Info{Driver: "pms5003", Wire: d.port.String(), Model: "Plantower PMS5003"}
}

// quantities are those of the frame from its tenth byte on: mass "under atmospheric environment", then how many
// particles of that size in µm or larger are in 0.1 l of air. Before them are masses for air of a factory.
var quantities = []device.Channel{
	{Name: "pm1", Unit: "ug/m3", Max: 1000},
	{Name: "pm2-5", Unit: "ug/m3", Max: 1000},
	{Name: "pm10", Unit: "ug/m3", Max: 1000},
	{Name: "particles-0-3", Unit: "/dL"},
	{Name: "particles-0-5", Unit: "/dL"},
	{Name: "particles-1", Unit: "/dL"},
	{Name: "particles-2-5", Unit: "/dL"},
	{Name: "particles-5", Unit: "/dL"},
	{Name: "particles-10", Unit: "/dL"},
}

// Channels are the mass of dust up to 1, 2.5 and 10 µm in µg/m³, and the particles of six sizes in 0.1 l of air.
func (d *Dev) Channels() []device.Channel { return quantities }

// Read asks for one frame.
func (d *Dev) Read(ctx context.Context) (device.Sample, error) {
	frame, err := d.ask(ctx)
	if err != nil {
		return nil, err
	}
	s := decode([frameLen]byte(frame))
	if time.Since(d.opened) < steady {
		for i := range s {
			s[i].Doubt = "it was switched on less than 30 s ago"
		}
	}
	return s, nil
}

func (d *Dev) ask(ctx context.Context) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := d.port.ResetInputBuffer(); err != nil {
		return nil, err
	}
	if _, err := d.port.Write(measure); err != nil {
		return nil, err
	}
	return device.Receive(ctx, d.port, "frame of a PMS5003", 512, frame)
}

// Close has nothing to do: the fan runs on, so that the next reading needs no half minute.
func (d *Dev) Close() error { return nil }

// frame finds a whole frame with a right checksum.
func frame(came []byte) []byte {
	for i := 0; ; i++ {
		start := bytes.Index(came[i:], []byte{0x42, 0x4D, 0x00, frameLen - 4})
		if i += start; start < 0 || len(came) < i+frameLen {
			return nil
		}
		if f := came[i : i+frameLen]; sum(f[:frameLen-2]) == binary.BigEndian.Uint16(f[frameLen-2:]) {
			return f
		}
	}
}

func sum(b []byte) (s uint16) {
	for _, v := range b {
		s += uint16(v)
	}
	return s
}

// decode reads the quantities of a frame.
func decode(f [frameLen]byte) device.Sample {
	s := make(device.Sample, len(quantities))
	for i, q := range quantities {
		s[i] = device.Measure{Channel: q.Name, Value: float64(binary.BigEndian.Uint16(f[10+2*i:]))}
	}
	return s
}

var _ device.Sensor = (*Dev)(nil)
