package config

import (
	"fmt"
	"slices"
	"strings"

	"selvage/edge/route"
)

// hub reads [hub] and keeps agents out of the place where edges appear.
func (p *planner) hub(t *table) {
	h := &Hub{Mount: "/edge"}
	p.plan.Hub = h
	p.section(t, h)
	if problem, _ := checkMount(h.Mount); problem != "" || !t.readable("mount") {
		return
	}
	// A pattern that only might match there, such as /:a/:b, is less specific than the mount.
	for shape, agent := range p.shapes {
		if strings.HasPrefix(shape+"/", string(h.Mount)+"/") {
			p.doc.fault(agent.at, fmt.Sprintf("%s is where edges appear, by [hub] on line %d", h.Mount, p.doc.lineNumber(t.at.start)),
				"give this agent another URI, or the hub another mount")
		}
	}
}

// Check finds what is wrong with the table's values.
func (h *Hub) Check(fault func(key, problem, remedy string)) {
	if problem, remedy := checkMount(h.Mount); problem != "" {
		fault("mount", problem, remedy)
	}
}

// owned are the places that every host has for agents of its own.
var owned = map[string]string{"device": "the twins of devices", "uplink": "uplinks", "host": "the host itself"}

func checkMount(mount route.NodeURI) (problem, remedy string) {
	segments := slices.DeleteFunc(strings.Split(string(mount), "/"), func(s string) bool { return s == "" })
	wild := slices.ContainsFunc(segments, func(s string) bool { return strings.Contains(s, "*") || strings.HasPrefix(s, ":") })
	right := route.NodeURI("/" + strings.Join(segments, "/"))
	switch {
	case wild:
		return fmt.Sprintf("mount is one place and no pattern, got %q", mount), `write "/edge"; each edge appears below it under its name`
	case len(segments) == 0 || !route.IsPlain(right) || mount[0] != '/' && strings.Contains(segments[0], ":"):
		return fmt.Sprintf("mount wants a plain path, got %q", mount), `write "/edge"`
	case owned[segments[0]] != "":
		return fmt.Sprintf("/%s is the place of %s", segments[0], owned[segments[0]]), `write "/edge"`
	case mount != right:
		return fmt.Sprintf("mount wants a plain path, got %q", mount), fmt.Sprintf("write %q", right)
	}
	return "", ""
}

var _ checker = (*Hub)(nil)
