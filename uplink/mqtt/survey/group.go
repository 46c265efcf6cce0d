package survey

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// Group is topics of one kind.
type Group struct {
	Topics   string // a family's name, or a topic in which {name} stands for a level
	Family   string // "" for a group that a mapping takes in
	Number   int    // of topics
	Messages int
	Kept     int // of messages, by the broker
	Form     string

	level int // of {name}, -1 if there is none
	parts []string
	like  *topic // all its topics in one
}

// maxLevels is how many levels a topic may have of which one may stand for many.
const maxLevels = 12

// Groups are what was heard: the families first, then the others by topic. A family that is not among known is taken
// for topics like others.
func (s *Survey) Groups(known []string) []Group {
	families, others := map[string]*Group{}, map[string]*topic{}
	for name, t := range s.topics {
		family := s.family(name, t)
		if !slices.Contains(known, family) {
			others[name] = t
			continue
		}
		if families[family] == nil {
			families[family] = &Group{Topics: family, Family: family, level: -1, like: newTopic()}
		}
		families[family].add(t)
	}
	var all []Group
	for _, family := range slices.Sorted(maps.Keys(families)) {
		all = append(all, *families[family])
	}
	return append(all, s.shapes(others)...)
}

// shapes puts topics together in which one level stands for what they are of.
func (s *Survey) shapes(others map[string]*topic) []Group {
	match, alike := map[string]int{}, map[string]int{} // topics by pattern: all, and those that say the same
	for name, t := range s.topics {
		for _, pattern := range patterns(name) {
			match[pattern]++
			if others[name] != nil {
				alike[pattern+t.shape()]++
			}
		}
	}
	level, chosen := map[string]int{}, map[string]int{} // of the pattern that fits most, by topic and by pattern
	for name, t := range others {
		level[name] = best(name, t, match, alike)
		if level[name] >= 0 {
			chosen[patterns(name)[level[name]]]++
		}
	}
	groups := map[string]*Group{}
	for name, t := range others {
		text, at := name, level[name]
		if at >= 0 {
			text = patterns(name)[at]
		}
		if at >= 0 && chosen[text] != match[text] { // it would take in what another mapping does
			text, at = name, -1
		}
		g := groups[text]
		if g == nil {
			g = &Group{Topics: text, Form: t.form, level: at, parts: strings.Split(text, "/"), like: newTopic()}
			groups[text] = g
		}
		g.add(t)
	}
	var all []Group
	for _, text := range slices.Sorted(maps.Keys(groups)) {
		all = append(all, *groups[text])
	}
	return all
}

// best is the level for which the most topics stand that say the same, where no others do, -1 if there is none. The
// last level of single values is mostly what is measured, so it is left for when no other stands for many; of objects
// it is mostly who measures.
func best(name string, t *topic, match, alike map[string]int) (level int) {
	level, most := -1, 1
	all := patterns(name)
	for i, pattern := range all {
		n := alike[pattern+t.shape()]
		last := i == len(all)-1 && level >= 0
		switch {
		case pattern == "" || n != match[pattern] || n < most || t.form != "object" && last:
		case n > most || t.form == "object" && level >= 0:
			level, most = i, n
		}
	}
	return level
}

// patterns are a topic with {name} in place of each of its levels, "" where that may not be.
func patterns(name string) []string {
	levels := strings.Split(name, "/")
	if len(levels) < 2 || len(levels) > maxLevels || !isPlain(name) {
		return nil
	}
	all := make([]string, len(levels))
	for i, level := range levels {
		if level != "" && !isQuantity(level) {
			all[i] = strings.Join(slices.Replace(slices.Clone(levels), i, i+1, "{name}"), "/")
		}
	}
	return all
}

// isPlain tells whether a mapping can have the topic as it is.
func isPlain(name string) bool {
	return name != "" && utf8.ValidString(name) && !strings.ContainsAny(name, "{}+#\x00")
}

// shape is what topics have in common that one mapping takes in.
func (t *topic) shape() string {
	return "\x00" + t.form + "\x00" + strings.Join(slices.Sorted(maps.Keys(t.members)), "\x00")
}

func newTopic() *topic { return &topic{members: map[string]*member{}} }

func (g *Group) add(t *topic) {
	g.Number++
	g.Messages += t.count
	g.Kept += t.kept
	g.like.count += t.count
	g.like.form, g.like.at = t.form, cmp.Or(g.like.at, t.at)
	for path, m := range t.members {
		if is := g.like.members[path]; is != nil {
			is.form, is.count = stronger(is.form, m.form), is.count+m.count
		} else if g.Family == "" {
			g.like.members[path] = &member{m.path, m.form, m.count}
		}
	}
}
