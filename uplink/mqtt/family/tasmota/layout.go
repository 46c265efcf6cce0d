package tasmota

import "strings"

// layout is a FullTopic, by levels: what all topics of a device begin with (tasmota.github.io/docs/MQTT).
type layout []string

const (
	prefixToken = "%prefix%"
	topicToken  = "%topic%"
)

func newLayout(text string) layout {
	text = strings.Trim(text, "/")
	if !strings.Contains(text, prefixToken) && !strings.Contains(text, topicToken) {
		text = strings.Trim(text+"/"+prefixToken+"/"+topicToken, "/")
	}
	return strings.Split(text, "/")
}

// filter is the subscription for a prefix, but for the last level.
func (l layout) filter(prefix string) string {
	var b strings.Builder
	for _, level := range l {
		switch {
		case level == prefixToken:
			level = prefix
		case strings.Contains(level, "%"):
			level = "+"
		}
		b.WriteString(level + "/")
	}
	return b.String()
}

// match tells of which prefix a topic is, tele or stat, if it begins as the layout says.
func (l layout) match(begin string) (prefix string, ok bool) {
	levels := strings.Split(strings.TrimSuffix(begin, "/"), "/")
	if len(levels) != len(l) {
		return "", false
	}
	for i, level := range l {
		switch {
		case level == prefixToken:
			prefix = levels[i]
		case levels[i] == "" || !strings.Contains(level, "%") && level != levels[i]:
			return "", false
		}
	}
	return prefix, prefix == "tele" || prefix == "stat"
}

// with returns a topic that matches with another prefix, and what else differs between devices in it.
func (l layout) with(prefix, begin string) (topic, name string) {
	levels := strings.Split(strings.TrimSuffix(begin, "/"), "/")
	var names []string
	for i, level := range l {
		switch {
		case level == prefixToken:
			levels[i] = prefix
		case strings.Contains(level, "%"):
			names = append(names, levels[i])
		}
	}
	return strings.Join(levels, "/") + "/", strings.Join(names, "/")
}

// fill makes what the topics of a device begin with.
func fill(fullTopic, prefix string, c *config) string {
	text := strings.NewReplacer(
		prefixToken, prefix, topicToken, c.Topic, "%hostname%", c.Host, "%id%", c.MAC[len(c.MAC)-6:],
	).Replace(fullTopic)
	return strings.TrimSuffix(text, "/") + "/"
}
