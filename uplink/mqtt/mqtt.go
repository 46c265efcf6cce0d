// Package mqtt turns things behind an MQTT broker into twins, those of kinds that it knows by themselves and others by
// mappings written by hand, and publishes lanes. Each thing
// is an agent /device/… like that of a chip on a bus: what it publishes becomes readings, what its
// lane set is told is published, its availability becomes its status.
//
//	[uplink.broker]
//	kind     = "mqtt"
//	url      = "mqtts://broker.example"   # or mqtt://127.0.0.1:1883, ws, wss; without user and password
//	client   = "greenhouse-1"             # client id; selvage-HOST-UPLINK unless given, as the broker keeps a session under it
//	user     = "selvage"
//	password = "file:/etc/selvage/mqtt"   # or "env:MQTT_PASSWORD"; read at each connect
//	ca       = "/etc/selvage/ca.pem"      # whom to trust for mqtts and wss, in place of the system's list
//	cert     = "/etc/selvage/cert.pem"    # who this is, for brokers that want to see a certificate, with
//	key      = "file:/etc/selvage/key.pem"
//	keepalive = "30s"                     # after which silence the broker is asked whether it is there
//	qos      = 1                          # of subscriptions
//	discover = ["zigbee2mqtt", "tasmota"] # kinds of devices that become twins by themselves; see Discovery
//	devices  = 1000                       # how many twins topics may make
//
//	[uplink.broker.map."shed/{name}"]     # a topic; {name} stands for a level or the rest of one: "sensor_{id}"
//	device   = "/device/{name}"           # node URI of the twin; a part may be left out if one device publishes it all
//	channel  = { temperature = { unit = "Cel" } }
//	at       = "time"                     # where in a JSON payload it says when its readings were
//	every    = "5m"                       # three of these without news make the twin stale
//
//	[uplink.broker.map."tele/{plug}/SENSOR"]
//	device   = "/device/{plug}"           # mappings that write it alike share a device, but no channel
//	channel.power  = { path = "ENERGY.Power", unit = "W" }
//	channel.energy = { path = "ENERGY.Total", unit = "kW.h" }
//
//	[uplink.broker.map."stat/{plug}/POWER"]
//	device   = "/device/{plug}"
//	state    = { on = "ON", off = "OFF" }                    # the topic tells what the output does
//	set      = { topic = "cmnd/{plug}/POWER" }               # makes the twin an output, with the lane set
//	online   = { topic = "tele/{plug}/LWT" }                 # its will and birth
//
//	[uplink.broker.map."shed/{name}".adjust.temperature]     # as of a device of this machine
//	offset   = -0.4
//
//	[uplink.broker.publish."home/{name}/{lane}"]             # what value and map lanes hold; see The way out
//	lanes    = ["/device/*/*", "/room/*/target"]             # each * one segment, the last one the lane
//	payload  = "text"                                        # or "value", or "json", as unless given
//	qos      = 1
//	retain   = true                                          # the broker keeps the last
//
//	[uplink.broker.publish."log/{node}/{lane}"]
//	lanes    = ["/device/*/temperature"]
//	history  = true                                          # every value, in order, also those of when the broker was away
//
//	[uplink.broker.command."home/{name}/set"]
//	node     = "/device/{name}"
//	lane     = "set"
//
//	[uplink.broker.announce]                                 # to Home Assistant; may be empty
//	lanes    = ["/device/*/*"]
//
//	[uplink.plant]                                           # the same broker once more: a connection has one will
//	kind     = "mqtt"
//	url      = "mqtts://broker.example"
//
//	[uplink.plant.sparkplug]                                 # this host is an edge node of Sparkplug B
//	group    = "Plant1"
//	node     = "{host}"
//	lanes    = ["/device/*/*"]
//
// # Discovery
//
// A kind that discover names is a package below uplink/mqtt/family, whose text says what it understands. A twin is named
// after what people call its device when it is first met, "/device/plug-kueche", with -2 and so on for namesakes, and stays
// there. Each output that has a name has a twin of its own, "/device/lamp-brightness". The lane devices of the uplink
// says which device is where. What says what devices are is kept, up to 16 MB, so that they are known before the broker is
// there. "zigbee2mqtt=upstairs" is for a base topic other than the usual one.
//
// # Mappings
//
// A channel takes:
//
//	path     = "ENERGY.Power"   # in a JSON payload: names, and [0] or 0 in a list (see edge/jsonpath); without it the payload is the value
//	unit     = "W"              # UCUM, of a number
//	form     = "number"         # or "boolean", "text"; boolean when on and off are given
//	on, off  = "ON", "OFF"      # the words of a boolean; on, true, 1, online and their like unless given
//	scale    = 0.1              # what a number is multiplied by
//	optional = true             # a message may lack it
//
// A payload is JSON where a path leads into it, and otherwise text. Other forms, and those that are not guessed, are
// told by the mapping:
//
//	payload  = "cbor"           # read as the JSON it could be; numbers are names, too: path = "1"
//	payload  = "influx"         # line protocol: path is the name of a field or a tag, the channel's own unless given; a line
//	                            # may have its timestamp, and a message many lines
//	payload  = "recon"          # path is the name of a slot, or of an attribute with its @
//	payload  = "json"           # so that without a path "ON" in quotes is ON
//	match    = 'T=(?P<t>[0-9]+)' # takes text apart; path is the name of a group, the channel's own unless given
//
// State takes path, on and off as well. Set takes on and off, "ON" and "OFF" unless given, qos, 1
// unless given, retain, and confirm: for how long the state may be another one than was set, 10s unless
// given; then the status says so. "0s" never waits. Online takes path, on and off.
//
// A twin with numbers is calibrated by its lane calibrate, too, which goes on top of adjust and is kept.
//
// # The way out
//
// In the topic of a publish {node} stands for the node without its first slash, as several levels, {name} for the last part
// of it, {lane} for the lane, {key} for the key of an entry of a map lane, and {host} for this host. What would mean
// something else in a topic is written as in a URI, / as %2f. Without {key} a map lane is one JSON object. The payload of a
// reading is, as json, value and text:
//
//	{"value":21.5,"unit":"°C","time":"2026-11-23T08:00:00.000Z","quality":"good"}
//	21.5, true, "open"
//	21.5, ON, open
//
// The time is left out where the clock is not to be trusted, and a quality other than good has its reason. Another value of
// a lane is {"value":…}, or if it is a record its JSON, see recon.AppendJSON. What changes faster than the broker takes it
// is published as it is then; so it is after a connect. With a lane or an entry that is no more goes what the broker keeps.
//
// With history every value that the table [history.…] keeps is published, at least once, from the first connect on; a
// reading that was taken in late comes late. It is confirmed when the broker has acknowledged it, with the next commit.
// After an outage queue bounds what is sent, as large as the store has it; what is dropped is the oldest, counted, and a
// condition.
//
// A message on the topic of a command is sent to the lane as a command: ON and OFF as true and false, JSON as what it says,
// anything else as text; with payload = "text" all of it as text. If there is a [policy], it is to have a table
// [policy.uplink.NAME] with roles that may do so. What the broker has kept, or held while we were away, is not obeyed.
// Nothing else may be subscribed to that brings it, since of that the broker keeps messages.
// Who was refused is told by a condition only, since MQTT 3.1.1 has no answer.
//
// What is announced to Home Assistant is on selvage/HOST/NODE/LANE, as text. The lane status of a twin is online there or,
// when the device is lost or faulty, offline; its lane set takes commands, if it has one. A twin that was found by
// Home Assistant's own discovery on the same broker is not announced, since it is there already.
//
// The topic status, selvage/HOST/status unless given, says online, and offline by our will.
//
// # The way out by Sparkplug B
//
// Each agent with lanes that are chosen is a device, by the last part of its node; each lane that holds a reading, a number,
// true or false, or a text of up to 4 kB is a metric of that name, from its first value on: a Double, Boolean or String, with
// the properties Quality (192 good, 500 uncertain, 0 bad) and engUnit, the unit as people write it. An output is the metric set,
// which has the property writable, the value of its lane state, and takes DCMD under the same [policy] as other commands.
// A device is born again when it has other lanes, and dies with its agent, or while the status of its twin is lost or faulty. What
// is published is how things are: after an outage the births say the newest, and what was in between is not queued.
//
// The will of the connection is the death of the node, so the table has neither status nor publish nor announce. The number
// of its session, bdSeq, is kept. A twin that was found behind another edge node of the broker is no device, nor does discovery
// find what this host publishes as a node itself.
//
// # What can be relied on
//
// A message of QoS 1 or 2 is acknowledged after the commit that holds it; until then the broker keeps
// it in our session and sends it again. One that comes again although it has been stored is not stored
// again, also after a restart in between. What no mapping takes, or nothing can be read from, is
// acknowledged too, or it would come for ever. So is what has a topic of more than 1,024 bytes, or more than 1 MB in
// all, which a condition names.
//
// A reading has the time it arrived, or, with the key at, the one its payload says: RFC 3339 with a zone, or
// seconds or milliseconds since 1970. One that is older than what the twin holds goes into the history at its
// time, and the twin stays as it is; one of more than five minutes ahead has the time it arrived, and is
// uncertain. What the broker kept for new subscribers ("retained") is older than its arrival by an unknown
// time: unless it says when it was, it is uncertain and says why. If that, or what the broker sends again,
// only repeats the value we hold, that stays with its own time. The lane state of an output has no
// such mark.
//
// A command is refused while the broker is not connected, and never sent later: a relay that
// switches when nobody expects it is worse than one that did not. Nor is a payload that means nothing
// the end of a good reading: the twin's status says what came.
package mqtt

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"selvage/edge/agent"
	"selvage/edge/health"
	"selvage/edge/route"
	"selvage/uplink"
)

