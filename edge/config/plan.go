package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"selvage/edge/route"
)

// planner makes a plan of a document. It goes on after a fault, so that all of them are found.
type planner struct {
	doc      *document
	plan     Plan
	devices  map[string]*table // every configured name, faulty tables too
	wires    map[string]*table // who has a bus address or a pin
	refs     []*table          // agents' tables, which may speak of devices
	patterns []route.Pattern   // that agents answer for
	shapes   map[string]*table // the same, without the names of their wild segments
}

func (p *planner) tables() {
	p.devices = map[string]*table{}
	p.wires = map[string]*table{}
	p.shapes = map[string]*table{}
	host := newTable(p.doc.root, "host", span{}, implied)
	for _, e := range p.doc.root.entries {
		switch e.key {
		case "host":
			if t := p.only(e); t != nil {
				host = t
			}
		case "device":
			p.named(e, `[device.air]`, p.device)
		case "agent":
			p.named(e, `[agent."/room/air"]`, p.agent)
		default:
			p.unknownTable(e)
		}
	}
	p.host(host)
	if !p.doc.nameless {
		p.twins()
		p.references()
	}
}

// only returns the table an entry holds, or faults anything else.
func (p *planner) only(e *entry) *table {
	switch {
	case e.value.kind == group:
		return e.value.table
	case e.value.open:
		p.doc.fault(e.value.at, fmt.Sprintf("[[%s]] makes a list of tables", quoteKey(e.key)), "write one pair of brackets")
	case e.value.kind != unread:
		p.doc.fault(e.at, fmt.Sprintf("%s is a table, got %s", quoteKey(e.key), e.value.describe()), "write its name in brackets on a line of its own")
	}
	return nil
}

// named hands on each table below [device] or [agent].
func (p *planner) named(e *entry, example string, do func(name string, t *table)) {
	all := p.only(e)
	if all == nil {
		return
	}
	for _, e := range all.entries {
		if e.value.kind != group && !e.value.open {
			if e.value.kind != unread {
				p.doc.fault(e.at, fmt.Sprintf("%s stands under no name", quoteKey(e.key)), "the table before it needs one: "+example)
			}
			continue
		}
		if t := p.only(e); t != nil {
			do(e.key, t)
		}
	}
}

func (p *planner) unknownTable(e *entry) {
	if e.value.kind == unread {
		return
	}
	if e.value.kind != group && !e.value.open {
		p.doc.fault(e.at, fmt.Sprintf("%s stands before any table", quoteKey(e.key)), "put it below the [table] it belongs to")
		return
	}
	remedy := didYouMean(e.key, []string{"host", "device", "agent"})
	if remedy == "" {
		remedy = `the tables are [host], [device.NAME] and [agent."/URI"]`
	}
	p.doc.fault(e.at, fmt.Sprintf("there is no table [%s]", quoteKey(e.key)), remedy)
}

// brief is a list of names, cut where it would no longer be read.
func brief(names []string) string {
	const most = 15
	if len(names) > most {
		return strings.Join(names[:most], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}

// copyOf makes a fresh, settable copy of a registered defaults value.
func copyOf(defaults any) reflect.Value {
	if defaults == nil {
		defaults = struct{}{}
	}
	v := reflect.New(reflect.TypeOf(defaults)).Elem()
	v.Set(reflect.ValueOf(defaults))
	return v
}

// pos is the place of a table.
func (p *planner) pos(t *table) Pos {
	f := p.doc.at(t.at, "", "")
	return Pos{File: f.File, Line: f.Line, Col: f.Col, doc: p.doc, table: t}
}

// nameOf reads the driver or kind that decides which keys a table takes. It is "" after a fault.
func (p *planner) nameOf(t *table, key string, known []string) string {
	e := t.get(key)
	switch {
	case e == nil && t.broken, e != nil && e.value.kind == unread:
	case e == nil:
		p.doc.fault(t.at, fmt.Sprintf("[%s] needs a %s", t.name(), key), fmt.Sprintf("add %s = \"…\", one of %s", key, brief(known)))
	case e.value.kind != text:
		p.doc.faultIn(e, fmt.Sprintf("%s wants text in quotes, got %s", key, e.value.describe()), "name one of "+brief(known))
	default:
		for _, k := range known {
			if k == e.value.text {
				return k
			}
		}
		remedy := didYouMean(e.value.text, known)
		if remedy == "" {
			remedy = "there are " + brief(known)
		}
		p.doc.faultIn(e, fmt.Sprintf("there is no %s %s", key, quoteShort(e.value.text)), remedy)
	}
	return ""
}

// twins keeps agents out of the places of the devices' own.
func (p *planner) twins() {
	for name, t := range p.devices {
		if other := p.shapes[twin(name)]; other != nil {
			p.doc.fault(other.at, fmt.Sprintf("%s is the twin of [%s] on line %d", twin(name), t.name(), p.doc.lineNumber(t.at.start)), "give this agent another URI")
		}
	}
}

// references looks for texts in agents' tables that name a twin which no table configures.
// Only a whole /device/name is judged: anything longer may be a lane or a pattern.
func (p *planner) references() {
	names := slices.Collect(maps.Keys(p.devices))
	var look func(v value)
	look = func(v value) {
		for _, item := range v.items {
			look(item)
		}
		if v.kind == group {
			for _, e := range v.table.entries {
				look(e.value)
			}
		}
		name, ok := strings.CutPrefix(v.text, twin(""))
		if v.kind != text || !ok || !isDeviceName(name) || p.devices[name] != nil {
			return
		}
		for _, pattern := range p.patterns {
			if _, ok := pattern.Match(route.NodeURI(v.text)); ok {
				return
			}
		}
		remedy := fmt.Sprintf("add a table [device.%s]", name)
		if near := nearest(name, names); len(near) > 0 {
			for i := range near {
				near[i] = twin(near[i])
			}
			remedy = "did you mean " + orList(near) + "?"
		}
		p.doc.fault(v.at, "no device "+name+" is configured", remedy)
	}
	for _, t := range p.refs {
		for _, e := range t.entries {
			look(e.value)
		}
	}
}

// twin is the node URI of a device.
func twin(device string) string { return "/device/" + device }
