package mqtt

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"selvage/edge/route"
)

// outlet is a Publish made ready.
type outlet struct {
	topic   template
	lanes   []route.Glob
	form    string
	qos     byte
	retain  bool
	history bool
	keyed   bool // each entry of a map lane has a topic of its own
}

// laneParts are the parts that the topic of a Publish may have.
var laneParts = []string{"host", "node", "name", "lane", "key"}

// openOutlets makes all tables ready, in the order of their topics.
func openOutlets(all map[string]Publish) ([]*outlet, error) {
	var ready []*outlet
	for _, text := range slices.Sorted(maps.Keys(all)) {
		o, err := newOutlet(text, all[text])
		if err != nil {
			return nil, fmt.Errorf("publish %q: %w", text, err)
		}
		ready = append(ready, o)
	}
	return ready, nil
}

func newOutlet(text string, c Publish) (*outlet, error) {
	o := &outlet{form: c.Payload, qos: 1, retain: !c.History, history: c.History}
	if o.form == "" {
		o.form = asJSON
	}
	if c.QoS != nil {
		o.qos = byte(*c.QoS)
	}
	if c.Retain != nil {
		o.retain = *c.Retain
	}
	var err error
	if o.topic, err = parseTopic(text); err != nil {
		return nil, err
	}
	o.keyed = slices.Contains(o.topic.names(), "key")
	o.lanes, err = parseGlobs(c.Lanes)
	return o, err
}

func parseGlobs(texts []string) (globs []route.Glob, err error) {
	for _, text := range texts {
		g, err := route.ParseGlob(text)
		if err == nil && (!strings.HasPrefix(text, "/") || strings.Count(text, "/") < 2) {
			err = fmt.Errorf("%q names no lane: its last segment is one", text)
		}
		if err != nil {
			return nil, err
		}
		globs = append(globs, g)
	}
	return globs, nil
}

func selects(globs []route.Glob, node route.NodeURI, lane route.LaneName) bool {
	return slices.ContainsFunc(globs, func(g route.Glob) bool { return g.MatchLane(node, lane) })
}

// topicOf is where a lane is published, or an entry of one.
func (o *outlet) topicOf(host string, at laneAt, key string) string {
	return o.topic.fill(parts{
		"host": topicPart(host), "node": topicOfNode(at.node), "name": topicPart(nameOf(at.node)),
		"lane": topicPart(string(at.lane)), "key": topicPart(key),
	}, asIs)
}

// nameOf is the last segment of a node URI, as people write it.
func nameOf(node route.NodeURI) string {
	return unescaped(string(node)[strings.LastIndexByte(string(node), '/')+1:])
}

func unescaped(segment string) string {
	if plain, err := url.PathUnescape(segment); err == nil {
		return plain
	}
	return segment
}

// topicOfNode is a node URI as some levels of a topic.
func topicOfNode(node route.NodeURI) string {
	segments := strings.Split(strings.TrimPrefix(string(node), "/"), "/")
	for i, s := range segments {
		segments[i] = topicPart(unescaped(s))
	}
	return strings.Join(segments, "/")
}

// topicPart writes text as part of one level of a topic. What means something else there, is no text, or which servers
// may refuse (MQTT 3.1.1, 1.5.3 and 4.7), is written as in a URI. unescaped reads it.
func topicPart(text string) string {
	var b strings.Builder
	b.Grow(len(text))
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && n == 1 || !isPlain(r) || r == '$' && i == 0 {
			for _, c := range []byte(text[i : i+n]) {
				fmt.Fprintf(&b, "%%%02x", c)
			}
		} else {
			b.WriteString(text[i : i+n])
		}
		i += n
	}
	return b.String()
}

// isPlain reports whether a character stands for itself. Control characters and what Unicode calls noncharacters may have
// a server close the connection (MQTT 3.1.1, 1.5.3); Mosquitto does.
func isPlain(r rune) bool {
	return !unicode.IsControl(r) && !unicode.Is(unicode.Noncharacter_Code_Point, r) && !strings.ContainsRune("/+#%", r)
}
