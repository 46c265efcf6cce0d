package mqtt

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"selvage/edge/device"
	"selvage/edge/recon"
	"selvage/edge/route"
	"selvage/edge/twin"
	"selvage/uplink/mqtt/sparkplug"
)

// edgeNode makes this host an edge node of Sparkplug B, and agents its devices. The one goroutine that publishes uses it,
// but for isFor.
//
// It takes in what lanes hold as it comes, and publishes once there is no more for the moment: so a device is not born
// again for each of its lanes.
type edgeNode struct {
	out   *out
	topic sparkplug.Topic // group and node
	lanes []route.Glob
	asked chan *arrival // commands

	devices map[route.NodeURI]*edgeDevice
	named   map[string]*edgeDevice // those that are born
	news    map[*edgeDevice]bool   // that there is something to be told of
	told    time.Time              // when that was told last
	last    *session               // that has the number of the node's session

	mu    sync.Mutex // held while the node says something: its death is the last
	node  *sparkplug.Node
	there bool // the node is born
}

func newEdgeNode(o *out, c *Sparkplug) (*edgeNode, error) {
	n := &edgeNode{
		out: o, topic: sparkplug.Topic{Group: c.Group, Node: o.local(c.node())}, asked: make(chan *arrival, maxAsked),
		devices: map[route.NodeURI]*edgeDevice{}, named: map[string]*edgeDevice{}, news: map[*edgeDevice]bool{},
	}
	var err error
	if n.lanes, err = parseGlobs(c.lanes()); err != nil {
		return nil, err
	}
	if err := n.begin(0); err != nil {
		return nil, err
	}
	edgeNodes.Store(o.bridge.edgeKey(n.topic), true)
	return n, nil
}

// begin makes the node anew, after a session of that number.
func (n *edgeNode) begin(bdSeq byte) (err error) {
	n.node, err = sparkplug.NewNode(n.topic.Group, n.topic.Node, bdSeq)
	return err
}

// edgeNodes are those that uplinks of this process are, or were. What they publish is nothing to discover, by whichever of
// the host's uplinks to their broker.
var edgeNodes sync.Map

type edgeKey struct{ host, broker, group, node string }

func (b *bridge) edgeKey(t sparkplug.Topic) edgeKey {
	key := edgeKey{host: b.line.Host.Name(), group: t.Group, node: t.Node}
	if u, err := url.Parse(b.Peer()); err == nil {
		key.broker = strings.ToLower(addressOf(u))
	}
	return key
}

// isOwnNode reports whether a topic is one of an edge node that this host is.
func (b *bridge) isOwnNode(topic string) bool {
	if !strings.HasPrefix(topic, sparkplug.Namespace+"/") {
		return false
	}
	t, ok := sparkplug.ParseTopic(topic)
	_, own := edgeNodes.Load(b.edgeKey(t))
	return ok && own
}

// sessions is the book of the number of the node's last session.
func (b *bridge) sessions() route.NodeURI { return b.receipts.book + "/sparkplug" }

// load goes on where the bridge before this one was.
func (n *edgeNode) load() error {
	b := n.out.bridge
	notes, err := b.line.Host.Notes(b.sessions())
	if last := notes[sparkplug.BdSeq]; err == nil && len(last) == 1 {
		err = n.begin(last[0])
	}
	return err
}

// will begins a session, whose number is on flash before anybody hears of it: hosts tell sessions apart by it. While the
// broker cannot be reached the number stays, which spares the flash.
func (n *edgeNode) will(s *session) (p sparkplug.Publication, err error) {
	n.there, n.told = false, time.Now()
	if n.last != nil && !n.last.reached() {
		p = n.node.Death(n.now())
	} else {
		p = n.node.Will(n.now())
		line, number := s.bridge.line, []byte{n.node.BdSeq()}
		err = s.noted(func() { line.Note(s.bridge.sessions(), []byte(sparkplug.BdSeq), number) })
	}
	if err == nil {
		n.last = s
	}
	return p, err
}

// reached tells whether the broker may have heard of the connection.
func (s *session) reached() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn != nil
}

// isBrief tells whether the broker is to keep no session for us, as it is with an edge node that is nothing else
// (tck-id-principles-persistence-clean-session-311).
func (b *bridge) isBrief() bool {
	return b.out.edge != nil && len(b.mappings)+len(b.members)+len(b.out.commands) == 0
}

