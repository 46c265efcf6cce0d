package fields

import (
	"bytes"
	"fmt"

	"selvage/edge/device"
	"selvage/edge/jsonpath"
)

// Source is where a text came from, for whoever reads what is wrong with it.
type Source struct {
	What string // "what http://127.0.0.1/status answers"
	Look string // how to see it by oneself: "look at it with: curl http://127.0.0.1/status"
}

// mark is what some systems put before a text in UTF-8.
var mark = []byte("\xEF\xBB\xBF")

// Whole takes the channels out of a whole text. A channel that is not there, or is not what it should be, has an error of
// its own; only where the text is something else altogether all fail. In text that is not JSON, or is JSON but no
// object, the one channel that has no path is all of it.
func (r *Reader) Whole(text []byte, from Source) (device.Sample, error) {
	text = bytes.TrimSpace(bytes.TrimPrefix(text, mark))
	if len(text) == 0 {
		return nil, from.fault("%s is empty", from.What)
	}
	find := r.finder(text)
	if find == nil {
		return nil, from.fault("%s is not JSON: %s", from.What, Shorten(text))
	}
	s := make(device.Sample, 0, len(r.of))
	for i := range r.of {
		o := &r.of[i]
		m := device.Measure{Channel: o.Name}
		v := find(o)
		switch {
		case (v.Absent || v.Null) && o.how.Optional:
			continue
		case v.Absent:
			m.Err = from.fault("%s has no %s: %s", from.What, o.place(), Shorten(text))
		case v.Null:
			m.Err = from.fault("%s has null for %s, so there is no value now", from.What, o.place())
		default:
			if m = o.measure(v); m.Err != nil {
				m.Err = from.fault("%s has something else for %s: %v", from.What, o.Name, m.Err)
			}
		}
		s = append(s, m)
	}
	return s, nil
}

// finder returns the function that finds a channel in a text, nil if there is none to be found in such a text.
func (r *Reader) finder(text []byte) func(*of) jsonpath.Value {
	switch {
	case r.match != nil:
		found := r.groups(text)
		return func(o *of) jsonpath.Value {
			v, ok := found[o.Name]
			v.Absent = !ok
			return v
		}
	case jsonpath.Valid(text):
		all := text[0] != '{' && len(r.of) == 1
		return func(o *of) jsonpath.Value {
			if all && !o.given {
				return jsonpath.Path{}.Find(text)
			}
			return o.path.Find(text)
		}
	case len(r.of) == 1 && !r.of[0].given:
		return func(*of) jsonpath.Value { return jsonpath.Value{Text: text} }
	}
	return nil
}

// place is what a person calls the place of a channel in a text.
func (o *of) place() string {
	if o.given {
		return o.how.Path
	}
	return o.group
}

func (f Source) fault(format string, args ...any) error {
	return &device.Fault{Text: fmt.Sprintf(format, args...), Remedy: f.Look}
}
