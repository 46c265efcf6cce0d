package tape

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"time"

	"periph.io/x/conn/v3/physic"

	"selvage/edge/device"
)

// Writer writes a recording. It is not for several goroutines.
type Writer struct {
	to    io.Writer
	began time.Time
	err   error // the first one
}

// NewWriter begins the recording of a device that runs by s from now on. config are the defaults of its driver.
func NewWriter(to io.Writer, s device.Spec) (*Writer, error) {
	d, _ := device.Lookup(s.Driver)
	w := &Writer{to: to, began: time.Now()}
	h := Head{Recording: Version, Device: s.Name, Driver: s.Driver, Wire: d.Wire, On: s.Wire, Began: w.began.UTC()}
	if h.HasTraffic() {
		config, err := writeConfig(s.Config, d.Defaults)
		if err != nil {
			return nil, err
		}
		h.Config = config
	}
	w.put(h)
	return w, w.err
}

func (w *Writer) put(object any) {
	if w.err != nil {
		return
	}
	text, err := json.Marshal(object)
	if err == nil {
		_, err = w.to.Write(append(text, '\n'))
	}
	w.err = err
}

// Hear writes what is heard of the device.
func (w *Writer) Hear(h device.Heard) error {
	switch {
	case h.Call != nil:
		l := Line{T: w.since(h.Call.At), Call: h.Call.Name}
		if h.Call.To != nil {
			l.To = valueOf(h.Call.To.Form, h.Call.To.Number, h.Call.To.Text)
		}
		w.put(l)
	case h.Transfer != nil:
		w.put(w.transfer(h.Transfer))
	case h.Report != nil:
		w.put(w.report(h.Report))
	}
	return w.err
}

// Lost notes that n things were not heard.
func (w *Writer) Lost(n int) error {
	w.put(Line{T: w.since(time.Now()), Lost: n})
	return w.err
}

// End ends the recording.
func (w *Writer) End() error {
	w.put(Line{T: w.since(time.Now()), End: true})
	return w.err
}

func (w *Writer) since(at time.Time) Seconds { return max(secondsOf(at.Sub(w.began)), 0) }

func (w *Writer) transfer(t *device.Transfer) Line {
	l := Line{T: w.since(t.At), Op: t.Op, Addr: address(t.Addr), W: t.W, R: t.R}
	if t.Took >= time.Millisecond {
		l.Took = secondsOf(t.Took)
	}
	switch t.Op {
	case device.OpConnect:
		l.Hz, l.Mode, l.Bits = float64(t.Connect.Speed)/float64(physic.Hertz), int(t.Connect.Mode), t.Connect.Bits
	case device.OpMode:
		l.Baud, l.Data, l.Parity, l.Stop = t.Mode.Baud, t.Mode.Data, t.Mode.Parity, t.Mode.Stop
	case device.OpTx:
		if t.Err != nil {
			l.N = t.N
		}
	}
	if t.Err != nil {
		l.Err, l.Why = NameOf(t.Err), t.Err.Error()
	}
	return l
}

func (w *Writer) report(r *device.Report) Line {
	l := Line{T: w.since(time.Now())}
	if o := r.Opened; o != nil {
		l.Opened = &opened{Model: o.Info.Model, Serial: o.Info.Serial, Address: o.Info.Address}
		for i := range o.Channels {
			l.Opened.Channels = append(l.Opened.Channels, writeChannel(&o.Channels[i]))
		}
		if o.Takes != nil {
			takes := writeChannel(o.Takes)
			l.Opened.Takes = &takes
		}
	}
	for _, n := range r.Readings {
		is := reading{Channel: n.Channel, Unit: n.Reading.Unit}
		if n.Reading.Quality != device.Good {
			is.Quality, is.Reason = n.Reading.Quality.String(), n.Reading.Reason
		}
		if !n.Reading.Bad() {
			is.Value = valueOf(n.Reading.Form, n.Reading.Value, n.Reading.Text)
		}
		l.Readings = append(l.Readings, is)
	}
	if r.State != nil {
		l.State = &state{Value: valueOf(r.State.Value.Form, r.State.Value.Number, r.State.Value.Text), Safe: r.State.Safe}
	}
	if r.Err != nil {
		l.Failed, l.Err = r.Err.Error(), NameOf(r.Err)
		var f *device.Fault
		if errors.As(r.Err, &f) {
			l.Failed, l.Remedy = f.Text, f.Remedy
			if f.Err != nil {
				l.Why = f.Err.Error()
			}
		}
	}
	return l
}

func writeChannel(c *device.Channel) channel {
	out := channel{Name: c.Name, Unit: c.Unit, Min: c.Min, Max: c.Max, Resolution: c.Resolution}
	if c.Form != device.Number {
		out.Form = c.Form.String()
	}
	return out
}

// valueOf is a value as JSON has it: true or false, a text or a number.
func valueOf(form device.Form, number float64, text string) json.RawMessage {
	var v any = number
	switch {
	case form == device.Boolean:
		v = number != 0
	case form == device.Text:
		v = text
	case math.IsNaN(number) || math.IsInf(number, 0):
		return nil
	}
	out, _ := json.Marshal(v) // of such values it does not fail
	return out
}

// loadValue is the reverse of valueOf.
func loadValue(in json.RawMessage) (form device.Form, number float64, text string, err error) {
	var v any
	if len(in) > 0 {
		err = json.Unmarshal(in, &v)
	}
	switch v := v.(type) {
	case bool:
		return device.Boolean, device.Flag(v), "", err
	case float64:
		return device.Number, v, "", err
	case string:
		return device.Text, 0, v, err
	}
	if err == nil {
		err = errors.New("no value")
	}
	return 0, 0, "", err
}
