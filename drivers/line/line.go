// Package line is for whatever tells its values in lines of text on a serial port, such as an Arduino: one JSON object per
// line, or any text that a regular expression takes apart.
//
// Wiring: USB, or TX to our RX (3.3 V!) and ground. With ask, our TX to its RX too. A line has no checksum: noise may
// change a digit, so keep such wires short, and give channels their limits.
package line

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"selvage/edge/device"
)

func init() { device.RegisterSerial("line", Config{Baud: 9600, Wait: 5 * time.Second}, Open) }

// Config is one [device.…] table of the host file.
type Config struct {
	_       struct{}           `doc:"Something that tells its values in lines of text on a serial port, such as an Arduino." example:"arduino"`
	Baud    int                `toml:"baud" doc:"its speed, as in Serial.begin(9600)"`
	Match   string             `toml:"match" doc:"a regular expression with a named group (?P<name>…) for each value" example:"^T=(?P<temperature>-?[0-9.]+) H=(?P<humidity>[0-9.]+)" unset:"each line is a JSON object"`
	Ask     string             `toml:"ask" doc:"what is sent to have it tell its values" example:"-" unset:"it tells them by itself"`
	Wait    time.Duration      `toml:"wait" doc:"how long it may take until all values are told"`
	Channel map[string]Channel `toml:"channel" doc:"One of its values; its name is that of its lane." example:"temperature" default:"none"`
}

// Channel is one table [device.NAME.channel.NAME].
type Channel struct {
	Field string  `toml:"field" doc:"the name of its group, or its place in the JSON object, such as air.temp or list.0" unset:"the channel's name, with _ for -"`
	Form  string  `toml:"form" doc:"number, boolean or text" unset:"number"`
	Unit  string  `toml:"unit" doc:"its unit, as a UCUM code" example:"Cel" unset:"1"`
	Scale float64 `toml:"scale" doc:"by how much the number is multiplied" unset:"1"`
	Min   float64 `toml:"min" doc:"the least it can be, in its unit" example:"-40.0"`
	Max   float64 `toml:"max" doc:"the most it can be, in its unit; without min and max it has no limits" example:"85.0"`
}

var (
	laneName = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
	forms    = map[string]device.Form{"": device.Number, "number": device.Number, "boolean": device.Boolean, "text": device.Text}
)

// Check names what cannot work.
func (c Config) Check(fault func(key, problem, remedy string)) {
	if c.Baud < 300 || c.Baud > 4000000 {
		fault("baud", fmt.Sprintf("no port has %d baud", c.Baud), "use 9600, 115200, or what the sketch says")
	}
	if c.Wait < 100*time.Millisecond || c.Wait > 10*time.Minute {
		fault("wait", fmt.Sprintf("a wait of %v makes no sense", c.Wait), `use a little more than the time between two lines, such as "5s"`)
	}
	match, err := regexp.Compile(c.Match)
	if err != nil {
		fault("match", err.Error(), `write such as '^T=(?P<temperature>-?[0-9.]+)'`)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Channel)) {
		ch := c.Channel[name]
		_, form := forms[ch.Form]
		switch {
		case !laneName.MatchString(name):
			fault("channel."+name, fmt.Sprintf("%q is no name for a lane", name), "it has small letters, digits and -, and begins with a letter")
		case !form:
			fault("channel."+name, fmt.Sprintf("there is no form %q", ch.Form), `use "number", "boolean" or "text"`)
		case ch.Min > ch.Max:
			fault("channel."+name, fmt.Sprintf("min is %g, above max, which is %g", ch.Min, ch.Max), "give both, or neither")
		case c.Match != "" && err == nil && match.SubexpIndex(ch.field(name)) < 0:
			fault("match", fmt.Sprintf("it has no group called %q, which the channel %s wants", ch.field(name), name), fmt.Sprintf("name a group (?P<%s>…), or give the channel its field", ch.field(name)))
		}
	}
}

func (c Channel) field(name string) string {
	if c.Field != "" {
		return c.Field
	}
	return strings.ReplaceAll(name, "-", "_")
}

