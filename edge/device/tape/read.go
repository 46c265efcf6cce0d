package tape

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"selvage/edge/clock"
	"selvage/edge/device"
)

// maxLine bounds a line in bytes. The longest there are have what a telegram of a meter brought, a few kilobytes.
const maxLine = 1 << 20

// A Fault says what is wrong with a recording, and where.
type Fault struct {
	Line int
	Text string
	Err  error // io.ErrUnexpectedEOF where the recording was cut off
}

func (f *Fault) Error() string { return fmt.Sprintf("line %d: %s", f.Line, f.Text) }
func (f *Fault) Unwrap() error { return f.Err }

// maxAttempt bounds an attempt in lines. A device has a second for one, which is time for a few thousand transfers.
const maxAttempt = 1 << 16

// Reader reads a recording.
type Reader struct {
	Head Head

	from   *bufio.Reader
	number int // of the line read last
	ended  bool
}

// NewReader reads the head of a recording.
func NewReader(from io.Reader) (*Reader, error) {
	r := &Reader{from: bufio.NewReaderSize(from, 64<<10)}
	text, err := r.object()
	if err == io.EOF {
		return nil, &Fault{1, "the recording is empty", io.ErrUnexpectedEOF}
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &r.Head); err != nil || r.Head.Recording == 0 {
		return nil, r.fault("this is no recording: its first object is the head, {\"recording\":1,…}")
	}
	if r.Head.Recording > Version {
		return nil, r.fault("this is a recording of version %d, made by a later selvage; this one reads up to %d", r.Head.Recording, Version)
	}
	return r, nil
}

func (r *Reader) fault(format string, args ...any) *Fault {
	return &Fault{Line: r.number, Text: fmt.Sprintf(format, args...)}
}

// object returns the text of the next object, io.EOF after the last.
func (r *Reader) object() ([]byte, error) {
	for {
		var text []byte
		for {
			part, err := r.from.ReadSlice('\n')
			text = append(text, part...)
			if err == nil {
				break
			}
			if err == io.EOF && len(text) == 0 {
				return nil, io.EOF
			}
			if err == io.EOF { // a line that a person wrote last may lack its end
				if json.Valid(text) {
					break
				}
				r.number++
				return nil, &Fault{r.number, "the recording is cut off in the middle of this line", io.ErrUnexpectedEOF}
			}
			if err != bufio.ErrBufferFull {
				return nil, err
			}
			if len(text) > maxLine {
				r.number++
				return nil, r.fault("the line is longer than %d bytes", maxLine)
			}
		}
		r.number++
		if trimmed := strings.TrimSpace(string(text)); trimmed != "" && trimmed[0] != '#' {
			return text, nil
		}
	}
}

// Next returns the next line, io.EOF after the last one. A recording that was cut off ends with an error that wraps
// io.ErrUnexpectedEOF: what was read before is right.
func (r *Reader) Next() (*Line, error) {
	text, err := r.object()
	if err == io.EOF && !r.ended {
		return nil, &Fault{r.number, "the recording is cut off after this line: it has no end", io.ErrUnexpectedEOF}
	}
	if err != nil {
		return nil, err
	}
	l := &Line{Number: r.number}
	if err := json.Unmarshal(text, l); err != nil {
		return nil, r.garbled(err)
	}
	if err := r.check(l); err != nil {
		return nil, err
	}
	r.ended = l.End
	return l, nil
}

// garbled says in words what JSON does not understand.
func (r *Reader) garbled(err error) *Fault {
	var syntax *json.SyntaxError
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return r.fault("this is not JSON: %v, at column %d", err, syntax.Offset)
	case errors.As(err, &wrong):
		return r.fault("%s cannot be a %s", wrong.Field, wrong.Value)
	}
	return r.fault("%v", err)
}

// ops are what may be in the recording of a wire.
var ops = map[device.Kind][]device.Op{
	device.I2C:    {device.OpTx},
	device.SPI:    {device.OpTx, device.OpConnect},
	device.Serial: {device.OpWrite, device.OpRead, device.OpMode, device.OpReset},
}

func (r *Reader) check(l *Line) error {
	const most = 10 * 365 * 24 * 60 * 60 // s
	if r.ended {
		return r.fault("this comes after the end")
	}
	if l.T < 0 || l.T > most {
		return r.fault("t cannot be %v: it is the time since the beginning in seconds", float64(l.T))
	}
	if l.Op != "" {
		known := false
		for _, op := range ops[r.Head.Wire] {
			known = known || op == l.Op
		}
		if !known {
			return r.fault("there is no op %.20q on the wire %q", string(l.Op), r.Head.Wire)
		}
	}
	switch l.Call {
	case "", "open", "read", "close":
	case "out":
		if _, _, _, err := loadValue(l.To); err != nil {
			return r.fault("the call of out has nothing under to")
		}
	default:
		return r.fault("there is no call of %.20q", l.Call)
	}
	if l.N < 0 || l.N > maxLine {
		return r.fault("n cannot be %d", l.N)
	}
	for _, m := range l.Readings {
		if _, err := m.reading(); err != nil {
			return r.fault("the reading of %.40q: %v", m.Channel, err)
		}
	}
	if l.State != nil {
		if _, _, _, err := loadValue(l.State.Value); err != nil {
			return r.fault("the state: %v", err)
		}
	}
	return nil
}

