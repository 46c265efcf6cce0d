package mqtt

import (
	"selvage/edge/clock"
	"selvage/edge/device"
	"selvage/edge/recon"
	"selvage/uplink/mqtt/announce"
)

// The forms in which values are published:
//
//	        a reading                                          a boolean, number or text   nothing   a record
//	json    {"value":21.5,"unit":"°C","time":"…","quality":…}  {"value":…}                 -         its JSON
//	value   21.5, true, "open"                                 its JSON                    -         its JSON
//	text    21.5, ON, open                                     21.5, ON, open              -         its JSON
//
// The JSON of records is that of recon.AppendJSON. A bad reading without a value is only published as json. A map lane is
// one object of all its entries, whose names are the keys, unless each has a topic of its own; its values are in the
// form json, or else value.
//
// json and text are asJSON and asText.
const asValue = "value"

// appendPayload prints a value in a form. What is no reading has the time at, if that is known. Where there is nothing to
// say it returns nil.
func appendPayload(dst []byte, form string, v recon.Value, at clock.Stamp) []byte {
	r, isReading := readingIn(v)
	if isReading && form != asJSON {
		if r.IsZero() || r.Bad() && r.Value == 0 && r.Text == "" {
			return nil
		}
		v = plain(r)
	}
	switch {
	case isReading && form == asJSON:
		return appendReading(dst, r)
	case v.Kind() == recon.KindExtant, v.Kind() == recon.KindAbsent:
		return nil
	case form == asJSON && v.Kind() != recon.KindRecord:
		dst = recon.AppendJSON(append(dst, `{"value":`...), v)
		return append(appendTime(dst, at), '}')
	case form == asText:
		return appendText(dst, v)
	}
	return recon.AppendJSON(dst, v)
}

// readingIn returns the reading that a value is, if it is one: a record that tells its quality.
func readingIn(v recon.Value) (r device.Reading, ok bool) {
	if v.Kind() != recon.KindRecord {
		return r, false
	}
	if q, is := v.Get("quality").Text(); !is || q == "" {
		return r, false
	}
	return r, r.LoadRecon(v) == nil
}

// plain is a reading's value alone.
func plain(r device.Reading) recon.Value {
	switch r.Form {
	case device.Boolean:
		return recon.Bool(r.Value != 0)
	case device.Text:
		return recon.String(r.Text)
	}
	return recon.Float(r.Value)
}

func appendReading(dst []byte, r device.Reading) []byte {
	dst = append(dst, `{"value":`...)
	if r.Bad() && r.Value == 0 && r.Text == "" || r.IsZero() {
		dst = append(dst, "null"...)
	} else {
		dst = recon.AppendJSON(dst, plain(r))
	}
	if symbol := r.Unit.Symbol(); symbol != "" {
		dst = recon.AppendJSON(append(dst, `,"unit":`...), recon.String(symbol))
	}
	dst = appendTime(dst, r.At)
	quality, reason := r.Quality, r.Reason
	if r.IsZero() {
		quality, reason = device.Bad, "no reading yet"
	}
	dst = recon.AppendJSON(append(dst, `,"quality":`...), recon.String(quality.String()))
	if quality != device.Good && reason != "" {
		dst = recon.AppendJSON(append(dst, `,"reason":`...), recon.String(reason))
	}
	return append(dst, '}')
}

// appendTime appends when something was, unless the clock was not to be trusted then.
func appendTime(dst []byte, at clock.Stamp) []byte {
	if at.Wall == 0 || !at.Trusted {
		return dst
	}
	dst = append(dst, `,"time":"`...)
	dst = at.Time().UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z")
	return append(dst, '"')
}

func appendText(dst []byte, v recon.Value) []byte {
	if text, ok := v.Text(); ok && v.Kind() == recon.KindText {
		return append(dst, text...)
	}
	if on, ok := v.Bool(); ok && v.Kind() == recon.KindBool {
		return append(dst, onOff(on)...)
	}
	return recon.AppendJSON(dst, v)
}

func onOff(on bool) string {
	if on {
		return announce.On
	}
	return announce.Off
}

// keyName is a map lane's key where text is wanted.
func keyName(key recon.Value) string {
	if text, ok := key.Text(); ok && key.Kind() == recon.KindText {
		return text
	}
	return key.String()
}

// entry is one of a map lane.
type entry struct{ key, value recon.Value }

// appendEntries prints all entries of a map lane as one object.
func appendEntries(dst []byte, form string, all []entry) []byte {
	if form == asText {
		form = asValue
	}
	dst = append(dst, '{')
	for i, e := range all {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(recon.AppendJSON(dst, recon.String(keyName(e.key))), ':')
		before := len(dst)
		if dst = appendPayload(dst, form, e.value, clock.Stamp{}); len(dst) <= before {
			dst = append(dst[:before], "null"...)
		}
	}
	return append(dst, '}')
}

// commandBody is what a payload says to a lane, as Recon, or why it says nothing. Where the form is not given, ON and OFF
// are true and false as to Home Assistant, what is JSON is what that says, and anything else is text.
func commandBody(form string, raw []byte) ([]byte, error) {
	text := string(raw)
	if form == asText {
		return recon.AppendString(nil, text), nil
	}
	v, err := recon.ParseJSON(raw)
	switch {
	case err == nil:
	case form == asJSON:
		return nil, err
	case text == announce.On, text == announce.Off:
		v = recon.Bool(text == announce.On)
	default:
		v = recon.String(text)
	}
	return recon.Append(nil, v), nil
}
