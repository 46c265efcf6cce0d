package mqtt

import (
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"selvage/edge/clock"
	"selvage/edge/device"
	"selvage/edge/recon"
	"selvage/edge/route"
	"selvage/edge/twin"
	"selvage/uplink/mqtt/announce"
)

// orphanTime is how long after a connect configs of agents that are not there any more are left at the broker: those
// that are have been made by then.
var orphanTime = time.Minute

// foreign is the driver of twins that were found by Home Assistant's discovery. To announce them there would show each
// of them twice.
const foreign = "homeassistant"

// announcer tells Home Assistant of our agents. But for commandTo it is used by the one goroutine that publishes.
type announcer struct {
	out   *out
	host  announce.Host
	base  string // of the topics of lanes
	lanes []route.Glob

	things map[route.NodeURI]*announced

	mu       sync.Mutex
	commands map[string]commandTo // by topic
}

// announced is an agent that Home Assistant knows of.
type announced struct {
	node    route.NodeURI
	info    *twin.Info // of a twin, once it is known
	takes   twin.Takes
	status  bool                                // it has one
	tells   map[route.LaneName]announce.Channel // by lane
	configs map[string]string                   // by topic; "" for what is to be sent again
}

// commandTo is what a command of Home Assistant is for.
type commandTo struct {
	node  route.NodeURI
	takes twin.Takes
}

func newAnnouncer(o *out, c *Announce) (*announcer, error) {
	lanes := c.Lanes
	if len(lanes) == 0 {
		lanes = []string{prefix + "*/*"}
	}
	globs, err := parseGlobs(lanes)
	n := &announcer{
		out: o, base: o.local(c.base()), lanes: globs, things: map[route.NodeURI]*announced{}, commands: map[string]commandTo{},
		host: announce.Host{Name: o.bridge.line.Host.Name(), Version: buildVersion(), Prefix: o.local(c.prefix()), Status: o.status},
	}
	return n, err
}

func buildVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && strings.HasPrefix(info.Main.Version, "v") {
		return info.Main.Version
	}
	return ""
}

func isTwin(node route.NodeURI) bool { return strings.HasPrefix(string(node), prefix) }

// about are the lanes of a twin that say what it is.
var about = []route.LaneName{"info", "status"}

// wants reports whether a lane says something to be announced.
func (n *announcer) wants(at laneAt) bool { return concerns(n.lanes, at) }

// concerns reports whether a lane says something of an agent of which these are to be told.
func concerns(lanes []route.Glob, at laneAt) bool {
	switch {
	case !isTwin(at.node):
		return selects(lanes, at.node, at.lane)
	case slices.Contains(about, at.lane):
		return slices.ContainsFunc(lanes, func(g route.Glob) bool { return g.MatchNode(at.node) })
	case at.lane == "takes", at.lane == "state":
		return selects(lanes, at.node, "set")
	}
	return !slices.Contains(twin.Lanes, string(at.lane)) && selects(lanes, at.node, at.lane)
}

// subscriptions are those for commands, and for Home Assistant's birth.
func (n *announcer) subscriptions() []string {
	wanted := []string{n.host.Prefix + "/status"}
	for _, g := range n.lanes {
		text := g.String()
		i := strings.LastIndexByte(text, '/')
		if !isTwin(route.NodeURI(text)) && !strings.HasPrefix(text, "/*/") || text[i+1:] != "*" && text[i+1:] != "set" {
			continue
		}
		levels := strings.Split(strings.TrimPrefix(text[:i], "/"), "/")
		for j, l := range levels {
			if levels[j] = "+"; l != "*" {
				levels[j] = topicPart(unescaped(l))
			}
		}
		wanted = append(wanted, n.base+"/"+strings.Join(levels, "/")+"/set")
	}
	return wanted
}

// anew has every config sent again.
func (n *announcer) anew() {
	for _, t := range n.things {
		for topic := range t.configs {
			t.configs[topic] = ""
		}
	}
}

func (n *announcer) thing(node route.NodeURI) *announced {
	t := n.things[node]
	if t == nil {
		t = &announced{node: node, tells: map[route.LaneName]announce.Channel{}, configs: map[string]string{}}
		n.things[node] = t
	}
	return t
}

// isShown reports whether Home Assistant is told of an agent. Nobody is before it is known who has found it.
func (n *announcer) isShown(t *announced) bool {
	if !isTwin(t.node) {
		return true
	}
	return t.info != nil && (t.info.Driver != foreign || !sameBroker(t.info.Wire, n.out.bridge.Peer()))
}

// sameBroker reports whether two URLs lead to one broker, as far as they tell.
func sameBroker(a, b string) bool {
	ua, erra := url.Parse(a)
	ub, errb := url.Parse(b)
	return erra == nil && errb == nil && strings.EqualFold(addressOf(ua), addressOf(ub))
}

// take takes in a lane's value.
func (n *announcer) take(w *window, f *follower, v recon.Value) error {
	t := n.thing(f.at.node)
	shown := n.isShown(t)
	topic := n.topic(f.at)
	var payload []byte
	switch at := f.at; {
	case isTwin(at.node) && at.lane == "info":
		t.info = new(twin.Info)
		_ = recon.FromValue(v, t.info)
	case isTwin(at.node) && at.lane == "takes":
		t.takes = twin.Takes{}
		_ = recon.FromValue(v, &t.takes)
	case isTwin(at.node) && at.lane == "status":
		var s twin.Status
		_ = recon.FromValue(v, &s)
		t.status, payload = true, []byte(announce.Online)
		if s.State == twin.Lost || s.State == twin.Faulty {
			payload = []byte(announce.Offline)
		}
	default:
		payload = cut(payloadOf(asText, v, clock.Stamp{}))
		if channel, ok := n.channel(at, v); ok && payload != nil && at.lane != "state" {
			t.tells[at.lane] = channel
		} else if !ok {
			payload = nil
		}
	}
	if err := n.refresh(w, t); err != nil || payload == nil || !n.isShown(t) {
		return err
	}
	if !shown {
		n.out.again(func(o *follower) bool { return o.at.node == t.node && o != f })
	}
	return w.put(publication{topic, payload, 1, true}, nil)
}

