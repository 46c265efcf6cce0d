package sparkplug

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Node is an edge node that publishes devices of ours. It is a pure machine, used by one goroutine at a time: its
// methods return what is to be published, in order, and nothing while the broker is not connected.
//
//	n, err := NewNode(group, node, bdSeq)  // what BdSeq returned in the run before this one, or 0
//	n.Will(now)                            // for CONNECT; BdSeq is to be stored before that
//	n.Connected(now)                       // after Filters have been subscribed to
//	n.Data(device, metrics, now)           // when something changes
//	n.Take(topic, payload, now)            // what comes by Filters
//	n.Death(now)                           // before DISCONNECT
//	n.Lost()
//
// Devices may be Born and Dead at any time. A node that has no metrics of its own need not be Born.
type Node struct {
	group, node string
	bdSeq       uint8
	seq         uint8 // of the next message
	alias       uint64
	connected   bool
	owed        bool // somebody wants the births again
	born        time.Time
	devices     map[string]*published // the node itself under ""
}

// published is a device as it was born, with its present values.
type published struct {
	metrics []Metric
	byName  map[string]int
	byAlias map[uint64]int
}

// Publication is something to be published.
type Publication struct {
	Topic   string
	Payload []byte
	QoS     byte
	Retain  bool
}

// Command is what a host wants a metric to be.
type Command struct {
	Device string // "" for the node itself
	Metric string
	Type   DataType
	Value  any // as Read returns it
}

// NewNode returns a node that has no devices. bdSeq is that of its last session.
func NewNode(group, node string, bdSeq uint8) (*Node, error) {
	if err := errors.Join(CheckID(group), CheckID(node)); err != nil {
		return nil, err
	}
	n := &Node{group: group, node: node, bdSeq: bdSeq, devices: map[string]*published{}}
	return n, n.define("", nil, time.Time{})
}

// BdSeq returns the number of the session. It must not begin anew when the program does: hosts tell by it whether a death
// is that of the session they know.
func (n *Node) BdSeq() uint8 { return n.bdSeq }

// Filters are the subscriptions that bring commands, of QoS 1.
func (n *Node) Filters() []string {
	return []string{n.topic(NCMD, ""), Topic{Group: n.group, Verb: DCMD, Node: n.node, Device: "+"}.String()}
}

// Will begins a new session and returns its will, of which each CONNECT must have a new one
// (tck-id-message-flow-edge-node-birth-publish-will-message-payload-bdSeq).
func (n *Node) Will(now time.Time) Publication {
	n.bdSeq++
	n.Lost()
	return n.Death(now)
}

// Death says that the node is not there any more. A broker publishes no will after DISCONNECT.
func (n *Node) Death(now time.Time) Publication {
	p := Payload{Timestamp: Millis(now), Metrics: []Metric{n.session(now)}}
	return Publication{Topic: n.topic(NDEATH, ""), Payload: p.Encode(), QoS: 1}
}

func (n *Node) session(now time.Time) Metric {
	return Metric{Name: BdSeq, Timestamp: Millis(now), DataType: Int64, Value: uint64(n.bdSeq)}
}

// Connected returns the births of the node and its devices.
func (n *Node) Connected(now time.Time) []Publication {
	n.connected = true
	return n.births(now)
}

// Lost tells that the broker is not connected any more.
func (n *Node) Lost() { n.connected, n.owed = false, false }

// Tick returns the births if they are owed to somebody. It is to be called about each second.
func (n *Node) Tick(now time.Time) []Publication {
	if !n.connected || !n.owed || now.Sub(n.born) < birthPause {
		return nil
	}
	return n.births(now)
}

// birthPause bounds how often births are published, whoever asks for them.
const birthPause = time.Second

func (n *Node) births(now time.Time) []Publication {
	n.owed, n.born, n.seq = false, now, 0
	// tck-id-operational-behavior-data-commands-rebirth-name-aliases has no alias for Rebirth.
	all := []Metric{n.session(now), {Name: Rebirth, Timestamp: Millis(now), DataType: Boolean, Value: false}}
	out := []Publication{n.message(NBIRTH, "", append(all, n.devices[""].metrics...), now)}
	for _, device := range n.sorted() {
		out = append(out, n.message(DBIRTH, device, n.devices[device].metrics, now))
	}
	return out
}

