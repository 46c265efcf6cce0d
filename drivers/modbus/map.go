package modbus

import (
	"bytes"
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"selvage/edge/device"
)

//go:embed maps/*.toml
var builtin embed.FS

// Map says what is in the registers of a kind of unit: a file of maps, or one of the user's own.
type Map struct {
	Model   string             `toml:"model"`   // "Eastron SDM120"
	Most    uint16             `toml:"most"`    // registers it gives at a time; 0 = 125
	Serial  Channel            `toml:"serial"`  // where its serial number is
	All     Channel            `toml:"all"`     // what channels have that do not say otherwise
	Channel map[string]Channel `toml:"channel"` // by name
}

// Channel is a table [channel.NAME] of a map, or [device.NAME.channel.NAME] of the host file.
type Channel struct {
	Table      string  `toml:"table" doc:"the table it is in: input, holding, coil or discrete" unset:"input"`
	Register   uint16  `toml:"register" doc:"its register, counted from 0: what manuals call 30001, 40001 or 1 is 0" example:"0x0010"`
	Type       string  `toml:"type" doc:"uint16, int16, uint32, int32, uint64, int64, float32, float64 or bool" unset:"uint16, or bool in a table of bits,"`
	Order      string  `toml:"order" doc:"the order of the bytes of two registers: abcd has the highest first, cdab the lower register, badc and dcba have bytes turned in each" unset:"abcd"`
	Mask       uint16  `toml:"mask" doc:"which bits of a register count for bool" unset:"all of them"`
	Invalid    *int64  `toml:"invalid" doc:"what stands for no value, such as 0xFFFF" example:"0xFFFF"`
	Scale      float64 `toml:"scale" doc:"by how much the number is multiplied" unset:"1"`
	Offset     float64 `toml:"offset" doc:"what is added to it then, in its unit"`
	Unit       string  `toml:"unit" doc:"its unit, as a UCUM code" example:"m3/h" unset:"1"`
	Min        float64 `toml:"min" doc:"the least it can be, in its unit"`
	Max        float64 `toml:"max" doc:"the most it can be, in its unit; without min and max it has no limits"`
	Resolution float64 `toml:"resolution" doc:"its smallest step worth showing, in its unit" unset:"what scale says"`
	Every      string  `toml:"every" doc:"the least time between two requests for it" example:"1m" unset:"it is asked for in every measurement"`
}

// channelError is what is wrong with a map, or with a channel of it.
type channelError struct{ name, text, remedy string }

func (e *channelError) Error() string {
	if e.name == "" {
		return e.text
	}
	return "channel " + e.name + ": " + e.text
}

// Builtin lists the names of the maps that are built in.
func Builtin() (names []string) {
	files, _ := fs.Glob(builtin, "maps/*.toml")
	for _, f := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(f), ".toml"))
	}
	return names
}

// load reads the config's map and puts the channels of the host file into it.
func (c Config) load() (*Map, error) {
	m := &Map{Model: "Modbus unit", All: Channel{}}
	if c.Map != "" {
		text, err := builtin.ReadFile("maps/" + c.Map + ".toml")
		if strings.HasSuffix(c.Map, ".toml") {
			text, err = os.ReadFile(c.Map)
		}
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, &channelError{text: fmt.Sprintf("there is no map %q", c.Map), remedy: "there are " + strings.Join(Builtin(), ", ") + "; or give the path of a file whose name ends with .toml"}
		case err != nil:
			return nil, &channelError{text: err.Error(), remedy: "let selvage read this file"}
		}
		if m, err = parseMap(text); err != nil {
			return nil, err
		}
	}
	if m.Channel == nil {
		m.Channel = map[string]Channel{}
	}
	maps.Copy(m.Channel, c.Channel)
	if len(m.Channel) == 0 {
		return nil, &channelError{text: "there is nothing to read", remedy: "give a map: " + strings.Join(Builtin(), ", ") + ", or channels of your own"}
	}
	if err := m.complete(); err != nil {
		return nil, err
	}
	return m, nil
}

// parseMap reads the text of a map.
func parseMap(text []byte) (*Map, error) {
	m := &Map{}
	d := toml.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(m)
	var strict *toml.StrictMissingError
	var wrong *toml.DecodeError
	switch {
	case errors.As(err, &strict):
		e := strict.Errors[0]
		line, _ := e.Position()
		return nil, &channelError{text: fmt.Sprintf("line %d of the map: there is no key %s", line, strings.Join(e.Key(), ".")), remedy: "the maps that are built in show all keys"}
	case errors.As(err, &wrong):
		line, _ := wrong.Position()
		return nil, &channelError{text: fmt.Sprintf("line %d of the map: %s", line, strings.TrimPrefix(wrong.Error(), "toml: ")), remedy: "correct that line"}
	case err != nil:
		return nil, &channelError{text: "the map: " + err.Error(), remedy: "correct it"}
	}
	return m, nil
}

var laneName = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

