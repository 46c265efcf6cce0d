package survey

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// maxMappings is how many tables are written. Who has more topics of so many kinds knows better.
const maxMappings = 60

// Config writes the lines of a config that take in what was heard: the key discover for the table [uplink.NAME] of the
// broker, and its mappings behind it.
func (s *Survey) Config(uplink string, known []string) string {
	var discover []string
	w := writer{uplink: uplink, taken: map[string]bool{}}
	for _, g := range s.Groups(known) {
		if g.Family == "" {
			w.group(&g)
			continue
		}
		usual := true
		if g.Family == "zigbee2mqtt" {
			usual = s.hasBelow("zigbee2mqtt")
			for _, base := range slices.Sorted(maps.Keys(s.bases)) {
				discover = append(discover, quote(g.Family+"="+base))
			}
		}
		if usual {
			discover = append(discover, quote(g.Family))
		}
	}
	if w.left > 0 {
		fmt.Fprintf(&w.out, "\n# and %d more kinds of topics\n", w.left)
	}
	slices.Sort(discover)
	head := ""
	if len(discover) > 0 {
		head = "discover = [" + strings.Join(discover, ", ") + "]\n"
	}
	return head + w.out.String()
}

func (s *Survey) hasBelow(base string) bool {
	for name := range s.topics {
		if strings.HasPrefix(name, base+"/") {
			return true
		}
	}
	return false
}

// writer writes mappings.
type writer struct {
	out    strings.Builder
	uplink string
	taken  map[string]bool // channels of devices
	number int
	left   int
}

// group writes the mapping of a group.
func (w *writer) group(g *Group) {
	channels := g.channels()
	if len(channels) == 0 || !isPlain(strings.ReplaceAll(g.Topics, "{name}", "x")) {
		fmt.Fprintf(&w.out, "\n# %s: nothing that a channel could be made of\n", quote(g.Topics))
		return
	}
	if w.number++; w.number > maxMappings {
		w.left++
		return
	}
	fmt.Fprintf(&w.out, "\n[uplink.%s.map.%s] # %s\n", bare(w.uplink), quote(g.Topics), g.Said())
	fmt.Fprintf(&w.out, "device = %s\n", quote(w.device(g, channels)))
	if g.Form == "object" && g.like.at != "" {
		fmt.Fprintf(&w.out, "at = %s\n", quote(g.like.at))
	}
	for _, c := range channels {
		fmt.Fprintf(&w.out, "channel.%s = {%s}\n", c.name, c.keys)
	}
}

// Said tells how much was heard.
func (g *Group) Said() string {
	text := fmt.Sprintf("%d %s", g.Messages, plural(g.Messages, "message"))
	if g.Number > 1 {
		text += fmt.Sprintf(" on %d topics", g.Number)
	}
	if g.Kept > 0 {
		text += fmt.Sprintf(", %d retained", g.Kept)
	}
	return text
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

// device finds a node URI that no other mapping gives these channels.
func (w *writer) device(g *Group, channels []channel) string {
	var parts []string
	levels := g.parts
	if n := len(levels); g.Form != "object" && n > 1 && g.level != n-1 {
		levels = levels[:n-1] // the last is what is measured
	}
	for i, level := range levels {
		if i == g.level {
			parts = append(parts, "{name}")
		} else if p := plain(level); p != "" {
			parts = append(parts, p)
		}
	}
	name := cmp.Or(strings.Join(parts, "-"), "thing")
	for n := 1; ; n++ {
		device := "/device/" + name
		if n > 1 {
			device += fmt.Sprintf("-%d", n)
		}
		if !slices.ContainsFunc(channels, func(c channel) bool { return w.taken[device+" "+c.name] }) {
			for _, c := range channels {
				w.taken[device+" "+c.name] = true
			}
			return device
		}
	}
}

// channel is a line of a mapping.
type channel struct{ name, keys string }

// channels are what a group measures.
func (g *Group) channels() (all []channel) {
	t := g.like
	if g.Form != "object" {
		if g.Form == "" {
			return nil
		}
		name := "value"
		if n := len(g.parts); n > 1 && g.level != n-1 {
			name = g.parts[n-1]
		}
		return []channel{{laneOf(name), keysOf("", g.Form, name, false)}}
	}
	names := map[string]bool{}
	for _, path := range slices.Sorted(maps.Keys(t.members)) {
		m := t.members[path]
		name := laneOf(strings.Join(m.path, " "))
		for n := 2; names[name]; n++ {
			name = fmt.Sprintf("%s-%d", laneOf(strings.Join(m.path, " ")), n)
		}
		names[name] = true
		all = append(all, channel{name, keysOf(path, m.form, m.path[len(m.path)-1], m.count < t.count)})
	}
	return all
}

// keysOf writes the keys of a channel.
func keysOf(path, form, name string, optional bool) string {
	var keys []string
	if path != "" {
		keys = append(keys, "path = "+quote(path))
	}
	if form != "number" {
		keys = append(keys, "form = "+quote(form))
	} else if unit := unitOf(name); unit != "" {
		keys = append(keys, "unit = "+quote(string(unit)))
	}
	if optional {
		keys = append(keys, "optional = true")
	}
	if len(keys) == 0 {
		return ""
	}
	return " " + strings.Join(keys, ", ") + " "
}
