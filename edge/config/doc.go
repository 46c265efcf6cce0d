package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"selvage/edge/agent"
	"selvage/edge/device"
	"selvage/uplink"
)

// Section is the reference of one table: the keys that the decoder takes there.
type Section struct {
	Table  string // its header as people speak of it: host, device.NAME, host.warp
	Sample string // the same in a sample: device.air
	List   bool   // written [[…]], any number of times
	Alone  bool   // a sample leaves it out, since it does not go together with others there
	Kind   string // the driver or kind that takes these keys; "" for keys whatever it is
	By     string // the key that names Kind, "driver" or "kind", in the table that has it
	Doc    string
	Keys   []Key
}

// Key is the reference of one key. What it says stands in the tags of the field it is read into:
//
//	doc:"…"      what it means, with its unit
//	unset:"…"    in words, what stands for it where it is left out, if its field's default does not say
//	example:"…"  what a sample shows in place of the default: a text, or TOML where no text is wanted.
//	             Of a table of tables, and of a kind, the name that a sample gives it. With "-" the sample leaves
//	             the key or table out, since it does not go together with others there
//
// A kind is described by the doc tag of a blank field of its Config, by custom the first one.
type Key struct {
	Name    string
	Type    string // "text", "duration", "list of numbers"
	Default string // in TOML, "" if there is none
	Doc     string
	Unset   string // in words, what stands for it where it is left out
	Sample  string // in TOML; "" where a sample leaves it out
}

// Reference describes every table that a config may have, with all drivers and kinds that are
// registered.
func Reference() []Section {
	var r reference
	plan, err := Parse("", []byte("[broker]\n[hub]\n"))
	if err != nil {
		panic(err) // tables without keys have no faults
	}
	plan.Host.Name = "" // this machine's own is nobody's reference
	r.table(Section{Table: "host"}, &plan.Host)
	r.devices()
	r.table(Section{Table: `bus."NAME"`, Sample: `bus."/dev/i2c-1"`}, &BusKeys{})
	agents := Section{Table: `agent."/URI"`, By: "kind"}
	r.table(agents, &agentKeys{}).choices("kind", agent.Kinds())
	for _, name := range agent.Kinds() {
		kind, _ := agent.Lookup(name)
		agents.Kind, agents.Sample = name, `agent."/`+name+`"`
		r.kind(agents, &agentKeys{}, kind.Defaults)
	}
	uplinks := Section{Table: "uplink.NAME", By: "kind"}
	r.table(uplinks, &uplinkKeys{}).choices("kind", uplink.Kinds())
	for _, name := range uplink.Kinds() {
		kind, _ := uplink.Lookup(name)
		uplinks.Kind, uplinks.Sample = name, "uplink."+quoteKey(name)
		r.kind(uplinks, &uplinkKeys{}, kind.Defaults)
	}
	history := defaultHistory()
	r.table(Section{Table: `history."/GLOB"`, Sample: `history."/device/*/*"`}, &history)
	r.table(Section{Table: "broker"}, &brokerTable{Listen: plan.Broker.Listen, Clients: plan.Broker.Clients})
	r.table(Section{Table: "hub"}, plan.Hub)
	r.table(Section{Table: "wear"}, &plan.Wear)
	r.table(Section{Table: "policy"}, &policyTable{Loopback: loopbackAll})
	return r.sections
}

// About returns those sections of the reference that are about a table, or about a driver or kind and the
// keys it has in common with others. If there are none, remedy says what there is.
func About(name string) (found []Section, remedy string) {
	name = strings.Trim(name, "[]")
	all := Reference()
	var known []string
	for _, s := range all {
		root, _, _ := strings.Cut(s.Table, ".")
		known = append(known, root, s.Kind)
		if s.Table == name || root == name {
			found = append(found, s)
		}
	}
	if found != nil {
		return found, ""
	}
	for _, s := range all {
		if s.Kind != name {
			continue
		}
		if common := slices.IndexFunc(all, func(c Section) bool { return c.Table == s.Table && c.Kind == "" }); common >= 0 {
			found = append(found, all[common])
		}
		found = append(found, s)
	}
	if found != nil {
		return found, ""
	}
	slices.Sort(known)
	known = slices.DeleteFunc(slices.Compact(known), func(s string) bool { return s == "" })
	if remedy = didYouMean(name, known); remedy == "" {
		remedy = "there are " + strings.Join(known, ", ")
	}
	return nil, remedy
}

// reference gathers the sections.
type reference struct {
	sections []Section
}

