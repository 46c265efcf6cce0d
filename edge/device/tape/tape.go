// Package tape is the recording of a device: what its driver was asked, what that put on the wire and what came back,
// and what the device's owner made of it. `selvage record` writes recordings, the driver replay and drivertest.Replay
// play them.
//
// A recording is text, one JSON object a line. Empty lines, and lines that begin with #, are for people. The first
// object is the head:
//
//	{"recording":1,"device":"air","driver":"sht4x","wire":"i2c","on":"/dev/i2c-1","config":{"address":68},"began":"2026-11-23T08:00:00.5Z"}
//
// recording is the version of the format. wire is i2c, spi, port (serial), pin, or left out; of the first three there is
// the traffic, of the others what was measured alone. config has the keys of the driver's [device.NAME] table that
// differ from their defaults, but for those that look like secrets (key, token, password).
//
// All other objects have t, the time since the head in seconds. They are one of these:
//
//	{"t":0.0001,"call":"open"}                                 the driver is asked: open, read, out (with to, a value) or close
//	{"t":0.0002,"op":"tx","addr":"0x44","w":"89"}              I²C: bytes written and read, in hexadecimal
//	{"t":0.0012,"op":"tx","addr":"0x44","r":"beef92000081"}
//	{"t":0.0012,"op":"tx","addr":"0x44","n":6,"err":"no-answer","why":"remote I/O error","took":0.001}
//	{"t":0.1,"op":"connect","hz":1000000,"mode":1,"bits":8}    SPI: the device is opened; tx has no addr
//	{"t":0.1,"op":"mode","baud":9600,"data":8,"parity":"none","stop":1}
//	{"t":0.2,"op":"write","w":"ff0186000000000079"}            a serial port
//	{"t":0.3,"op":"read","r":"ff860190"}
//	{"t":0.3,"op":"reset"}                                     what came on the port and was not read is forgotten
//	{"t":0.01,"opened":{"model":"Sensirion SHT4x","serial":"beef0000","channels":[{"name":"temperature","unit":"Cel"}]},
//	 "readings":[{"channel":"temperature","value":21.53,"unit":"Cel"}]}
//	{"t":9.1,"failed":"no answer at 0x44 on /dev/i2c-1","err":"no-answer"}
//	{"t":9.2,"state":{"value":true,"safe":true}}               what an output does
//	{"t":9.3,"lost":12}                                        so many objects are missing here: they came too fast
//	{"t":60,"end":true}                                        nothing was cut off
//
// n is how many bytes were to come of a transfer that failed; took how long a transfer took, if that was a millisecond
// or more. err is one of no-answer, bus-stuck, garbled, bus-gone, timeout and other; why is the error as the system
// told it. The object with opened, readings, state or failed ends an attempt: what the calls before it, from the
// object before that ended one, came to. A reading has quality (uncertain or bad) and reason unless it is good.
//
// A reader skips keys that it does not know, so that later versions may have more of them.
package tape

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"selvage/edge/device"
)

// Version is that of the format.
const Version = 1

// Head is the first object of a recording.
type Head struct {
	Recording int             `json:"recording"`
	Device    string          `json:"device"`
	Driver    string          `json:"driver"`
	Wire      device.Kind     `json:"wire,omitempty"`
	On        string          `json:"on,omitempty"` // the name of the wire
	Config    json.RawMessage `json:"config,omitempty"`
	Began     time.Time       `json:"began"`
}

// HasTraffic tells whether what went over the wire is in the recording.
func (h *Head) HasTraffic() bool {
	return h.Wire == device.I2C || h.Wire == device.SPI || h.Wire == device.Serial
}

