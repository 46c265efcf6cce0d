// Package fields is for other drivers: it takes channels out of what something tells as text, which is JSON, anything
// that a regular expression takes apart, or nothing but a value.
package fields

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"selvage/edge/device"
	"selvage/edge/jsonpath"
)

// Channel is one table [device.NAME.channel.NAME].
type Channel struct {
	Path     string  `toml:"path" doc:"where its value is in the JSON: names, and [0] or 0 in a list, such as air.temp; with match, the name of its group" unset:"the channel's name, with _ for -"`
	Form     string  `toml:"form" doc:"number, boolean or text" unset:"number"`
	Unit     string  `toml:"unit" doc:"its unit, as a UCUM code" example:"Cel" unset:"1"`
	Scale    float64 `toml:"scale" doc:"by how much the number is multiplied" unset:"1"`
	Offset   float64 `toml:"offset" doc:"what is added then, in its unit" unset:"0"`
	Min      float64 `toml:"min" doc:"the least it can be, in its unit" example:"-40.0"`
	Max      float64 `toml:"max" doc:"the most it can be, in its unit; without min and max it has no limits" example:"85.0"`
	Optional bool    `toml:"optional" doc:"it may be missing, or null; then it has no new value, and nothing is wrong"`
}

var forms = map[string]device.Form{"": device.Number, "number": device.Number, "boolean": device.Boolean, "text": device.Text}

// Longest is how long a text reading may be, in bytes.
const Longest = 4 << 10

// Check names what cannot work in the keys match and channel of a config.
func Check(match string, channels map[string]Channel, fault func(key, problem, remedy string)) {
	groups, err := compile(match)
	if err != nil {
		fault("match", fmt.Sprintf("match is no regular expression: %v", err), `write such as 'T=(?P<temperature>-?[0-9.]+)'`)
	}
	for _, name := range slices.Sorted(maps.Keys(channels)) {
		c := channels[name]
		at := "channel." + name
		if problem, remedy := device.CheckChannel(name); problem != "" {
			fault(at, problem, remedy)
			continue
		}
		form, known := forms[c.Form]
		if !known {
			fault(at, fmt.Sprintf("there is no form %q", c.Form), `use "number", "boolean" or "text"`)
		}
		if form != device.Number && (c.Unit != "" || c.Scale != 0 || c.Offset != 0 || c.Min != 0 || c.Max != 0) {
			fault(at, fmt.Sprintf("a %v has no unit, no limits, and nothing to calculate", form), "leave out unit, scale, offset, min and max, or form")
		}
		if c.Min > c.Max {
			fault(at, fmt.Sprintf("min is %g, above max, which is %g", c.Min, c.Max), "give both, or neither")
		}
		if match == "" {
			var p jsonpath.Path
			if err := p.UnmarshalText([]byte(c.Path)); err != nil {
				fault(at+".path", fmt.Sprintf("%q is no path: %v", c.Path, err), `write such as "air.temp" or "list[0].value"; a name with dots stands in quotes: '["1-0:1.8.0"]'`)
			}
		} else if err == nil && groups.SubexpIndex(c.group(name)) < 0 {
			fault("match", fmt.Sprintf("it has no group called %q, which the channel %s wants", c.group(name), name),
				fmt.Sprintf("name a group (?P<%s>…), or give the channel the name of its group as path", c.group(name)))
		}
	}
}

// compile reads a regular expression in which ^ and $ are the ends of a line; nil for none.
func compile(match string) (*regexp.Regexp, error) {
	if match == "" {
		return nil, nil
	}
	if _, err := regexp.Compile(match); err != nil {
		return nil, err // which repeats no more than was written
	}
	return regexp.Compile("(?m)" + match)
}

// group is the group of a channel, and the member of an object that it is without a path.
func (c Channel) group(name string) string {
	if c.Path != "" {
		return c.Path
	}
	return strings.ReplaceAll(name, "-", "_")
}

// Reader takes channels out of texts.
type Reader struct {
	match *regexp.Regexp // nil for JSON
	of    []of
}

// of is one channel made ready.
type of struct {
	device.Channel
	how   Channel
	group string
	path  jsonpath.Path
	given bool // the config has a path
}

