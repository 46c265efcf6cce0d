package homeassistant

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"selvage/edge/device"
	"selvage/edge/jsonpath"
)

// wire is how the values of a channel or an output are written in messages.
type wire struct {
	// read takes what the value template gave.
	read func(text string) (device.Value, error)
	// write makes what the command template has for value; without one it is sent.
	write func(v device.Value) any
}

// errUnknown says that a device does not know either, or that a text says nothing here.
var errUnknown = errors.New("unknown")

// none is how Home Assistant's documentation has devices say that they do not know.
const none = "None"

func flags(on, off, saysOn, saysOff string) wire {
	return wire{
		read: func(text string) (device.Value, error) {
			switch text {
			case saysOn:
				return device.On(true), nil
			case saysOff:
				return device.On(false), nil
			case none, "":
				return device.Value{}, errUnknown
			}
			return device.Value{}, fmt.Errorf("%.40q is neither %.40q nor %.40q", text, saysOn, saysOff)
		},
		write: func(v device.Value) any {
			if v.Bool() {
				return on
			}
			return off
		},
	}
}

// numbers are v*scale+offset on the wire.
func numbers(scale, offset float64) wire {
	return wire{
		read: func(text string) (device.Value, error) {
			text = strings.TrimSpace(text)
			n, ok := jsonpath.Number([]byte(text))
			switch {
			case text == none || text == "":
				return device.Value{}, errUnknown
			case !ok:
				return device.Value{}, fmt.Errorf("%.40q is no number", text)
			}
			return device.Of((n - offset) / scale), nil
		},
		write: func(v device.Value) any { return short(v.Number*scale + offset) },
	}
}

// whole and upwards are for a device that takes no fractions.
func whole(w wire) wire   { return w.cut(math.Round) }
func upwards(w wire) wire { return w.cut(math.Ceil) }

func (w wire) cut(round func(float64) float64) wire {
	inner := w.write
	w.write = func(v device.Value) any {
		if f, ok := inner(v).(float64); ok {
			return short(round(f))
		}
		return inner(v)
	}
	return w
}

// short is a number as Home Assistant gives it to a command template: without a fraction if it can be.
func short(f float64) any {
	if f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return int64(f)
	}
	return f
}

// maxWords is how many bytes a text may have; Home Assistant takes 255 characters.
const maxWords = 1000

var texts = wire{
	read: func(text string) (device.Value, error) {
		switch {
		case text == none || text == "":
			return device.Value{}, errUnknown
		case len(text) > maxWords:
			return device.Value{}, fmt.Errorf("a text of %d bytes is not taken, but %d at most", len(text), maxWords)
		case !utf8.ValidString(text):
			return device.Value{}, errors.New("what came is no text (UTF-8)")
		}
		return device.Words(text), nil
	},
	write: func(v device.Value) any { return v.Text },
}

// words are texts that are other ones on the wire, by what they mean.
func words(sends, says map[string]string) wire {
	return wire{
		read: func(text string) (device.Value, error) {
			if meaning, ok := says[text]; ok {
				return device.Words(meaning), nil
			}
			return texts.read(text)
		},
		write: func(v device.Value) any { return sends[v.Text] },
	}
}

// plain is a value without a command template, as it is sent.
func plain(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}
