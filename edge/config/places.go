package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"selvage/edge/route"
	"selvage/uplink"
)

// twins keeps agents out of the places of those that devices and uplinks have.
func (p *planner) twins() {
	for name, t := range p.devices {
		p.reserve(twin(name), "the twin", t)
	}
	for name, t := range p.uplinks {
		p.reserve(string(uplink.Node(name)), "the agent", t)
	}
}

// reserve faults a table for an agent at a URI that is another table's.
func (p *planner) reserve(uri, what string, by *table) {
	if other := p.shapes[uri]; other != nil {
		p.doc.fault(other.at, fmt.Sprintf("%s is %s of [%s] on line %d", uri, what, by.name(), p.doc.lineNumber(by.at.start)), "give this agent another URI")
	}
}

// references looks for texts in agents' tables that name a twin which no table configures and no
// uplink may make. Only a whole /device/name is judged: anything longer may be a lane or a pattern.
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
		if v.kind != text || !ok || !isName(name) || p.devices[name] != nil || p.mayBe(route.NodeURI(v.text)) {
			return
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

// mayBe reports whether an agent's table or an uplink may answer for a node.
func (p *planner) mayBe(node route.NodeURI) bool {
	return slices.ContainsFunc(p.patterns, func(pattern route.Pattern) bool {
		_, ok := pattern.Match(node)
		return ok
	}) || slices.ContainsFunc(p.makers, func(makes func(route.NodeURI) bool) bool { return makes(node) })
}

// twin is the node URI of a device.
func twin(device string) string { return "/device/" + device }
