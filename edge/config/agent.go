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
	Kind string
}

func (p *planner) agent(uri string, t *table) {
	a := Agent{Pos: p.pos(t)}
	p.refs = append(p.refs, t)
	p.route(&a, uri, t)

	kind, known := agent.Lookup(p.nameOf(t, "kind", agent.Kinds(), ""))
	if !known {
		return // which keys it takes is not known
	}
	var keys agentKeys
	var fs fields
	config := copyOf(kind.Defaults)
	fs.add(reflect.ValueOf(&keys).Elem())
	fs.add(config)
	p.doc.fill(t, fs)
	p.doc.check(config, t)
	a.Kind, a.Config = kind.Name, config.Interface()
	p.plan.Agents = append(p.plan.Agents, a)
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