func init() { uplink.Register("mqtt", Config{QoS: 1, Devices: 1000, Queue: 64e6}, open) }

// grace is how long the broker may be away before its twins say so. A restart of it is shorter.
const grace = 5 * time.Second

// memory is how long a condition stands after the last message that gave reason for it.
const memory = 10 * time.Minute

// bridge is one table [uplink.NAME] at work.
type bridge struct {
	line     *uplink.Line
	config   Config
	mappings []*mapping
	out      *out

	conn   atomic.Pointer[session] // the connected one
	downAt atomic.Int64            // when there was none any more, Unix nanoseconds

	making  sync.Mutex // held while a twin is made
	mu      sync.Mutex
	things  map[route.NodeURI]*thing
	refused map[string]time.Time // conditions that stand, and when there was reason last
	made    int                  // of things, by topics

	// Of the agent /uplink/NAME; used in its turns only.
	devices   *agent.MapLane[string, remembered]
	filters   *agent.ValueLane[[]string]     // what the broker's session is subscribed to
	announced *agent.MapLane[string, string] // nodes, by topics of configs that are at the broker
	told      string                         // why all twins have been told that they are away

	receipts *receipts
	loaded   bool // receipts, by Run

	topics map[string][]target // what has been worked out; of whoever takes what the broker sends

	taking   sync.Mutex // held while families are at work, once there may be a connection
	members  []*member
	wanted   *wanted
	places   places
	recorded map[route.NodeURI]remembered // what the lane devices is to hold of things of families
	kept     kept
	owed     []func() // turns of the uplink's agent that it had no room for
	ready    bool     // things may be made
}