// devices adds the drivers. In samples no two have the same wire, which the config would refuse.
func (r *reference) devices() {
	chips, spi, port, pin := map[string]int{}, 0, 0, 17 // chips by their address
	s := Section{Table: "device.NAME", By: "driver"}
	keys := deviceKeys{Every: device.DefaultEvery}
	r.table(s, &keys, append(otherWires(device.NoWire), safeKeys...)...).choices("driver", device.Names())
	for _, name := range device.Names() {
		driver, _ := device.Lookup(name)
		s.Kind, s.Sample = name, "device."+quoteKey(name)
		first := len(r.sections)
		r.kind(s, &keys, driver.Defaults, append(otherKeys(driver), "adjust")...) // which is told of all
		for i := range r.sections[first].Keys {
			switch k := &r.sections[first].Keys[i]; {
			case driver.Wire == device.I2C && k.Name == "bus":
				at := addressIn(copyOf(driver.Defaults))
				chips[at]++
				k.Sample = fmt.Sprintf(`"/dev/i2c-%d"`, chips[at])
			case driver.Wire == device.SPI && k.Name == "bus":
				k.Sample = fmt.Sprintf(`"/dev/spidev%d.0"`, spi)
				spi++
			case k.Name == "port":
				k.Sample = fmt.Sprintf(`"/dev/ttyUSB%d"`, port)
				port++
			case k.Name == "adapter":
				k.Sample = `"hci0"`
			case k.Name == "pin":
				k.Sample = fmt.Sprintf(`"GPIO%d"`, pin)
				pin++
			}
		}
	}
	r.adjust()
}

// adjust has the sample adjust a channel of the first sensor.
func (r *reference) adjust() {
	first := slices.IndexFunc(r.sections, func(s Section) bool {
		driver, _ := device.Lookup(s.Kind)
		return s.Table == "device.NAME" && driver.Sensor
	})
	for i := range r.sections {
		if s := &r.sections[i]; s.Kind == "" && first >= 0 {
			if rest, ok := strings.CutPrefix(s.Table, "device.NAME.adjust"); ok {
				s.Sample = r.sections[first].Sample + ".adjust" + rest
			}
		}
	}
}

// choices names what a key may be.
func (s *Section) choices(key string, names []string) {
	for i := range s.Keys {
		if k := &s.Keys[i]; k.Name == key {
			k.Doc += ": " + strings.Join(names, ", ")
		}
	}
}

// table adds the section of a table that is read into a struct, which holds the defaults.
func (r *reference) table(s Section, to any, except ...string) *Section {
	if s.Sample == "" {
		s.Sample = s.Table
	}
	v := reflect.ValueOf(to).Elem()
	var fs fields
	fs.add(v, except...)
	s.Doc = blank(v.Type()).Get("doc")
	at := len(r.sections)
	r.add(s, fs, nil)
	return &r.sections[at]
}

// kind adds the section of a driver or kind: the keys of its Config, and those of its wire.
func (r *reference) kind(s Section, common, defaults any, except ...string) {
	config := copyOf(defaults)
	var fs fields
	fs.add(reflect.ValueOf(common).Elem(), except...)
	fs.add(config)
	about := blank(config.Type())
	s.Doc = about.Get("doc")
	if name := about.Get("example"); name != "" {
		root, _, _ := strings.Cut(s.Table, ".")
		sample := root + "." + quoteKey(name)
		if !slices.ContainsFunc(r.sections, func(o Section) bool { return o.Sample == sample }) { // else its own will do
			s.Sample = sample
		}
	}
	var told []string // by the section that all have in common
	for _, c := range r.sections {
		if c.Table == s.Table && c.Kind == "" {
			for _, k := range c.Keys {
				told = append(told, k.Name)
			}
		}
	}
	r.add(s, fs, told)
}

// blank returns the tag of a struct's blank field.
func blank(t reflect.Type) reflect.StructTag {
	if t.Kind() == reflect.Struct {
		for f := range t.Fields() {
			if f.Name == "_" {
				return f.Tag
			}
		}
	}
	return ""
}

// add adds a section of fields, and after it those of the tables in it.
func (r *reference) add(s Section, fs fields, except []string) {
	type below struct {
		Section
		fs fields
	}
	var tables []below
	for _, name := range fs.keys {
		if slices.Contains(except, name) {
			continue
		}
		v, tag := fs.value[name], fs.tag[name]
		inner, list, named := tableIn(v)
		if !inner.IsValid() {
			s.Keys = append(s.Keys, keyOf(name, v, tag))
			continue
		}
		b := below{Section: Section{Table: s.Table + "." + quoteKey(name), Sample: s.Sample + "." + quoteKey(name), List: list, Kind: s.Kind, Doc: tag.Get("doc")}}
		b.Alone = tag.Get("example") == "-"
		if named {
			entry := "NAME"
			if given := tag.Get("example"); given != "" {
				entry = quoteKey(given)
			}
			b.Table, b.Sample = b.Table+"."+entry, b.Sample+"."+entry
		}
		b.fs.add(inner)
		tables = append(tables, b)
	}
	r.sections = append(r.sections, s)
	for _, b := range tables {
		r.add(b.Section, b.fs, nil)
	}
}

// tableIn returns the struct that a field's tables are read into; it is not valid for a field that holds no
// tables. There may be a list of them, or one for each name.
func tableIn(v reflect.Value) (inner reflect.Value, list, named bool) {
	t := v.Type()
	switch t.Kind() {
	case reflect.Slice:
		t, list = t.Elem(), true
	case reflect.Map:
		t, named = t.Elem(), true
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || reflect.PointerTo(t).Implements(textType) {
		return reflect.Value{}, false, false
	}
	if v.Type() == t {
		return v, false, false // with its defaults
	}
	return reflect.New(t).Elem(), list, named
}
