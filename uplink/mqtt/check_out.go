package mqtt

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"selvage/edge/route"
	"selvage/uplink/mqtt/sparkplug"
)

// checkOut finds what is wrong with the way out.
func (c Config) checkOut(fault faulter) {
	comes := map[string]string{} // what is subscribed to, by who wants it
	for _, text := range slices.Sorted(maps.Keys(c.Map)) {
		comes[text] = "the mapping of"
		if o := c.Map[text].Online; o != nil {
			comes[o.Topic] = "the mapping of"
		}
	}
	kept := c.kept(comes)
	for _, text := range slices.Sorted(maps.Keys(c.Command)) {
		c.Command[text].check(text, under("command."+text, fault))
		if topic, err := parseTopic(text); err == nil {
			checkKept(text, topic.filter(), kept, under("command."+text, fault))
		}
	}
	for text := range c.Command {
		comes[text] = "the command"
	}
	for _, text := range slices.Sorted(maps.Keys(c.Publish)) {
		at := under("publish."+text, fault)
		c.Publish[text].check(text, at)
		checkLoop(text, comes, at)
	}
	if c.Status != "" {
		checkTopic("status", c.Status, fault)
		checkLoop(c.Status, comes, under("status", fault))
	}
	if a := c.Announce; a != nil {
		at := under("announce", fault)
		checkTopic("prefix", a.Prefix, at)
		checkTopic("base", a.Base, at)
		checkLanes(a.Lanes, at)
		for _, topic := range []string{a.base() + "/{node}/{lane}", a.prefix() + "/{node}/config"} {
			checkLoop(topic, comes, at)
		}
		for _, topic := range []string{a.base() + "/{node}/set", a.prefix() + "/status"} {
			checkKept(topic, strings.NewReplacer("{host}", "+", "{node}", "+/+").Replace(topic), kept, at) // of most nodes
		}
	}
	if s := c.Sparkplug; s != nil {
		c.checkSparkplug(comes, under("sparkplug", fault))
	}
	waits := func(p Publish) bool { return p.History }
	if c.Queue < 1 && slices.ContainsFunc(slices.Collect(maps.Values(c.Publish)), waits) {
		fault("queue", "with no room nothing waits for the broker", `the default is "64MB"`)
	}
}

// checkSparkplug finds what is wrong with the edge node.
func (c Config) checkSparkplug(comes map[string]string, fault faulter) {
	s := c.Sparkplug
	if c.Status != "" || c.Announce != nil || len(c.Publish) > 0 {
		fault("", "a connection has one will, which is the death of the edge node: it cannot say on a status topic, too, that status, publish and announce are offline",
			"make another table [uplink.…] for the same broker, with what is not sparkplug")
	}
	switch {
	case s.Group == "":
		fault("group", "an edge node needs a group", `write group = "Plant1"`)
	case sparkplug.CheckID(s.Group) != nil:
		fault("group", fmt.Sprintf("group: %v", sparkplug.CheckID(s.Group)), `write group = "Plant1"`)
	}
	checkTopic("node", s.Node, fault)
	if err := sparkplug.CheckID(s.node()); err != nil && strings.Contains(s.Node, "/") {
		fault("node", fmt.Sprintf("node: %v", err), "leave it out for the name of the host")
	}
	checkLanes(s.Lanes, fault)
	for _, below := range []string{"", "/{device}"} {
		checkLoop(sparkplug.Namespace+"/"+s.Group+"/{verb}/"+s.node()+below, comes, fault)
	}
}

func (s *Sparkplug) node() string { return cmp.Or(s.Node, "{host}") }

func (s *Sparkplug) lanes() []string {
	if len(s.Lanes) == 0 {
		return []string{prefix + "*/*"}
	}
	return s.Lanes
}

func (a *Announce) prefix() string { return cmp.Or(a.Prefix, "homeassistant") }
func (a *Announce) base() string   { return cmp.Or(a.Base, "selvage/{host}") }

// under is fault for the keys of a table.
func under(table string, fault faulter) faulter {
	return func(key, problem, remedy string) {
		if key != "" {
			key = "." + key
		}
		fault(table+key, problem, remedy)
	}
}

const likeLanes = `write ["/device/*/*"], each * for one segment, the last one for the lane`

func (p Publish) check(text string, fault faulter) {
	topic, err := parseTopic(text)
	if err != nil {
		fault("", fmt.Sprintf("%q is no topic: %v", text, err), `a topic such as "home/{name}/{lane}"`)
	}
	within(topic.names(), laneParts, func(name string) {
		fault("", fmt.Sprintf("the topic %q has a part {%s} that no lane has", text, name), "there are {"+strings.Join(laneParts, "}, {")+"}")
	})
	if len(p.Lanes) == 0 {
		fault("lanes", fmt.Sprintf("nothing is chosen to be published on %q", text), likeLanes)
	}
	checkLanes(p.Lanes, fault)
	if p.Payload != "" && !slices.Contains([]string{asJSON, asText, asValue}, p.Payload) {
		fault("payload", fmt.Sprintf("there is no payload %q", p.Payload), `"json", "text" or "value"`)
	}
	if p.QoS != nil && (*p.QoS < 0 || *p.QoS > 2) {
		fault("qos", fmt.Sprintf("there is no QoS %d", *p.QoS), "0, 1 or 2")
	}
	if !p.History {
		return
	}
	if p.QoS != nil && *p.QoS == 0 {
		fault("qos", "with QoS 0 the broker does not say what it has, so what is lost could not be sent again", "leave qos out, or history")
	}
	if p.Retain != nil && *p.Retain {
		fault("retain", "of a history the broker would keep what came last, which may be an older value than the lane has", "leave retain out, and publish the lanes without history on another topic")
	}
	if slices.Contains(topic.names(), "key") {
		fault("", "a history is of value lanes, which have no keys", "leave {key} out of the topic")
	}
}

