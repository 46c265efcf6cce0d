package config

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"selvage/edge/agent"
	"selvage/edge/route"
)

// agentKeys are the keys of every [agent."/uri"], whatever its kind.
type agentKeys struct {
	_    struct{} `doc:"An agent, or with a pattern such as /room/:id any number of them. Its kind says which further keys it takes."`
	Kind string   `doc:"what the agent does"`
}

func (p *planner) agent(uri string, t *table) {
	a := Agent{Pos: p.pos(t)}
	p.route(&a, uri, t)
	if kind, config, known := p.trait(t); known {
		a.Kind, a.Config = kind.Name, config
		p.plan.Agents = append(p.plan.Agents, a)
	}
}

// traits reads [[agent."/uri"]]: several agents on one node.
func (p *planner) traits(uri string, tables []*table) {
	a := Agent{Pos: p.pos(tables[0])}
	p.route(&a, uri, tables[0])
	var traits agent.Traits
	first := map[string]*table{}
	for _, t := range tables {
		kind, config, known := p.trait(t)
		if !known {
			continue
		}
		if before := first[kind.Name]; before != nil {
			p.doc.faultIn(t.get("kind"), fmt.Sprintf("the table on line %d makes a %s of this agent already", p.doc.lineNumber(before.at.start), kind.Name), "keep one of them, or give this one a URI of its own")
			continue
		}
		first[kind.Name] = t
		traits = append(traits, agent.Trait{Kind: kind.Name, Config: config})
	}
	if len(traits) == len(tables) {
		kind, _ := agent.KindOf("", traits)
		a.Kind, a.Config = kind.Name, traits
		p.plan.Agents = append(p.plan.Agents, a)
	}
}

func (p *planner) trait(t *table) (kind agent.Kind, config any, known bool) {
	p.refs = append(p.refs, t)
	kind, known = agent.Lookup(p.nameOf(t, "kind", agent.Kinds(), ""))
	if !known {
		return kind, nil, false // which keys it takes is not known
	}
	var keys agentKeys
	var fs fields
	to := copyOf(kind.Defaults)
	fs.add(reflect.ValueOf(&keys).Elem())
	fs.add(to)
	p.doc.fill(t, fs)
	p.doc.check(to, t)
	return kind, to.Interface(), true
}

// route reads an agent's URI, or pattern of URIs, and notes that it is answered for.
func (p *planner) route(a *Agent, uri string, t *table) {
	pattern, err := route.ParsePattern(uri)
	if err == nil && !strings.Contains(uri, "/:") {
		a.URI, _, err = route.Node("/", uri)
	}
	var wrong *route.SyntaxError
	switch {
	case errors.As(err, &wrong):
		p.doc.fault(p.inHeader(t, wrong), "an agent's URI: "+wrong.Why, `it looks like [agent."/room/air"], or "/room/:id" for any number of them`)
		return
	case err != nil:
		p.doc.fault(t.at, fmt.Sprintf("an agent's URI: %v", err), "")
		return
	case !strings.HasPrefix(uri, "/"):
		p.doc.fault(t.at, fmt.Sprintf("%q is no URI for an agent", uri), `it starts with /, as in [agent."/room/air"]; swim: is the host's own`)
		return
	}
	a.Pattern = pattern
	p.patterns = append(p.patterns, pattern)
	shape := wildSegment.ReplaceAllString(pattern.String(), "/:")
	if first, taken := p.shapes[shape]; taken {
		p.doc.fault(t.at, fmt.Sprintf("[%s] on line %d answers for the same URIs", first.name(), p.doc.lineNumber(first.at.start)), "keep one of them")
		return
	}
	p.shapes[shape] = t
}

// wildSegment is what two patterns may differ in and still match the same URIs.
var wildSegment = regexp.MustCompile(`/:[^/]*`)

// inHeader is the place of a wrong character in a table's header, if it stands there as such.
func (p *planner) inHeader(t *table, wrong *route.SyntaxError) span {
	i := strings.Index(p.doc.source(t.at), wrong.Text)
	if i < 0 || wrong.Offset >= len(wrong.Text) {
		return t.at
	}
	start := t.at.start + i + wrong.Offset
	return span{start, start + 1}
}