// remembered is how the lane devices keeps a twin.
type remembered struct {
	Map    string `recon:"map,omitempty"`    // the mapping that made it, as in the config
	Family string `recon:"family,omitempty"` // or the family that knows it
	ID     string `recon:"id,omitempty"`     // by this
	Output string `recon:"output,omitempty"` // if it stands for one that has a name
	Topic  string `recon:"topic"`            // on which it was met
}

func open(l *uplink.Line, c Config) (uplink.Uplink, error) {
	b := &bridge{
		line: l, config: c, things: map[route.NodeURI]*thing{}, topics: map[string][]target{}, refused: map[string]time.Time{},
		places:   places{nodes: map[place]route.NodeURI{}, taken: map[route.NodeURI]place{}},
		recorded: map[route.NodeURI]remembered{}, kept: kept{topics: map[string]definition{}},
	}
	b.downAt.Store(time.Now().UnixNano())
	b.receipts = newReceipts(l.Name, b.client())
	var err error
	if b.mappings, err = compile(c.Map); err != nil {
		return nil, err
	}
	if b.out, err = newOut(b); err != nil {
		return nil, err
	}
	b.members = members(c.Discover)
	b.wanted = newWanted(b.members)
	return b, b.recall()
}

// Session implements uplink.Subscriber.
func (b *bridge) Session() (s uplink.Session, ok bool) {
	s = uplink.Session{Client: b.client(), User: b.config.User, Filters: b.filtersKept(), QoS: byte(b.config.QoS)}
	if u, err := url.Parse(b.config.URL); err == nil && schemes[u.Scheme] == schemes["mqtt"] {
		s.Address = addressOf(u)
	}
	return s, s.QoS > 0 && len(s.Filters) > 0 && !b.isBrief()
}

