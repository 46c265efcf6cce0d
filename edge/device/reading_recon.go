package device

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"selvage/edge/clock"
	"selvage/edge/recon"
)

// AppendRecon prints the reading as a record, {value:21.5,unit:Cel,at:1732300000123,quality:good}.
// Fields without a meaning for this reading are left out: the unit of a switch, the value and time of
// a reading that never was. at is in milliseconds since 1970; when that time cannot be trusted the
// record says so and adds the boot and the milliseconds since it, so the time can be put right later.
func (r Reading) AppendRecon(dst []byte) ([]byte, error) {
	if r.IsZero() {
		r = Reading{Quality: Bad, Reason: noReading}
	}
	dst = append(dst, '{')
	start := len(dst)
	if r.Quality < Bad || r.Value != 0 || r.Text != "" {
		dst = append(dst, "value:"...)
		switch r.Form {
		case Text:
			dst = recon.AppendString(dst, r.Text)
		case Boolean:
			dst = strconv.AppendBool(dst, r.Value != 0)
		default:
			dst = recon.Append(dst, recon.Float(r.Value))
		}
	}
	if r.Unit != "" {
		dst = recon.AppendString(field(dst, start, "unit:"), string(r.Unit))
	}
	if r.At.Wall != 0 {
		dst = strconv.AppendInt(field(dst, start, "at:"), r.At.Wall/int64(time.Millisecond), 10)
	}
	dst = append(field(dst, start, "quality:"), r.Quality.String()...)
	if r.Quality != Good && r.Reason != "" {
		dst = recon.AppendString(field(dst, start, "reason:"), r.Reason)
	}
	if !r.At.Trusted && !r.At.IsZero() {
		dst = append(field(dst, start, "trusted:"), "false"...)
		if r.At.Boot != "" {
			dst = recon.AppendString(field(dst, start, "boot:"), string(r.At.Boot))
			dst = strconv.AppendInt(field(dst, start, "mono:"), r.At.Mono.Milliseconds(), 10)
		}
	}
	return append(dst, '}'), nil
}

func field(dst []byte, start int, name string) []byte {
	if len(dst) > start {
		dst = append(dst, ',')
	}
	return append(dst, name...)
}

// LoadRecon reads what AppendRecon printed, and also a bare number, boolean or text, which is taken
// as a good value without unit or time.
func (r *Reading) LoadRecon(v recon.Value) error {
	got := Reading{}
	switch v.Kind() {
	case recon.KindRecord:
		if err := got.loadFields(v); err != nil {
			return err
		}
	default:
		if err := got.loadValue(v); err != nil {
			return err
		}
	}
	switch {
	case got.Quality == Bad && got.Reason == noReading:
		got = Reading{} // the record of the zero Reading
	case got.IsZero():
		got.Unit = "1" // a plain 0 that was sent is not "no reading yet"; 1 is UCUM's unit of plain numbers
	}
	*r = got
	return nil
}

func (r *Reading) loadFields(v recon.Value) error {
	var s clock.Stamp
	s.Trusted = true
	known := false
	for _, it := range v.Items() {
		name, ok := it.Key.Text()
		if !ok {
			continue
		}
		known = known || name == "value" || name == "quality"
		switch name {
		case "value":
			if err := r.loadValue(it.Value); err != nil {
				return err
			}
		case "unit":
			u, ok := it.Value.Text()
			if !ok {
				return want("unit", "text", it.Value)
			}
			r.Unit = Unit(u)
		case "at":
			ms, ok := it.Value.Int()
			if !ok {
				return want("at", "milliseconds since 1970", it.Value)
			}
			s.Wall = ms * int64(time.Millisecond)
		case "quality":
			q, ok := it.Value.Text()
			if !ok || !r.Quality.parse(q) {
				return want("quality", "good, uncertain or bad", it.Value)
			}
		case "reason":
			r.Reason, _ = it.Value.Text()
		case "trusted":
			s.Trusted, _ = it.Value.Bool()
		case "boot":
			b, _ := it.Value.Text()
			s.Boot = clock.BootID(b)
		case "mono":
			ms, _ := it.Value.Int()
			s.Mono = time.Duration(ms) * time.Millisecond
		}
	}
	if !known {
		return want("reading", "value or quality in the record", v)
	}
	if s.Wall != 0 || s.Boot != "" {
		r.At = s
	}
	return nil
}

func (r *Reading) loadValue(v recon.Value) error {
	if b, ok := v.Bool(); ok && v.Kind() == recon.KindBool {
		r.Form, r.Value = Boolean, Flag(b)
	} else if f, ok := v.Float(); ok && !math.IsInf(f, 0) && !math.IsNaN(f) { // a larger one has no place here
		r.Form, r.Value = Number, f
	} else if t, ok := v.Text(); ok {
		r.Form, r.Text = Text, t
	} else {
		return want("value", "a number of ordinary size, true, false or text", v)
	}
	return nil
}

func (q *Quality) parse(s string) bool {
	for i, name := range qualityNames {
		if s == name {
			*q = Quality(i)
			return true
		}
	}
	return false
}

func want(what, wanted string, got recon.Value) error {
	return fmt.Errorf("reading: %s: want %s, read %s %s", what, wanted, got.Kind(), got)
}

var (
	_ recon.Appender = Reading{}
	_ recon.Loader   = (*Reading)(nil)
)
