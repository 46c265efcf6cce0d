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

// payloadOf prints a value in a form. What is no reading has the time at, if that is known. Where there is nothing to say
// it returns nil.
func payloadOf(form string, v recon.Value, at clock.Stamp) []byte {
	r, isReading := readingIn(v)
	if isReading && form != asJSON {
		if r.IsZero() || r.Bad() && r.Value == 0 && r.Text == "" {
			return nil
		}
		v = plain(r)
	}
	switch {
	case isReading && form == asJSON:
		return readingOf(r)
	case v.Kind() == recon.KindExtant, v.Kind() == recon.KindAbsent:
		return nil
	case form == asJSON && v.Kind() != recon.KindRecord:
		return append(appendTime(recon.AppendJSON([]byte(`{"value":`), v), at), '}')
	case form == asText:
		return textOf(v)
	}
	return recon.AppendJSON(nil, v)
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

// quantityIn returns a value as a reading: if it is one, a number, true or false, or a text.
func quantityIn(v recon.Value) (r device.Reading, ok bool) {
	r, ok = readingIn(v)
	if !ok && v.Kind() != recon.KindRecord && v.Kind() != recon.KindExtant && v.Kind() != recon.KindAbsent {
		ok = r.LoadRecon(v) == nil
	}
	return r, ok
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

func readingOf(r device.Reading) []byte {
	dst := []byte(`{"value":`)
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

func textOf(v recon.Value) []byte {
	if text, ok := v.Text(); ok && v.Kind() == recon.KindText {
		return []byte(text)
	}
	if on, ok := v.Bool(); ok && v.Kind() == recon.KindBool {
		if on {
			return []byte(announce.On)
		}
		return []byte(announce.Off)
	}
	return recon.AppendJSON(nil, v)
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

// entriesOf prints all entries of a map lane as one object.
func entriesOf(form string, all []entry) []byte {
	if form == asText {
		form = asValue
	}
	dst := []byte{'{'}
	for i, e := range all {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(recon.AppendJSON(dst, recon.String(keyName(e.key))), ':')
		if value := payloadOf(form, e.value, clock.Stamp{}); value != nil {
			dst = append(dst, value...)
		} else {
			dst = append(dst, "null"...)
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