// topic is where a lane's state is.
func (n *announcer) topic(at laneAt) string {
	return n.base + "/" + topicOfNode(at.node) + "/" + topicPart(string(at.lane))
}

// channel describes a value of a lane, if it is one for Home Assistant.
func (n *announcer) channel(at laneAt, v recon.Value) (announce.Channel, bool) {
	r, ok := quantityIn(v)
	return announce.Channel{Name: string(at.lane), Form: r.Form, Unit: r.Unit, Topic: n.topic(at)}, ok
}

// cut keeps to what Home Assistant takes for a state.
func cut(text []byte) []byte {
	for count := utf8.RuneCount(text); count > announce.MaxState; count-- {
		_, size := utf8.DecodeLastRune(text)
		text = text[:len(text)-size]
	}
	return text
}

// lose takes in that a lane is no more.
func (n *announcer) lose(w *window, f *follower) error {
	t := n.thing(f.at.node)
	switch f.at.lane {
	case "info":
		t.info = nil
	case "takes":
		t.takes = twin.Takes{}
	case "status":
		t.status = false
	}
	delete(t.tells, f.at.lane)
	if err := n.refresh(w, t); err != nil {
		return err
	}
	if len(t.configs) == 0 && len(t.tells) == 0 && t.info == nil {
		delete(n.things, t.node)
	}
	return w.put(publication{n.topic(f.at), nil, 1, true}, nil)
}

// refresh publishes what is new about an agent.
func (n *announcer) refresh(w *window, t *announced) error {
	var configs []announce.Config
	if n.isShown(t) {
		configs = n.host.Configs(n.describe(t))
	}
	now := map[string]bool{}
	for _, c := range configs {
		now[c.Topic] = true
		was, had := t.configs[c.Topic]
		if was == string(c.Payload) {
			continue
		}
		t.configs[c.Topic] = string(c.Payload)
		if err := w.put(publication{c.Topic, c.Payload, 1, true}, nil); err != nil {
			return err
		}
		if node := string(t.node); !had {
			n.note(w.session, func() { n.out.bridge.announced.Set(c.Topic, node) })
		}
	}
	for topic := range t.configs {
		if now[topic] {
			continue
		}
		delete(t.configs, topic)
		if err := w.session.withdraw(w, topic); err != nil {
			return err
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	topic := n.topic(laneAt{t.node, "set"})
	delete(n.commands, topic)
	if len(configs) > 0 && t.takes.Form != "" {
		n.commands[topic] = commandTo{t.node, t.takes}
	}
	return nil
}

func (n *announcer) note(s *session, fn func()) { _ = s.bridge.line.Do(s.ctx, fn) }

func (n *announcer) describe(t *announced) announce.Thing {
	d := announce.Thing{Node: string(t.node), Name: nameOf(t.node)}
	if t.info != nil {
		d.Model = t.info.Model
	}
	if t.status {
		d.Status = n.topic(laneAt{t.node, "status"})
	}
	for _, c := range t.tells {
		d.Channels = append(d.Channels, c)
	}
	if form, ok := formOf(t.takes.Form); ok {
		d.Output = &announce.Output{
			Form: form, Unit: t.takes.Unit, Min: t.takes.Min, Max: t.takes.Max, Step: t.takes.Step, Choices: t.takes.Choices,
			State: n.topic(laneAt{t.node, "state"}), Command: n.topic(laneAt{t.node, "set"}),
		}
	}
	return d
}

func formOf(name string) (device.Form, bool) {
	for _, f := range []device.Form{device.Number, device.Boolean, device.Text} {
		if f.String() == name {
			return f, true
		}
	}
	return 0, false
}

// withdraw takes back a config.
func (s *session) withdraw(w *window, topic string) error {
	if err := w.put(publication{topic, nil, 1, true}, nil); err != nil {
		return err
	}
	_ = s.bridge.line.Do(s.ctx, func() { s.bridge.announced.Remove(topic) })
	return nil
}

// bury takes back the configs of agents that were there before the last start, and are no more.
func (s *session) bury(w *window) error {
	all := make(chan map[string]string, 1)
	err := s.bridge.line.Do(s.ctx, func() {
		known := map[string]string{}
		for topic, node := range s.bridge.announced.All() {
			known[topic] = node
		}
		all <- known
	})
	if err != nil {
		return nil // the connection ends, or the host does
	}
	select {
	case known := <-all:
		for topic, node := range known {
			if s.bridge.out.announcer.has(route.NodeURI(node), topic) {
				continue
			}
			if err := s.withdraw(w, topic); err != nil {
				return err
			}
		}
	case <-s.ctx.Done():
	}
	return nil
}

func (n *announcer) has(node route.NodeURI, topic string) bool {
	if n == nil || n.things[node] == nil {
		return false
	}
	_, ok := n.things[node].configs[topic]
	return ok
}

// commandFor returns what a command on a topic is for.
func (n *announcer) commandFor(topic string) (c commandTo, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	c, ok = n.commands[topic]
	return c, ok
}

// isBirth reports whether a topic is the one on which Home Assistant says that it is there.
func (n *announcer) isBirth(topic string) bool { return topic == n.host.Prefix+"/status" }