// New returns a reader of the channels that a config has, which passed Check, by name.
func New(match string, channels map[string]Channel) (*Reader, error) {
	r := &Reader{}
	var err error
	if r.match, err = compile(match); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(channels)) {
		c := channels[name]
		o := of{how: c, group: c.group(name), path: jsonpath.Member(c.group(name)), given: c.Path != ""}
		o.Name, o.Form = name, forms[c.Form]
		if o.given && match == "" {
			if err := o.path.UnmarshalText([]byte(c.Path)); err != nil {
				return nil, err
			}
		}
		if o.Form == device.Number {
			o.Unit, o.Min, o.Max = device.Unit(c.Unit), c.Min, c.Max
			if o.Unit == "" {
				o.Unit = "1"
			}
		}
		r.of = append(r.of, o)
	}
	return r, nil
}

// Channels lists them by name.
func (r *Reader) Channels() []device.Channel {
	all := make([]device.Channel, len(r.of))
	for i, o := range r.of {
		all[i] = o.Channel
	}
	return all
}

// Found is what was found of the channels, by their names.
type Found map[string]jsonpath.Value

// Line takes the channels out of one line, in which JSON begins with the first {. A line that has none of them, such as
// a greeting, gives none.
func (r *Reader) Line(text []byte) Found {
	if r.match != nil {
		return r.groups(text)
	}
	start := bytes.IndexByte(text, '{')
	if start < 0 {
		return nil
	}
	object := jsonpath.First(text[start:])
	if object == nil {
		return nil
	}
	found := Found{}
	for _, o := range r.of {
		if v := o.path.Find(object); !v.Absent && !v.Null {
			found[o.Name] = v
		}
	}
	return found
}

// most is how many matches in one text are looked at.
const most = 10_000

// groups takes the channels out of all that matches in a text. Of a group that is found again the first counts.
func (r *Reader) groups(text []byte) Found {
	found := Found{}
	for _, match := range r.match.FindAllSubmatch(text, most) {
		for _, o := range r.of {
			_, known := found[o.Name]
			if i := r.match.SubexpIndex(o.group); !known && i > 0 && len(match[i]) > 0 {
				found[o.Name] = jsonpath.Value{Text: match[i]}
			}
		}
	}
	return found
}

// Sample reads what was found; what was not is left out.
func (r *Reader) Sample(found Found) (s device.Sample) {
	for _, o := range r.of {
		if v, told := found[o.Name]; told {
			s = append(s, o.measure(v))
		}
	}
	return s
}

// measure reads a value as its channel's form.
func (o *of) measure(v jsonpath.Value) device.Measure {
	m := device.Measure{Channel: o.Name}
	text := strings.TrimSpace(string(v.Text))
	switch {
	case v.Group:
		m.Err = fmt.Errorf("%s is not a single value", Shorten(v.Text))
	case o.Form == device.Text && !utf8.ValidString(text):
		m.Err = fmt.Errorf("%s is not UTF-8", Shorten(v.Text))
	case o.Form == device.Text && len(text) > Longest:
		m.Err = fmt.Errorf("%s has %d bytes, more than %d", Shorten(v.Text), len(text), Longest)
	case o.Form == device.Text:
		m.Text = text
	case o.Form == device.Boolean:
		switch strings.ToLower(text) {
		case "1", "true", "on", "yes", "open", "high":
			m.Value = 1
		case "0", "false", "off", "no", "closed", "low":
		default:
			m.Err = fmt.Errorf("%s is neither on nor off", Shorten(v.Text))
		}
	default:
		n, ok := jsonpath.Number([]byte(text))
		if n = o.how.calculate(n); !ok || math.IsInf(n, 0) || math.IsNaN(n) {
			m.Err = fmt.Errorf("%s is no number", Shorten(v.Text))
			break
		}
		m.Value = n
	}
	return m
}

// calculate makes the value of the number that was told. Fifteen digits are what a decimal number keeps as a binary one:
// of 3 tenths the rest would be 0.30000000000000004.
func (c Channel) calculate(n float64) float64 {
	if c.Scale == 0 && c.Offset == 0 {
		return n
	}
	if c.Scale != 0 {
		n *= c.Scale
	}
	short, err := strconv.ParseFloat(strconv.FormatFloat(n+c.Offset, 'g', 15, 64), 64)
	if err != nil {
		return math.Inf(1)
	}
	return short
}

// Shorten shows on a line of a terminal what came: JSON as it is, anything else in quotes.
func Shorten(raw []byte) string {
	const most = 60
	rest := ""
	if len(raw) > most {
		cut := most
		for cut > most-utf8.UTFMax && !utf8.RuneStart(raw[cut]) {
			cut--
		}
		raw, rest = raw[:cut], "…"
	}
	text := string(raw)
	if quoted := strconv.Quote(text); text == "" || text[0] != '{' && text[0] != '[' || strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`) != text {
		text = quoted
	}
	return text + rest
}