func (c Command) check(text string, fault faulter) {
	topic, err := parseTopic(text)
	if err != nil {
		fault("", fmt.Sprintf("%q is no topic: %v", text, err), `a topic such as "home/{name}/set"`)
	}
	node, err := parseTemplate(c.Node)
	sample := node.fill(nil, func(string) string { return "x" })
	uri, _, bad := route.Node("", sample)
	switch {
	case c.Node == "":
		fault("node", fmt.Sprintf("the command %q is for no node", text), `name it: node = "/device/{name}"`)
	case err != nil:
		fault("node", fmt.Sprintf("node is no node URI: %v", err), "")
	case bad != nil:
		fault("node", fmt.Sprintf("node is no node URI: %v", bad), "")
	case string(uri) != sample || !strings.HasPrefix(sample, "/"):
		fault("node", "node is not as node URIs are written", fmt.Sprintf("it would be %s", uri))
	}
	within(node.names(), topic.names(), func(name string) {
		fault("node", fmt.Sprintf("node has a part {%s} that the topic %q has not", name, text), partsOf(topic))
	})
	if c.Lane != "" {
		if _, _, err := route.Lane(c.Lane); err != nil {
			fault("lane", err.Error(), `write lane = "set"`)
		}
	}
	if c.Payload != "" && c.Payload != asJSON && c.Payload != asText {
		fault("payload", fmt.Sprintf("there is no payload %q", c.Payload), `"json" or "text", or leave it out`)
	}
}

func checkTopic(key, text string, fault faulter) {
	if text == "" {
		return
	}
	topic, err := parseTopic(text)
	if err != nil {
		fault(key, fmt.Sprintf("%q is no topic: %v", text, err), "")
	}
	within(topic.names(), []string{"host"}, func(name string) {
		fault(key, fmt.Sprintf("there is no part {%s} here", name), "there is {host}")
	})
}

func checkLanes(lanes []string, fault faulter) {
	for _, text := range lanes {
		if _, err := parseGlobs([]string{text}); err != nil {
			fault("lanes", err.Error(), likeLanes)
		}
	}
}

// kept are the filters of subscriptions whose messages the broker keeps for us, and what they are for.
func (c Config) kept(comes map[string]string) map[string]string {
	all := map[string]string{}
	for text, by := range comes {
		if topic, err := parseTopic(text); err == nil {
			all[topic.filter()] = fmt.Sprintf("%s %q", by, text)
		}
	}
	for _, text := range c.Discover {
		name, base := splitDiscover(text)
		if newFamily := families[name]; newFamily != nil {
			for _, f := range newFamily(base).Filters() {
				all[f] = fmt.Sprintf("discover %q", text)
			}
		}
	}
	return all
}

// checkKept finds commands that would come by a subscription whose messages the broker keeps, or the other way round. Their
// filters count, not the topics they were made of: home/a_{x} and home/b_{x} are one subscription. Where they have some
// topics in common only, a command on one of these is refused when it comes.
func checkKept(text, asked string, kept map[string]string, fault faulter) {
	for _, filter := range slices.Sorted(maps.Keys(kept)) {
		if covers(filter, asked) || covers(asked, filter) {
			fault("", fmt.Sprintf("commands on %q would come by %s, too, which the broker keeps for us: they could be obeyed much later", text, kept[filter]),
				"give one of them another topic")
			return
		}
	}
}

// checkLoop finds what would come back to us.
func checkLoop(text string, comes map[string]string, fault faulter) {
	topic, err := parseTopic(text)
	if err != nil {
		return
	}
	for _, other := range slices.Sorted(maps.Keys(comes)) {
		if taken, err := parseTopic(other); err == nil && meet(topic.levels, taken.levels) {
			fault("", fmt.Sprintf("what is published on %q would come back by %s %q", text, comes[other], other), "give one of them another topic")
			return
		}
	}
}

// meet reports whether a topic may be of both templates. {node} is any number of levels.
func meet(a, b []level) bool {
	switch {
	case len(a) == 0:
		return len(b) == 0
	case a[0].part == "node":
		for i := 1; i <= len(b); i++ {
			if meet(a[1:], b[i:]) {
				return true
			}
		}
		return false
	case len(b) == 0:
		return false
	}
	return meetLevel(a[0], b[0]) && meet(a[1:], b[1:])
}

func meetLevel(a, b level) bool {
	switch {
	case a.part == "" && b.part == "":
		return a.before == b.before
	case a.part == "":
		return fitsLevel(b, a.before)
	case b.part == "":
		return fitsLevel(a, b.before)
	}
	return (strings.HasPrefix(a.before, b.before) || strings.HasPrefix(b.before, a.before)) &&
		(strings.HasSuffix(a.after, b.after) || strings.HasSuffix(b.after, a.after))
}

// fitsLevel is also for {lane} and "set", which is the name of lanes that take commands: they hold nothing to be published.
func fitsLevel(l level, text string) bool {
	if l == (level{part: "lane"}) && text == "set" {
		return false
	}
	return len(text) > len(l.before)+len(l.after) && strings.HasPrefix(text, l.before) && strings.HasSuffix(text, l.after)
}
