package config

import (
	"fmt"
	"reflect"
	"strings"

	"selvage/edge/route"
	"selvage/edge/wear"
)

// planner makes a plan of a document. It goes on after a fault, so that all of them are found.
type planner struct {
	doc      *document
	plan     Plan
	clean    bool              // the text had no fault of syntax
	devices  map[string]*table // every configured name, faulty tables too
	uplinks  map[string]*table // likewise
	makers   []func(route.NodeURI) bool
	buses    map[string]*table
	wires    map[string]*table // who has a bus address or a pin
	losses   []*entry          // what outputs are to be safe for
	refs     []*table          // agents' tables, which may speak of devices
	patterns []route.Pattern   // that agents answer for
	shapes   map[string]*table // the same, without the names of their wild segments
}

func (p *planner) tables() {
	p.clean = len(p.doc.faults) == 0
	p.devices = map[string]*table{}
	p.uplinks = map[string]*table{}
	p.buses = map[string]*table{}
	p.wires = map[string]*table{}
	p.shapes = map[string]*table{}
	host := newTable(p.doc.root, "host", span{}, implied)
	p.plan.Wear = wear.Defaults
	var broker, hub, policy *table
	for _, e := range p.doc.root.entries {
		switch e.key {
		case "host":
			if t := p.only(e); t != nil {
				host = t
			}
		case "device":
			p.named(e, `[device.air]`, p.device, nil)
		case "bus":
			p.named(e, `[bus."/dev/i2c-1"]`, p.bus, nil)
		case "agent":
			p.named(e, `[agent."/room/air"]`, p.agent, p.traits)
		case "uplink":
			p.named(e, `[uplink.cloud]`, p.uplink, nil)
		case "history":
			p.named(e, `[history."/device/*/*"]`, p.history, nil)
		case "broker":
			broker = p.only(e)
		case "hub":
			hub = p.only(e)
		case "wear":
			if t := p.only(e); t != nil {
				p.section(t, &p.plan.Wear)
			}
		case "policy":
			policy = p.only(e)
		default:
			p.unknownTable(e)
		}
	}
	p.host(host)
	if policy != nil {
		p.policy(policy)
	}
	p.beyond(host, policy)
	if broker != nil {
		p.broker(broker, host)
	}
	if hub != nil {
		p.hub(hub)
	}
	if !p.doc.nameless {
		p.twins()
		p.references()
		p.lost()
		p.onBuses()
	}
}

// section reads a table of which there is one into a struct that holds its defaults.
func (p *planner) section(t *table, to any) {
	v := reflect.ValueOf(to).Elem()
	var fs fields
	fs.add(v)
	p.doc.fill(t, fs)
	p.doc.check(v, t)
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

// named hands on each table below [device], [agent] or [uplink]. Several of one name are none unless
// several takes them.
func (p *planner) named(e *entry, example string, do func(name string, t *table), several func(name string, ts []*table)) {
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
		if e.value.open && several != nil {
			var ts []*table
			for _, v := range e.value.items {
				ts = append(ts, v.table)
			}
			several(e.key, ts)
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
	remedy := didYouMean(e.key, []string{"host", "device", "bus", "agent", "uplink", "history", "broker", "hub", "wear", "policy"})
	if remedy == "" {
		remedy = `the tables are [host], [device.NAME], [bus."NAME"], [agent."/URI"], [uplink.NAME], [history."/GLOB"], [broker], [hub], [wear] and [policy]`
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
// guess is the name that the table's other keys speak for, if they do.
func (p *planner) nameOf(t *table, key string, known []string, guess string) string {
	e := t.get(key)
	switch {
	case e == nil && t.broken, e != nil && e.value.kind == unread:
	case e == nil && guess != "":
		p.doc.fault(t.at, fmt.Sprintf("[%s] needs a %s", t.name(), key), fmt.Sprintf("add %s = %q", key, guess))
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
