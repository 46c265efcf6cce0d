package alarm

import (
	"strings"

	"selvage/edge/agent"
)

// source is another agent whose alarms are listed.
type source struct {
	node, before string // before is what stands before the names of its alarms
	link         *agent.MapDownlink[string, Active]
	known        bool // it was heard from since the start
}

func follow(l *list, name, node string) *source {
	s := &source{node: node, before: name + "/", link: agent.LinkMap[string, Active](l.agent, node, "active")}
	drop := func() { // what is not in its list, of before a restart too
		for n := range l.active.All() {
			if key, its := strings.CutPrefix(n, s.before); its {
				if _, there := s.link.Get(key); !there {
					l.active.Remove(n)
				}
			}
		}
		l.show()
	}
	s.link.OnUpdate(func(key string, _, now Active) {
		l.active.Set(s.before+key, now)
		l.show()
	})
	s.link.OnRemove(func(string, Active) { drop() })
	s.link.OnClear(drop)
	s.link.OnSynced(drop)
	return s
}

// sourceOf returns where an alarm comes from; nil for one of its own.
func (l *list) sourceOf(name string) *source {
	before, _, _ := strings.Cut(name, "/")
	if s := l.from[before]; s != nil && strings.HasPrefix(name, s.before) {
		return s
	}
	return nil
}

// acknowledge does so where an alarm comes from.
func (l *list) acknowledge(s *source, name string) error {
	return l.agent.Send(s.node, "acknowledge", strings.TrimPrefix(name, s.before))
}
