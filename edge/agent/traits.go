package agent

import (
	"errors"
	"fmt"
	"strings"
)

// Trait is one of several agents on one node: they share its URI, lanes and turns, and know each
// other by their lanes alone.
type Trait struct {
	Kind   string // as registered
	Config any    // of that kind; nil for its defaults
}

// Traits is the config of a node with several traits.
type Traits []Trait

// KindOf finds the kind that a config is for, which is the registered one of that name unless config
// is of type Traits.
func KindOf(name string, config any) (Kind, bool) {
	traits, several := config.(Traits)
	if !several {
		return Lookup(name)
	}
	k := Kind{Defaults: traits}
	for _, t := range traits {
		part, ok := Lookup(t.Kind)
		if !ok {
			return Kind{}, false
		}
		k.parts = append(k.parts, part)
	}
	k.Name = strings.Join(k.Names(), "+")
	k.setup = k.setupAll
	return k, true
}

// Names lists the names of the kinds that an agent of this one is made of.
func (k Kind) Names() []string {
	if len(k.parts) == 0 {
		return []string{k.Name}
	}
	var names []string
	for _, p := range k.parts {
		names = append(names, p.Name)
	}
	return names
}

// setupAll sets up each part. One that fails does not keep the others from working.
func (k Kind) setupAll(a *Agent, config any) error {
	var all error
	for i, p := range k.parts {
		c := config.(Traits)[i].Config
		if c == nil {
			c = p.Defaults
		}
		if err := p.setup(a, c); err != nil {
			all = errors.Join(all, fmt.Errorf("%s: %w", p.Name, err))
		}
	}
	return all
}