// Within is what the config says.
func (c Config) Within() time.Duration { return c.Wait + time.Second }

// longest is how much text may come until all values are told.
const longest = 16 << 10

// Dev is the thing at the other end.
type Dev struct {
	port     device.Port
	c        Config
	match    *regexp.Regexp // nil for JSON
	names    []string
	channels []device.Channel
}

// Open waits for a line with values, which proves that it is there and speaks as expected.
func Open(ctx context.Context, port device.Port, c Config) (*Dev, error) {
	d, err := prepare(port, c)
	if err != nil {
		return nil, err
	}
	if err := port.SetMode(device.Mode{Baud: c.Baud, Data: 8, Parity: "none", Stop: 1}); err != nil {
		return nil, err
	}
	if _, err := d.Read(ctx); err != nil {
		return nil, err
	}
	return d, nil
}

func prepare(port device.Port, c Config) (*Dev, error) {
	d := &Dev{port: port, c: c, names: slices.Sorted(maps.Keys(c.Channel))}
	if len(d.names) == 0 {
		return nil, &device.Fault{Text: "no line can be read without a channel", Remedy: "add a table such as [device.arduino.channel.temperature]"}
	}
	for _, name := range d.names {
		ch := c.Channel[name]
		form := forms[ch.Form]
		info := device.Channel{Name: name, Form: form}
		if form == device.Number {
			info.Unit, info.Min, info.Max = device.Unit(ch.Unit), ch.Min, ch.Max
			if info.Unit == "" {
				info.Unit = "1"
			}
		}
		d.channels = append(d.channels, info)
	}
	if c.Match != "" {
		var err error
		if d.match, err = regexp.Compile(c.Match); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// Info tells the port; what hangs on it does not say.
func (d *Dev) Info() device.Info { return device.Info{Driver: "line", Wire: d.port.String()} }

// Channels are those of the config, by name.
func (d *Dev) Channels() []device.Channel { return d.channels }

// Read waits until each channel was told, or one was told twice, since not every round may have all of them.
func (d *Dev) Read(ctx context.Context) (device.Sample, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := d.port.ResetInputBuffer(); err != nil {
		return nil, err
	}
	if d.c.Ask != "" {
		if _, err := d.port.Write([]byte(d.c.Ask)); err != nil {
			return nil, err
		}
	}
	within, cancel := context.WithTimeout(ctx, d.c.Wait)
	defer cancel()
	var found map[string]field
	_, err := device.Receive(within, d.port, "line with values", longest, func(came []byte) []byte {
		var whole bool
		if found, whole = d.gather(came); whole {
			return came
		}
		return nil
	})
	if err != nil && (len(found) == 0 || !errors.Is(err, device.ErrGarbled)) {
		return nil, err
	}
	return d.sample(found), nil
}

// sample reads the fields that were found.
func (d *Dev) sample(found map[string]field) (s device.Sample) {
	for i, name := range d.names {
		if f, told := found[name]; told {
			s = append(s, f.measure(d.channels[i], d.c.Channel[name]))
		}
	}
	return s
}

// Close has nothing to do.
func (d *Dev) Close() error { return nil }

// gather takes values out of the lines that came. What stands before the first end of a line is the rest of one, unless
// it was asked for.
func (d *Dev) gather(came []byte) (found map[string]field, whole bool) {
	lines := strings.SplitAfter(string(came), "\n")
	if d.c.Ask == "" && len(lines) > 0 {
		lines = lines[1:]
	}
	found = map[string]field{}
	for _, text := range lines {
		if !strings.HasSuffix(text, "\n") {
			break
		}
		told := d.fields(strings.TrimRight(text, "\r\n"))
		for name := range told {
			if _, again := found[name]; again {
				return found, true
			}
		}
		maps.Copy(found, told)
		if len(found) == len(d.names) {
			return found, true
		}
	}
	return found, false
}

var _ device.Sensor = (*Dev)(nil)