// reading is the reading that a line has.
func (m *reading) reading() (device.NamedReading, error) {
	n := device.NamedReading{Channel: m.Channel, Reading: device.Reading{Unit: m.Unit, Reason: m.Reason}}
	switch m.Quality {
	case "", "good":
	case "uncertain":
		n.Reading.Quality = device.Uncertain
	case "bad":
		n.Reading.Quality = device.Bad
		return n, nil
	default:
		return n, fmt.Errorf("there is no quality %.20q", m.Quality)
	}
	var err error
	n.Reading.Form, n.Reading.Value, n.Reading.Text, err = loadValue(m.Value)
	return n, err
}

// report is what a line says that an attempt came to.
func (l *Line) report(h *Head) *device.Report {
	r := &device.Report{Device: h.Device, At: clock.At(h.Began.Add(l.T.Duration()))}
	if o := l.Opened; o != nil {
		r.Opened = &device.Opened{Info: device.Info{Driver: h.Driver, Wire: h.On, Address: o.Address, Model: o.Model, Serial: o.Serial}}
		for i := range o.Channels {
			r.Opened.Channels = append(r.Opened.Channels, o.Channels[i].channel())
		}
		if o.Takes != nil {
			takes := o.Takes.channel()
			r.Opened.Takes = &takes
		}
	}
	for i := range l.Readings {
		n, _ := l.Readings[i].reading() // it was checked
		n.Reading.At = r.At
		r.Readings = append(r.Readings, n)
	}
	if l.State != nil {
		v := device.Value{}
		v.Form, v.Number, v.Text, _ = loadValue(l.State.Value)
		r.State = &device.State{Value: v, Safe: l.State.Safe}
	}
	if l.Failed != "" {
		f := &device.Fault{Text: l.Failed, Remedy: l.Remedy}
		if l.Why != "" || l.Err != "other" {
			f.Err = recorded(l.Err, l.Why)
		}
		r.Err = f
	}
	return r
}

func (c *channel) channel() device.Channel {
	out := device.Channel{Name: c.Name, Unit: c.Unit, Min: c.Min, Max: c.Max, Resolution: c.Resolution}
	for _, f := range []device.Form{device.Boolean, device.Text} {
		if c.Form == f.String() {
			out.Form = f
		}
	}
	return out
}

// Attempt is what a device's owner tried at one time, and what came of it.
type Attempt struct {
	Line   int           // where it begins
	End    int           // where it ends: of what came of it
	At     time.Duration // when it ended, since the head
	Steps  []Step
	Report *device.Report // nil where it is missing
	Lost   bool           // something is missing in it
}

// Step is a call of the driver, with what went over the wire for it.
type Step struct {
	Line      int
	At        time.Duration // when it began, since the head
	Call      string        // as Call.Name in edge/device
	To        device.Value
	Transfers []*Line
}

// Fault is what is wrong with the attempt, at the line that says what came of it.
func (a *Attempt) Fault(format string, args ...any) error {
	return &Fault{Line: a.End, Text: fmt.Sprintf(format, args...)}
}

// Attempt returns the next attempt; errors are those of Next. What was begun and not ended is no attempt.
func (r *Reader) Attempt() (*Attempt, error) {
	a := &Attempt{}
	for n := 0; ; n++ {
		l, err := r.Next()
		if err != nil {
			return nil, err
		}
		if n == maxAttempt {
			return nil, r.fault("nothing came of the %d lines before this one", n)
		}
		if a.Line == 0 {
			a.Line = l.Number
		}
		a.At, a.End = l.T.Duration(), l.Number
		switch {
		case l.Call != "":
			s := Step{Line: l.Number, At: l.T.Duration(), Call: l.Call}
			if l.Call == "out" {
				s.To.Form, s.To.Number, s.To.Text, _ = loadValue(l.To)
			}
			a.Steps = append(a.Steps, s)
		case l.Op != "":
			if len(a.Steps) == 0 {
				a.Steps = []Step{{Line: l.Number, At: l.T.Duration()}} // the recording begins in the middle of a call
			}
			s := &a.Steps[len(a.Steps)-1]
			s.Transfers = append(s.Transfers, l)
		case l.Lost > 0:
			a.Lost = true
		case l.isOutcome():
			a.Report = l.report(&r.Head)
			return a, nil
		}
	}
}

// DriverConfig returns the driver that was recorded, and the config that it ran with.
func (h *Head) DriverConfig() (device.Driver, any, error) {
	d, ok := device.Lookup(h.Driver)
	if !ok {
		return d, nil, fmt.Errorf("the recording is of the driver %.40q, which this program does not have", h.Driver)
	}
	if d.Wire != h.Wire {
		return d, nil, fmt.Errorf("the recording is of a driver %s on the wire %q; ours is on %q", h.Driver, h.Wire, d.Wire)
	}
	c, err := loadConfig(h.Config, d.Defaults)
	return d, c, err
}
