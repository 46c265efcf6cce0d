// Package line is for whatever tells its values in lines of text on a serial port, such as an Arduino: one JSON object per
// line, or any text that a regular expression takes apart.
//
// Wiring: USB, or TX to our RX (3.3 V!) and ground. With ask, our TX to its RX too. A line has no checksum: noise may
// change a digit, so keep such wires short, and give channels their limits.
package line

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"selvage/drivers/fields"
	"selvage/edge/device"
)

func init() { device.RegisterSerial("line", Config{Baud: 9600, Wait: 5 * time.Second}, Open) }

// Config is one [device.…] table of the host file.
type Config struct {
	_       struct{}                  `doc:"Something that tells its values in lines of text on a serial port, such as an Arduino." example:"arduino"`
	Baud    int                       `toml:"baud" doc:"its speed, as in Serial.begin(9600)"`
	Match   string                    `toml:"match" doc:"a regular expression with a named group (?P<name>…) for each value" example:"^T=(?P<temperature>-?[0-9.]+) H=(?P<humidity>[0-9.]+)" unset:"each line is a JSON object"`
	Ask     string                    `toml:"ask" doc:"what is sent to have it tell its values" example:"-" unset:"it tells them by itself"`
	Wait    time.Duration             `toml:"wait" doc:"how long it may take until all values are told"`
	Channel map[string]fields.Channel `toml:"channel" doc:"One of its values; its name is that of its lane." example:"temperature" default:"none"`
}

// Check names what cannot work.
func (c Config) Check(fault func(key, problem, remedy string)) {
	if c.Baud < 300 || c.Baud > 4000000 {
		fault("baud", fmt.Sprintf("no port has %d baud", c.Baud), "use 9600, 115200, or what the sketch says")
	}
	if c.Wait < 100*time.Millisecond || c.Wait > 10*time.Minute {
		fault("wait", fmt.Sprintf("a wait of %v makes no sense", c.Wait), `use a little more than the time between two lines, such as "5s"`)
	}
	if len(c.Channel) == 0 {
		fault("channel", "no line can be read without a channel", "add a table such as [device.arduino.channel.temperature]")
	}
	fields.Check(c.Match, c.Channel, fault)
}

// Within is what the config says.
func (c Config) Within() time.Duration { return c.Wait + time.Second }

// longest is how much text may come until all values are told.
const longest = 16 << 10

// Dev is the thing at the other end.
type Dev struct {
	port   device.Port
	c      Config
	reader *fields.Reader
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
	if len(c.Channel) == 0 {
		return nil, &device.Fault{Text: "no line can be read without a channel", Remedy: "add a table such as [device.arduino.channel.temperature]"}
	}
	reader, err := fields.New(c.Match, c.Channel)
	if err != nil {
		return nil, err
	}
	return &Dev{port, c, reader}, nil
}

// Info tells the port; what hangs on it does not say.
func (d *Dev) Info() device.Info { return device.Info{Driver: "line", Wire: d.port.String()} }

// Channels are those of the config, by name.
func (d *Dev) Channels() []device.Channel { return d.reader.Channels() }

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
	var found fields.Found
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
	return d.reader.Sample(found), nil
}

// Close has nothing to do.
func (d *Dev) Close() error { return nil }

// gather takes values out of the lines that came. What stands before the first end of a line is the rest of one, unless
// it was asked for.
func (d *Dev) gather(came []byte) (found fields.Found, whole bool) {
	lines := bytes.SplitAfter(came, []byte("\n"))
	if d.c.Ask == "" && len(lines) > 0 {
		lines = lines[1:]
	}
	found = fields.Found{}
	for _, text := range lines {
		if !bytes.HasSuffix(text, []byte("\n")) {
			break
		}
		told := d.reader.Line(bytes.TrimRight(text, "\r\n"))
		for name := range told {
			if _, again := found[name]; again {
				return found, true
			}
		}
		maps.Copy(found, told)
		if len(found) == len(d.c.Channel) {
			return found, true
		}
	}
	return found, false
}

var _ device.Sensor = (*Dev)(nil)