// Peer implements uplink.Uplink. User and password are refused in the URL, so it has no secrets.
func (b *bridge) Peer() string { return b.config.URL }

func (b *bridge) client() string {
	if b.config.Client != "" {
		return b.config.Client
	}
	return "selvage-" + b.line.Host.Name() + "-" + b.line.Name
}

// Setup makes the twins that were there before, and those whose topic is known from the config.
func (b *bridge) Setup(a *agent.Agent) error {
	b.devices = agent.Map[string, remembered](a, "devices").ReadOnly()
	b.filters = agent.Value(a, "filters", []string(nil)).ReadOnly()
	b.announced = agent.Map[string, string](a, "announced").ReadOnly()
	for node, r := range b.devices.All() {
		if !b.restore(route.NodeURI(node), r) {
			b.devices.Remove(node)
		}
	}
	b.standAll()
	for _, m := range b.mappings {
		if node, ok := m.fixed(); ok {
			_, _, _ = b.thing(node, m, m.topic.text) // a condition says why there is none
		}
	}
	b.out.setup(a)
	b.told = ""
	a.Every(time.Second, b.look)
	a.Every(memory/10, b.lapse)
	return nil
}

// restore makes a twin that was there before the host was started, and tells whether there may be one.
func (b *bridge) restore(node route.NodeURI, r remembered) bool {
	if r.Family != "" {
		return b.restoreMet(node, r)
	}
	m := b.named(r.Map)
	if m == nil || !m.makes(node) {
		return false
	}
	_, _, err := b.thing(node, m, r.Topic)
	return err == nil
}

func (b *bridge) named(text string) *mapping {
	for _, m := range b.mappings {
		if m.topic.text == text {
			return m
		}
	}
	return nil
}

// lapse takes back conditions that messages gave reason for, and no longer do.
func (b *bridge) lapse() {
	b.mu.Lock()
	var over []string
	for what, last := range b.refused {
		if what != "filters" && what != "nodes" && time.Since(last) > memory { // these two stay until a connection, or a start
			over = append(over, what)
		}
	}
	b.mu.Unlock()
	for _, what := range over {
		b.settle(what)
	}
}

// look tells the twins when the broker has been away for a while, and when it is back. It is called
// in turns of the uplink's agent; a twin whose mailbox is full is told at the next look.
func (b *bridge) look() {
	cut := ""
	if b.conn.Load() == nil {
		if time.Since(time.Unix(0, b.downAt.Load())) < grace {
			return
		}
		cut = b.unconnected()
	}
	if cut == b.told {
		return
	}
	all := true
	for _, t := range b.all() {
		all = t.cutOff(cut) && all
	}
	if all {
		b.told = cut
	}
}

func (b *bridge) unconnected() string { return fmt.Sprintf("the broker %s is not connected", b.Peer()) }

// refuse raises a condition once: what topics bring may come a thousand times a second. The count
// goes on.
func (b *bridge) refuse(what, text, remedy string) {
	code := "uplink." + b.line.Name + "." + what
	b.line.Host.Health().Add(code, 1)
	b.mu.Lock()
	_, stands := b.refused[what]
	b.refused[what] = time.Now()
	b.mu.Unlock()
	if !stands {
		b.line.Host.Health().Raise(health.Condition{
			Code: code, Text: fmt.Sprintf("uplink %s: %s", b.line.Name, text), Remedy: remedy,
		})
	}
}

// settle takes a condition back.
func (b *bridge) settle(what string) {
	b.mu.Lock()
	_, stood := b.refused[what]
	delete(b.refused, what)
	b.mu.Unlock()
	if stood {
		b.line.Host.Health().Clear("uplink." + b.line.Name + "." + what)
	}
}

// Run implements uplink.Uplink.
func (b *bridge) Run(ctx context.Context) error {
	if !b.loaded {
		_ = b.line.Host.Flush(ctx) // what the bridge before this one has noted; if that fails, the store tells people
		notes, err := b.line.Host.Notes(b.receipts.book)
		if err != nil {
			return err
		}
		b.receipts.load(notes)
		if n := b.out.edge; n != nil {
			if err := n.load(); err != nil {
				return err
			}
		}
		b.loaded = true
	}
	if err := b.loadCursor(); err != nil {
		return err
	}
	cancel := b.line.Host.Watch(b.meet)
	defer cancel()
	return newSession(ctx, b).run()
}

var (
	_ uplink.Uplink     = (*bridge)(nil)
	_ uplink.Subscriber = (*bridge)(nil)
)