func (n *Node) sorted() (devices []string) {
	for device := range n.devices {
		if device != "" {
			devices = append(devices, device)
		}
	}
	slices.Sort(devices)
	return devices
}

// message is one that has a number.
func (n *Node) message(verb Verb, device string, metrics []Metric, now time.Time) Publication {
	p := Payload{Timestamp: Millis(now), Metrics: metrics, HasSeq: true, Seq: n.seq}
	n.seq++
	return Publication{Topic: n.topic(verb, device), Payload: p.Encode()}
}

func (n *Node) topic(verb Verb, device string) string {
	return Topic{Group: n.group, Verb: verb, Node: n.node, Device: device}.String()
}

// Born tells that a device is there and which metrics it has, with their present values; or, for "", the node itself.
// Metrics need a Name and a DataType; one without a Value is null. It may be called again when there are other metrics.
func (n *Node) Born(device string, metrics []Metric, now time.Time) ([]Publication, error) {
	if device != "" {
		if err := CheckID(device); err != nil {
			return nil, err
		}
	}
	if err := n.define(device, metrics, now); err != nil {
		return nil, fmt.Errorf("device %q: %w", device, err)
	}
	switch {
	case !n.connected:
		return nil, nil
	case device == "":
		return n.births(now), nil
	}
	return []Publication{n.message(DBIRTH, device, n.devices[device].metrics, now)}, nil
}

// define gives metrics their aliases. An alias never comes to mean something else while the node lives.
func (n *Node) define(device string, metrics []Metric, now time.Time) error {
	if len(metrics) > maxMetrics {
		return fmt.Errorf("it has %d metrics, which is more than %d", len(metrics), maxMetrics)
	}
	d := &published{byName: map[string]int{}, byAlias: map[uint64]int{}}
	was := n.devices[device]
	for _, m := range metrics {
		if _, twice := d.byName[m.Name]; twice || m.Name == "" || device == "" && (m.Name == BdSeq || m.Name == Rebirth) {
			return fmt.Errorf("a metric cannot be called %q, or not two", m.Name)
		}
		if err := complete(&m, now); err != nil {
			return err
		}
		if m.Alias = n.aliasOf(was, m); m.Alias == 0 {
			n.alias++
			m.Alias = n.alias
		}
		m.HasAlias = true
		d.byName[m.Name], d.byAlias[m.Alias] = len(d.metrics), len(d.metrics)
		d.metrics = append(d.metrics, m)
	}
	n.devices[device] = d
	return nil
}

func (n *Node) aliasOf(was *published, m Metric) uint64 {
	if was != nil {
		if i, ok := was.byName[m.Name]; ok && was.metrics[i].DataType == m.DataType {
			return was.metrics[i].Alias
		}
	}
	return 0
}

// complete fills in what is left out, and says why m cannot be published.
func complete(m *Metric, now time.Time) error {
	if m.Timestamp == 0 {
		m.Timestamp = Millis(now)
	}
	m.IsNull = m.Value == nil
	if m.IsNull {
		return nil
	}
	if _, err := Read(m.DataType, m.Value); err != nil || inMetric.of(m.Value) == 0 || m.DataType == Unknown {
		return fmt.Errorf("metric %s: %v is no value of type %s", m.Name, m.Value, m.DataType)
	}
	return nil
}

// Dead tells that a device is not there any more.
func (n *Node) Dead(device string, now time.Time) []Publication {
	if device == "" || n.devices[device] == nil {
		return nil
	}
	delete(n.devices, device)
	if !n.connected {
		return nil
	}
	return []Publication{n.message(DDEATH, device, nil, now)}
}

