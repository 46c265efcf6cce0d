package config

import (
	"maps"
	"reflect"
	"slices"
)

// Changes is what has to be done to a host of one plan to make it one of another. A table's name is what
// it is known by: a table under another name is another thing.
type Changes struct {
	Devices Set[Device]
	Agents  Set[Agent] // known by their URI or pattern
	Uplinks Set[Uplink]
	Buses   bool // the pins of any
	Broker  bool // its table came, went or changed
	Policy  bool // likewise, or a file that it names
	History bool // what is kept of lanes
	Wear    bool // how long the card lasts, and what may be written to it

	// Fixed are the keys and tables that differ and are read only when a host starts: "host.listen", "hub".
	Fixed []string
}

// Set is what changes about the tables of one sort, in the order of their files.
type Set[T any] struct {
	Removed []T // as they were
	Changed []T // as they are to be
	Added   []T
	Same    int // how many stay as they are
}

// None reports whether nothing changes.
func (s *Set[T]) None() bool { return len(s.Removed)+len(s.Changed)+len(s.Added) == 0 }

// None reports whether nothing changes.
func (c *Changes) None() bool {
	return c.Devices.None() && c.Agents.None() && c.Uplinks.None() && !c.Buses && !c.Broker && !c.Policy && !c.History && !c.Wear && len(c.Fixed) == 0
}

// Diff compares what plans ask for. Where and in which order it stands in their files does not matter.
func Diff(old, new *Plan) Changes {
	return Changes{
		Devices: compare(old.Devices, new.Devices, func(d *Device) (string, any) { return d.Name, d.Spec }),
		Agents: compare(old.Agents, new.Agents, func(a *Agent) (string, any) {
			return a.Name(), [2]any{a.Kind, a.Config}
		}),
		Uplinks: compare(old.Uplinks, new.Uplinks, func(u *Uplink) (string, any) { return u.Name, u.Spec }),
		Buses:   !maps.Equal(old.Lines(), new.Lines()),
		Broker:  !reflect.DeepEqual(old.Broker, new.Broker),
		Policy:  !reflect.DeepEqual(old.Policy, new.Policy),
		History: !reflect.DeepEqual(rules(old), rules(new)),
		Wear:    !reflect.DeepEqual(old.Wear, new.Wear),
		Fixed:   fixed(old, new),
	}
}

// rules are what is kept of lanes, without where it stands.
func rules(p *Plan) []History {
	all := slices.Clone(p.History)
	for i := range all {
		all[i].Pos = Pos{}
	}
	return all
}

// Name is what stands in the brackets of an agent's table: its URI, or the pattern of its URIs.
func (a *Agent) Name() string {
	if a.URI != "" {
		return string(a.URI)
	}
	return a.Pattern.String()
}

func compare[T any](old, new []T, of func(*T) (name string, asks any)) Set[T] {
	var s Set[T]
	was := map[string]any{}
	for i := range old {
		name, asks := of(&old[i])
		was[name] = asks
	}
	stays := map[string]bool{}
	for i := range new {
		name, asks := of(&new[i])
		before, known := was[name]
		stays[name] = known
		switch {
		case !known:
			s.Added = append(s.Added, new[i])
		case reflect.DeepEqual(before, asks):
			s.Same++
		default:
			s.Changed = append(s.Changed, new[i])
		}
	}
	for i := range old {
		if name, _ := of(&old[i]); !stays[name] {
			s.Removed = append(s.Removed, old[i])
		}
	}
	return s
}

// fixed lists what differs and takes a restart.
func fixed(old, new *Plan) []string {
	keys := differing("host", reflect.ValueOf(old.Host), reflect.ValueOf(new.Host))
	if !reflect.DeepEqual(old.Hub, new.Hub) {
		keys = append(keys, "hub")
	}
	return keys
}

// differing lists the keys of a table that differ, those of the tables in it too.
func differing(table string, old, new reflect.Value) []string {
	var was, is fields
	was.add(old)
	is.add(new)
	var keys []string
	for _, key := range is.keys {
		a, b, name := was.value[key], is.value[key], table+"."+key
		switch {
		case b.Kind() == reflect.Struct:
			keys = append(keys, differing(name, a, b)...)
		case !reflect.DeepEqual(a.Interface(), b.Interface()):
			keys = append(keys, name)
		}
	}
	return keys
}

// Applied is what a host of plan old runs by once it has made all the changes to new that take no restart.
func Applied(old, new *Plan) *Plan {
	p := *new
	p.Host, p.Hub = old.Host, old.Hub
	return &p
}

// Without is the plan without the tables at the given places, which a host could not do as they say.
func (p *Plan) Without(places []Pos) *Plan {
	q := *p
	q.Devices = slices.DeleteFunc(slices.Clone(p.Devices), func(d Device) bool { return slices.Contains(places, d.Pos) })
	q.Agents = slices.DeleteFunc(slices.Clone(p.Agents), func(a Agent) bool { return slices.Contains(places, a.Pos) })
	q.Uplinks = slices.DeleteFunc(slices.Clone(p.Uplinks), func(u Uplink) bool { return slices.Contains(places, u.Pos) })
	return &q
}
