package agent

import (
	"fmt"
	"maps"
	"slices"
	"sync"
)

// Kind is one registered kind of agent.
type Kind struct {
	Name     string
	Defaults any // the Config value that a table of this kind starts from

	setup func(*Agent, any) error
	parts []Kind // of which there is more than one, see Traits
}

var (
	kindsMu sync.RWMutex
	kinds   = map[string]Kind{}
)

// Register makes a kind of agent known under the name that `kind = "…"` gives it in the host's config. C is
// the shape of its table, and defaults holds what a table leaves out. Tags tell the config reference of it:
// `doc:"…"` of a field _ struct{} what the kind does, of any other what the key means, and `example:"…"`
// what a sample shows in place of the default. setup runs once for every agent of the kind, as its first
// turn. A name taken twice panics at start, so that the mistake is found at the desk.
func Register[C any](kind string, defaults C, setup func(*Agent, C) error) {
	kindsMu.Lock()
	defer kindsMu.Unlock()
	if _, taken := kinds[kind]; taken {
		panic(fmt.Sprintf("agent: kind %q is registered twice", kind))
	}
	kinds[kind] = NewKind(kind, defaults, setup)
}

// NewKind is a kind that no config names: the host's own agents, such as twins, and tests.
func NewKind[C any](kind string, defaults C, setup func(*Agent, C) error) Kind {
	return Kind{
		Name:     kind,
		Defaults: defaults,
		setup: func(a *Agent, config any) error {
			c, ok := config.(C)
			if !ok {
				return fmt.Errorf("agent kind %s: its config is a %T, not a %T", kind, config, defaults)
			}
			return setup(a, c)
		},
	}
}

// Lookup finds a registered kind.
func Lookup(kind string) (Kind, bool) {
	kindsMu.RLock()
	defer kindsMu.RUnlock()
	k, ok := kinds[kind]
	return k, ok
}

// Kinds lists the registered kinds by name.
func Kinds() []string {
	kindsMu.RLock()
	defer kindsMu.RUnlock()
	return slices.Sorted(maps.Keys(kinds))
}