// bye says that the node leaves. Nothing of it comes after that, since the connection is not the bridge's any more.
func (n *edgeNode) bye(s *session) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.there {
		p := n.node.Death(n.now())
		s.client.Publish(p.Topic, p.QoS, p.Retain, p.Payload).WaitTimeout(farewell)
	}
}

func (n *edgeNode) now() time.Time { return n.out.bridge.line.Host.Clock().Now().Time() }

// mostSilence is how long what is new waits for more, where more comes all the time.
const mostSilence = time.Second

// settle publishes what is new, in the order that hosts need it.
func (n *edgeNode) settle(w *window) error {
	s := w.session
	n.mu.Lock()
	defer n.mu.Unlock()
	if s.bridge.conn.Load() != s { // commands are not subscribed to yet, or this is the end
		return nil
	}
	now := n.now()
	n.told = time.Now()
	var all []sparkplug.Publication
	for _, d := range slices.SortedFunc(maps.Keys(n.news), func(a, b *edgeDevice) int { return cmp.Compare(a.node, b.node) }) {
		all = append(all, n.tell(d, now)...)
	}
	if !n.there { // until now the node has only taken it in
		n.there, all = true, n.node.Connected(now)
	}
	all = append(all, n.obey(s, now)...)
	all = append(all, n.node.Tick(now)...)
	for _, p := range all {
		if err := w.put(publication{p.Topic, p.Payload, p.QoS, p.Retain}, nil); err != nil {
			return err
		}
	}
	return nil
}

// tell has the node take in what is new about a device.
func (n *edgeNode) tell(d *edgeDevice, now time.Time) []sparkplug.Publication {
	delete(n.news, d)
	holder := n.named[d.name]
	switch {
	case !n.isShown(d):
		return n.bury(d, now)
	case holder != nil && holder != d:
		n.out.bridge.refuse("conflict", fmt.Sprintf("the agent %s is no device of Sparkplug, since %s has the name %s already", d.node, holder.node, d.name),
			"choose the lanes of one of the two in the table sparkplug, or rename one")
		return nil
	case len(n.topic.Group)+len(n.topic.Node)+len(d.name) > mostTopic:
		n.out.bridge.refuse("topics", fmt.Sprintf("the agent %s is no device of Sparkplug: its topic has more than %d bytes", shorten([]byte(d.node)), mostTopic), "rename the agent")
		return nil
	case holder == d && !d.anew:
		return n.said(n.node.Data(d.name, d.changes(), now))
	}
	n.named[d.name], d.anew = d, false
	clear(d.changed)
	return n.said(n.node.Born(d.name, d.all(), now))
}

// said shows people what the node does not take: something is wrong here.
func (n *edgeNode) said(out []sparkplug.Publication, err error) []sparkplug.Publication {
	if err != nil {
		n.out.bridge.refuse("sparkplug", err.Error(), "please report this")
	}
	return out
}

// isShown reports whether an agent is a device of the node. A twin found behind another node of this broker is there
// already: two hosts that publish what they find of each other would have no end of devices.
func (n *edgeNode) isShown(d *edgeDevice) bool {
	if d.away || len(d.metrics) == 0 {
		return false
	}
	return !isTwin(d.node) || d.info != nil && (d.info.Driver != "sparkplug" || !sameBroker(d.info.Wire, n.out.bridge.Peer()))
}

// bury has a device die, and lets go what is not known of any more.
func (n *edgeNode) bury(d *edgeDevice, now time.Time) []sparkplug.Publication {
	if d.isEmpty() {
		delete(n.devices, d.node)
	}
	if n.named[d.name] != d {
		return nil
	}
	delete(n.named, d.name)
	for _, other := range n.devices {
		if other.name == d.name && other != d {
			n.news[other] = true
		}
	}
	return n.node.Dead(d.name, now)
}

// wants reports whether a lane says something of a device.
func (n *edgeNode) wants(at laneAt) bool { return concerns(n.lanes, at) }

func (n *edgeNode) device(node route.NodeURI) *edgeDevice {
	d := n.devices[node]
	if d == nil {
		d = newEdgeDevice(node)
		n.devices[node] = d
	}
	n.news[d] = true
	return d
}