// Line is any object of a recording but the first.
type Line struct {
	Number int     `json:"-"` // in the file, from 1
	T      Seconds `json:"t"`

	Call string          `json:"call,omitempty"`
	To   json.RawMessage `json:"to,omitempty"`

	Op     device.Op `json:"op,omitempty"`
	Addr   address   `json:"addr,omitempty"`
	W      bytes     `json:"w,omitempty"`
	R      bytes     `json:"r,omitempty"`
	N      int       `json:"n,omitempty"`
	Took   Seconds   `json:"took,omitempty"`
	Hz     float64   `json:"hz,omitempty"`
	Mode   int       `json:"mode,omitempty"`
	Bits   int       `json:"bits,omitempty"`
	Baud   int       `json:"baud,omitempty"`
	Data   int       `json:"data,omitempty"`
	Parity string    `json:"parity,omitempty"`
	Stop   int       `json:"stop,omitempty"`

	Opened   *opened   `json:"opened,omitempty"`
	Readings []reading `json:"readings,omitempty"`
	State    *state    `json:"state,omitempty"`
	Failed   string    `json:"failed,omitempty"`
	Remedy   string    `json:"remedy,omitempty"`

	Err string `json:"err,omitempty"` // its name, of a transfer and of what failed
	Why string `json:"why,omitempty"`

	Lost int  `json:"lost,omitempty"`
	End  bool `json:"end,omitempty"`
}

type opened struct {
	Model    string    `json:"model,omitempty"`
	Serial   string    `json:"serial,omitempty"`
	Address  string    `json:"address,omitempty"`
	Channels []channel `json:"channels,omitempty"`
	Takes    *channel  `json:"takes,omitempty"`
}

type channel struct {
	Name       string      `json:"name,omitempty"`
	Unit       device.Unit `json:"unit,omitempty"`
	Form       string      `json:"form,omitempty"` // boolean or text; a number otherwise
	Min        float64     `json:"min,omitempty"`
	Max        float64     `json:"max,omitempty"`
	Resolution float64     `json:"resolution,omitempty"`
}

type reading struct {
	Channel string          `json:"channel"`
	Value   json.RawMessage `json:"value,omitempty"`
	Unit    device.Unit     `json:"unit,omitempty"`
	Quality string          `json:"quality,omitempty"`
	Reason  string          `json:"reason,omitempty"`
}

type state struct {
	Value json.RawMessage `json:"value"`
	Safe  bool            `json:"safe,omitempty"`
}

// isOutcome tells whether the line ends an attempt.
func (l *Line) isOutcome() bool {
	return l.Opened != nil || l.Readings != nil || l.State != nil || l.Failed != ""
}

// Seconds is a time in seconds, to the microsecond.
type Seconds float64

func secondsOf(d time.Duration) Seconds { return Seconds(math.Round(d.Seconds()*1e6) / 1e6) }

// Duration is the same as such.
func (s Seconds) Duration() time.Duration { return time.Duration(float64(s) * float64(time.Second)) }

// MarshalJSON writes no exponent.
func (s Seconds) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(s), 'f', -1, 64), nil
}

// bytes are written in hexadecimal.
type bytes []byte

func (b bytes) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, b), nil }

// UnmarshalText takes spaces between bytes, as people write them.
func (b *bytes) UnmarshalText(text []byte) error {
	got, err := hex.DecodeString(strings.ReplaceAll(string(text), " ", ""))
	if err != nil {
		return fmt.Errorf("%.20q are no bytes in hexadecimal", text)
	}
	*b = got
	return nil
}

// address is one on an I²C bus; there is no device at 0.
type address uint16

func (a address) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "0x%02x", uint16(a)), nil }

func (a *address) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 0, 10)
	if err != nil {
		return fmt.Errorf("%.20q is no address", text)
	}
	*a = address(n)
	return nil
}

// errorNames are the errors that a recording has names for.
var errorNames = []struct {
	name string
	err  error
}{
	{"no-answer", device.ErrNoAnswer}, {"bus-stuck", device.ErrBusStuck}, {"garbled", device.ErrGarbled},
	{"bus-gone", device.ErrBusGone}, {"timeout", context.DeadlineExceeded},
}

// NameOf is the name that a recording has for an error.
func NameOf(err error) string {
	for _, e := range errorNames {
		if errors.Is(err, e.err) {
			return e.name
		}
	}
	return "other"
}

// recorded is an error as it was recorded.
func recorded(name, why string) error {
	for _, e := range errorNames {
		if e.name == name && why != "" && why != e.err.Error() {
			return fmt.Errorf("%s: %w", why, e.err)
		} else if e.name == name {
			return e.err
		}
	}
	if why == "" {
		why = "an error without words"
	}
	return errors.New(why)
}
