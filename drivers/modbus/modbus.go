// Package modbus is for meters, converters and controllers that speak Modbus RTU, on RS-485 or behind a network, or Modbus
// TCP. What is in which register says a map: one of those built in, or a file of the user's own.
//
// Wiring of RS-485: A to A and B to B of all units in one line, not a star, with 120 Ω between A and B at both ends and a
// common ground; up to 32 units, more with repeaters. Every unit has an address of its own, 1 to 247, and all have the
// same speed and parity.
//
// Each unit is a device; those on one port share its owner, which asks one at a time, writes first. A unit that does
// not answer costs the line its reply time and is left alone for ever longer.
//
// Frames are made and taken apart by github.com/goburrow/modbus v0.1.0, whose client takes any transport: ours is a
// device.Port, so that the port's owner does the scheduling. github.com/simonvetter/modbus v1.6.4 opens ports itself, its
// transports are not exported, and it sleeps without a context.
//
// Source: MODBUS Application Protocol Specification V1.1b3, 2012; MODBUS over Serial Line V1.02, 2006; MODBUS Messaging
// on TCP/IP Implementation Guide V1.0b, 2006.
package modbus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"selvage/edge/device"
)

func init() {
	device.RegisterSerial("modbus", Config{Wire: defaultWire, Merge: 16}, Open)
	device.RegisterSerial("modbus-out", OutConfig{Wire: defaultWire, Type: "uint16", Scale: 1}, OpenOut)
}

// Config is one [device.…] table of the host file.
type Config struct {
	_ struct{} `doc:"A unit on Modbus RTU or TCP, such as an energy meter." example:"mains"`
	Wire
	Map     string             `toml:"map" doc:"what is in its registers: sdm120, sdm230, sdm630, pzem-016, generic, or the path of a file of your own such as map.toml" example:"sdm120" unset:"only what channel says"`
	Merge   int                `toml:"merge" doc:"how many registers nobody wants may be read between two that are wanted, to save a request"`
	Channel map[string]Channel `toml:"channel" doc:"A further quantity, or another meaning of one in the map; its name is that of its lane." example:"flow" default:"those of the map"`
}

// Check names what cannot work.
func (c Config) Check(fault func(key, problem, remedy string)) {
	c.Wire.check(fault)
	if c.Merge < 0 || c.Merge > maxRegisters-2 {
		fault("merge", fmt.Sprintf("merge is from 0 to %d, got %d", maxRegisters-2, c.Merge), "16 suits most units; 0 reads no more than is wanted")
	}
	var e *channelError
	if _, err := c.load(); errors.As(err, &e) {
		key := "map"
		if _, own := c.Channel[e.name]; own {
			key = "channel." + e.name
		}
		fault(key, e.Error(), e.remedy)
	}
}

// Within is the time of all requests, if each of them is only answered at the last moment.
func (c Config) Within() time.Duration {
	m, err := c.load()
	if err != nil {
		return device.DefaultTimeout
	}
	total := time.Second
	for _, g := range m.plan(c.Merge) {
		for _, r := range g.requests {
			total += c.Wire.Reply + c.Wire.airtime(8+5+2*int(r.count))
		}
	}
	return total
}

// Dev is one unit.
type Dev struct {
	unit
	model, serial string
	groups        []*group
	channels      []device.Channel
}

// group is what is read at the same times.
type group struct {
	every    time.Duration // 0 = with every measurement
	due      time.Time
	requests []request
}

// Open asks the unit for the first registers of its map, which proves that it is there and has them, and for its serial
// number if the map says where that is.
func Open(ctx context.Context, port device.Port, c Config) (*Dev, error) {
	m, err := c.load()
	if err != nil {
		var e *channelError
		if errors.As(err, &e) {
			err = &device.Fault{Text: e.Error(), Remedy: e.remedy}
		}
		return nil, err
	}
	d := &Dev{model: m.Model, groups: m.plan(c.Merge), channels: m.channels()}
	if err := d.unit.open(port, c.Wire); err != nil {
		return nil, err
	}
	first := d.groups[0].requests[0]
	first.count = first.parts[0].at + first.parts[0].width()
	if _, err := d.unit.read(ctx, first); err != nil {
		d.Close()
		return nil, err
	}
	if m.Serial.Type != "" {
		v := m.Serial.value()
		r := request{table: m.Serial.Table, start: m.Serial.Register, count: v.width(), parts: []part{{value: v}}}
		if b, err := d.unit.read(ctx, r); err == nil {
			d.serial = strconv.FormatUint(v.bits(b), 10)
		} else if ctx.Err() != nil {
			d.Close()
			return nil, ctx.Err()
		} // older ones have none, and say so or are silent
	}
	return d, nil
}

// Info tells what the map says it is, and its serial number.
func (d *Dev) Info() device.Info {
	return device.Info{Driver: "modbus", Wire: d.port.String(), Address: d.unit.name(), Model: d.model, Serial: d.serial}
}

// Channels are those of the map, by table and register.
func (d *Dev) Channels() []device.Channel { return d.channels }

// Read asks for the registers of all groups that are due. If one request fails, what others gave is still told.
func (d *Dev) Read(ctx context.Context) (device.Sample, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	now := time.Now()
	var s device.Sample
	var silent error // once it is, what remains is not asked for: each time would cost the line its reply time
	for _, g := range d.groups {
		if !g.ready(now) {
			continue
		}
		failed := false
		for i := 0; i < len(g.requests); i++ {
			r := g.requests[i]
			err := silent
			var b []byte
			if err == nil {
				b, err = d.unit.read(ctx, r)
			}
			switch {
			case err == nil:
				for _, p := range r.parts {
					s = append(s, p.measure(b))
				}
				continue
			case errors.Is(err, device.ErrBusGone), ctx.Err() != nil && !errors.Is(err, device.ErrNoAnswer):
				return nil, err
			case refused(err) && r.gaps():
				// There is nothing in a gap: from now on without.
				g.requests = append(g.requests[:i:i], append(r.split(), g.requests[i+1:]...)...)
				i--
				continue
			case errors.Is(err, device.ErrNoAnswer):
				if silent = err; len(s) == 0 {
					return nil, err
				}
			}
			failed = true
			for _, p := range r.parts {
				s = append(s, device.Measure{Channel: p.name, Err: err})
			}
		}
		if !failed {
			g.done(now)
		}
	}
	return s, nil
}

// ready tells whether a group's time has come. Measurements come a little early or late, which must not skip one.
func (g *group) ready(now time.Time) bool {
	return g.every <= 0 || !now.Before(g.due.Add(-g.every/10))
}

// done sets a group's next time, on a grid so that it does not drift.
func (g *group) done(now time.Time) {
	if g.due = g.due.Add(g.every); g.due.Before(now) {
		g.due = now.Add(g.every)
	}
}

var _ device.Sensor = (*Dev)(nil)