// Data tells what metrics of a device are, or for "" those of the node. They need a Name, a Value unless they are null,
// and the time if it is not now; IsHistorical for what is not true any more; and the property Quality if that is not good.
// A metric that was not born is an error, of which nothing is published.
func (n *Node) Data(device string, metrics []Metric, now time.Time) ([]Publication, error) {
	d := n.devices[device]
	if d == nil {
		return nil, fmt.Errorf("device %q: it has not been born", device)
	}
	out := make([]Metric, 0, len(metrics))
	for _, m := range metrics {
		i, ok := d.byName[m.Name]
		if !ok {
			return nil, fmt.Errorf("device %q: it was born without metric %s", device, m.Name)
		}
		// The specification would have no type here (tck-id-payloads-metric-datatype-not-req), but Tahu's decoder for
		// JavaScript reads a metric without one as null.
		m.DataType = d.metrics[i].DataType
		if err := complete(&m, now); err != nil {
			return nil, fmt.Errorf("device %q: %w", device, err)
		}
		out = append(out, m)
	}
	for i := range out {
		m := &out[i]
		is := &d.metrics[d.byName[m.Name]]
		if !m.IsHistorical {
			is.Timestamp, is.Value, is.IsNull, is.IsTransient = m.Timestamp, m.Value, m.IsNull, m.IsTransient
			is.Properties = is.Properties.with(m.Properties)
		}
		m.Name, m.HasAlias, m.Alias = "", true, is.Alias // tck-id-payloads-alias-data-cmd-requirement
	}
	if !n.connected || len(out) == 0 {
		return nil, nil
	}
	verb := DDATA
	if device == "" {
		verb = NDATA
	}
	return append(n.Tick(now), n.message(verb, device, out, now)), nil
}

// Quality is the property that says how good a value is, an Int32. Without it the value is good.
const (
	Quality      = "Quality"
	QualityBad   = 0
	QualityGood  = 192
	QualityStale = 500
)

// with returns what describes a metric after later properties have come: the quality is only of the value it came with.
func (p Properties) with(later Properties) Properties {
	after := slices.DeleteFunc(slices.Clone(p), func(was Property) bool {
		return was.Name == Quality || slices.ContainsFunc(later, func(is Property) bool { return is.Name == was.Name })
	})
	return append(after, later...)
}

// Take takes what came by Filters: commands, or the wish for births. Of several commands those that mean nothing are in
// the error; whether a metric may be commanded is for the caller to know.
func (n *Node) Take(topic string, payload []byte, now time.Time) (commands []Command, out []Publication, err error) {
	t, ok := ParseTopic(topic)
	d := n.devices[t.Device]
	switch {
	case !ok || t.Group != n.group || t.Node != n.node || t.Verb != NCMD && t.Verb != DCMD:
		return nil, nil, nil
	case d == nil:
		return nil, nil, fmt.Errorf("%s: there is no such device", topic)
	}
	p, err := Decode(payload)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", topic, err)
	}
	var no []error
	for _, m := range p.Metrics {
		if t.Verb == NCMD && m.Name == Rebirth {
			n.owed = n.owed || m.Value == true
			continue
		}
		c, err := d.command(m)
		if err != nil {
			if len(no) < maxReasons {
				no = append(no, fmt.Errorf("%s: %w", topic, err))
			}
			continue
		}
		c.Device = t.Device
		commands = append(commands, c)
	}
	return commands, n.Tick(now), errors.Join(no...)
}

// maxReasons is how many commands of one message people are told about.
const maxReasons = 5

// command reads a metric by its name, its alias, or both, which must be of the same metric.
func (d *published) command(m Metric) (Command, error) {
	i, ok := d.byName[m.Name]
	if m.HasAlias {
		of, known := d.byAlias[m.Alias]
		ok = known && (m.Name == "" || ok && of == i)
		i = of
	}
	if !ok {
		return Command{}, fmt.Errorf("there is no metric %.100q with alias %d", m.Name, m.Alias)
	}
	is := &d.metrics[i]
	v, err := Read(is.DataType, m.Value)
	if err != nil || m.Value == nil || m.IsNull {
		return Command{}, fmt.Errorf("metric %s: the command has no value of type %s", is.Name, is.DataType)
	}
	return Command{Metric: is.Name, Type: is.DataType, Value: v}, nil
}