// complete gives all channels what they do not say, and finds what cannot work.
func (m *Map) complete() error {
	if m.Most == 0 || m.Most > maxRegisters {
		m.Most = maxRegisters
	}
	for _, name := range slices.Sorted(maps.Keys(m.Channel)) {
		c := m.Channel[name]
		if !laneName.MatchString(name) {
			return &channelError{name, fmt.Sprintf("%q is no name for a lane", name), "it has small letters, digits and -, and begins with a letter"}
		}
		if err := c.complete(m.All); err != nil {
			err.name = name
			return err
		}
		if c.value().width() > m.Most {
			return &channelError{name, "it has more registers than the unit gives at a time", "raise most"}
		}
		m.Channel[name] = c
	}
	if m.Serial.Type != "" {
		if err := m.Serial.complete(m.All); err != nil {
			err.name = "serial"
			return err
		}
	}
	return nil
}

func (c *Channel) complete(all Channel) *channelError {
	c.Table = cmp.Or(c.Table, all.Table, "input")
	bits := c.Table == "coil" || c.Table == "discrete"
	if bits {
		c.Type = cmp.Or(c.Type, "bool")
	}
	c.Type = cmp.Or(c.Type, all.Type, "uint16")
	c.Order = cmp.Or(c.Order, all.Order, "abcd")
	c.Mask = cmp.Or(c.Mask, 0xFFFF)
	c.Scale = cmp.Or(c.Scale, all.Scale, 1)
	c.Unit = cmp.Or(c.Unit, all.Unit, "1")
	c.Every = cmp.Or(c.Every, all.Every)
	if c.Invalid == nil {
		c.Invalid = all.Invalid
	}
	k, known := kinds[c.Type]
	if !k.float && c.Scale < 1 && c.Scale > 0 && c.Offset == 0 {
		c.Resolution = cmp.Or(c.Resolution, c.Scale)
	}
	every, err := time.ParseDuration(cmp.Or(c.Every, "0s"))
	switch {
	case c.Table != "input" && c.Table != "holding" && !bits:
		return &channelError{"", fmt.Sprintf("a unit has no table %q", c.Table), `use "input", "holding", "coil" or "discrete"`}
	case !known:
		return &channelError{"", fmt.Sprintf("there is no type %q", c.Type), "use " + strings.Join(slices.Sorted(maps.Keys(kinds)), ", ")}
	case bits && c.Type != "bool":
		return &channelError{"", fmt.Sprintf("the table %s has bits, no %s", c.Table, c.Type), `use type = "bool", or another table`}
	case c.Order != "abcd" && c.Order != "cdab" && c.Order != "badc" && c.Order != "dcba":
		return &channelError{"", fmt.Sprintf("there is no order %q", c.Order), `use "abcd", "cdab", "badc" or "dcba"`}
	case int(c.Register)+int(k.registers) > 1<<16:
		return &channelError{"", "it ends behind the last register", "registers are from 0 to 65535"}
	case c.Min > c.Max:
		return &channelError{"", fmt.Sprintf("min is %g, above max, which is %g", c.Min, c.Max), "give both, or neither"}
	case c.Resolution < 0:
		return &channelError{"", "a resolution is 0 or more", "leave it out"}
	case err != nil || every < 0:
		return &channelError{"", fmt.Sprintf("every is a time, got %q", c.Every), `write "1m"`}
	}
	return nil
}

func (c Channel) value() value {
	bits := c.Table == "coil" || c.Table == "discrete"
	return value{
		kind: kinds[c.Type], isBit: bits, isBool: c.Type == "bool", mask: uint64(c.Mask),
		order: c.Order, invalid: c.Invalid, scale: c.Scale, offset: c.Offset,
	}
}

// sorted are the names of the channels, by table and register.
func (m *Map) sorted() []string {
	return slices.SortedFunc(maps.Keys(m.Channel), func(a, b string) int {
		x, y := m.Channel[a], m.Channel[b]
		return cmp.Or(strings.Compare(x.Table, y.Table), cmp.Compare(x.Register, y.Register), strings.Compare(a, b))
	})
}

func (m *Map) channels() (all []device.Channel) {
	for _, name := range m.sorted() {
		c := m.Channel[name]
		if c.Type == "bool" {
			all = append(all, device.Channel{Name: name, Form: device.Boolean})
			continue
		}
		all = append(all, device.Channel{Name: name, Unit: device.Unit(c.Unit), Min: c.Min, Max: c.Max, Resolution: c.Resolution})
	}
	return all
}

// plan says what is asked for together. Two channels share a request if no more than merge registers are between them
// and the unit gives that many at a time.
func (m *Map) plan(merge int) (groups []*group) {
	byTime := map[time.Duration]*group{}
	for _, name := range m.sorted() {
		c := m.Channel[name]
		every, _ := time.ParseDuration(cmp.Or(c.Every, "0s"))
		g := byTime[every]
		if g == nil {
			g = &group{every: every}
			byTime[every] = g
		}
		p := part{value: c.value(), name: name}
		end := int(c.Register) + int(p.width())
		if n := len(g.requests); n > 0 {
			r := &g.requests[n-1]
			most, first := int(m.Most), int(r.start)
			if p.isBit {
				most = 2000 // Application Protocol, section 6.1
			}
			if r.table == c.Table && int(c.Register) <= first+int(r.count)+merge && end-first <= most {
				p.at = c.Register - r.start
				r.count = uint16(max(int(r.count), end-first))
				r.parts = append(r.parts, p)
				continue
			}
		}
		g.requests = append(g.requests, request{table: c.Table, start: c.Register, count: p.width(), parts: []part{p}})
	}
	for _, every := range slices.Sorted(maps.Keys(byTime)) {
		groups = append(groups, byTime[every])
	}
	return groups
}