// take takes in a lane's value.
func (n *edgeNode) take(w *window, f *follower, v recon.Value) error {
	d := n.device(f.at.node)
	known := isTwin(d.node)
	switch lane := f.at.lane; {
	case known && lane == "info":
		d.info = new(twin.Info)
		_ = recon.FromValue(v, d.info)
	case known && lane == "status":
		var s twin.Status
		_ = recon.FromValue(v, &s)
		d.away = s.State == twin.Lost || s.State == twin.Faulty
	case known && lane == "takes":
		d.takes = twin.Takes{}
		_ = recon.FromValue(v, &d.takes)
		n.hold(d, d.output())
	case known && lane == "state":
		d.state = device.Reading{}
		_ = d.state.LoadRecon(v)
		n.hold(d, d.output())
	default:
		if r, ok := quantityIn(v); ok {
			n.hold(d, d.metricOf(string(lane), r))
		} else {
			d.drop(string(lane))
		}
	}
	if time.Since(n.told) > mostSilence {
		return n.settle(w)
	}
	return nil
}

// hold has a device have a metric, if it is one and there is room for it.
func (n *edgeNode) hold(d *edgeDevice, m sparkplug.Metric) {
	if m.Name != "" && !d.hold(m) {
		n.out.bridge.refuse("metrics", fmt.Sprintf("%s has more lanes than a birth has room for: %s is left out", d.node, m.Name),
			"choose the lanes that matter in the table sparkplug")
	}
}

// lose takes in that a lane is no more.
func (n *edgeNode) lose(_ *window, f *follower) error {
	d := n.device(f.at.node)
	known := isTwin(d.node)
	switch lane := f.at.lane; {
	case known && lane == "info":
		d.info = nil
	case known && lane == "status":
		d.away = false
	case known && lane == "takes":
		d.takes = twin.Takes{}
		d.drop(outputName)
	case known && lane == "state":
		d.state = device.Reading{}
	default:
		d.drop(string(lane))
	}
	return nil
}

// isFor reports whether a topic is that of a command to this node or a device of it.
func (n *edgeNode) isFor(topic string) bool {
	t, ok := sparkplug.ParseTopic(topic)
	return ok && t.Group == n.topic.Group && t.Node == n.topic.Node && (t.Verb == sparkplug.NCMD || t.Verb == sparkplug.DCMD)
}

// ask takes a command. The node looks at it when it has its turn. A command has QoS 0 (tck-id-payloads-dcmd-qos). One of
// another QoS came by a subscription that discovery asked for, and may have waited at the broker while we were away.
func (n *edgeNode) ask(a *arrival) {
	switch {
	case a.tooBig: // people have been told
		return
	case a.delivery != nil:
		n.out.bridge.refuse("commands", fmt.Sprintf("what came on %s was refused: it may be old, since it has QoS 1 or 2", shorten([]byte(a.topic))),
			"publish commands of Sparkplug with QoS 0, as it has them")
		return
	}
	select {
	case n.asked <- a:
		notify(n.out.wake)
	default:
		n.out.bridge.refuse("commands", fmt.Sprintf("what came on %s was refused: %d commands wait already", shorten([]byte(a.topic)), maxAsked), "see who publishes there")
	}
}

// obey hands commands over, each to the lane of its output.
func (n *edgeNode) obey(s *session, now time.Time) (births []sparkplug.Publication) {
	for {
		select {
		case a := <-n.asked:
			if a.session != s { // what somebody wanted before the connection was lost is not done later
				continue
			}
			commands, more, err := n.node.Take(a.topic, a.raw, now)
			births = append(births, more...)
			if err != nil {
				n.out.bridge.refuse("commands", "a command was refused: "+err.Error(), "see who publishes there; a host that knows the births of this node has their names and types")
			}
			for _, c := range commands {
				d := n.named[c.Device]
				body, text, err := bodyOf(c)
				if err == nil && d.metrics[c.Metric].Properties.Of(writable) != true {
					err = fmt.Errorf("the metric %s is none that can be written", c.Metric)
				}
				s.ask(a, asked{raw: text, node: d.node, lane: outputName, body: body}, err)
			}
		default:
			return births
		}
	}
}
