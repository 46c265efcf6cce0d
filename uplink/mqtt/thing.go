package mqtt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"selvage/edge/agent"
	"selvage/edge/device"
	"selvage/edge/health"
	"selvage/edge/recon"
	"selvage/edge/route"
	"selvage/edge/twin"
	"selvage/uplink"
)

// thing is a device behind the broker.
type thing struct {
	node  route.NodeURI
	twin  *twin.Twin
	turns uplink.Agent
	lanes sync.Map // the lanes of its twin as the host has them, *agent.Lane by name

	// Of whoever takes what the broker sends, one goroutine at a time.
	source map[string]source // of each channel
	full   bool              // its mailbox was full the last time

	met     atomic.Bool // by a family, not by a mapping
	retired bool        // its agent is no more; used like members

	// Used in turns of the twin only.
	board   *health.Board
	offline string // why it is said to be away
	cut     string // why the broker is
	trouble bool   // a condition stands for it
}

// source is where a channel's readings come from.
type source struct {
	mapping *mapping
	topic   string
}

// errTooMany is why there is no twin for another topic.
var errTooMany = errors.New("topics have made as many twins as they may")

// errTaken is why a topic has no twin and will have none.
var errTaken = errors.New("its node is another's")

// thing finds or makes the twin at node, which m asks for on meeting topic.
func (b *bridge) thing(node route.NodeURI, m *mapping, topic string) (t *thing, made bool, err error) {
	_, fixed := m.fixed()
	t, made, err = b.add(node, !fixed, func(t *thing) twin.Options { return b.options(t, m, topic) })
	if err == nil && t.met.Load() {
		made, err = true, errors.New("it is that of a device which was found by itself")
	}
	if made && err != nil {
		b.refuse("nodes", fmt.Sprintf("the topic %s cannot have the twin %s: %v", shorten([]byte(topic)), node, err),
			"give one of the two another name: in the device of a mapping, or in the table [device.…]")
		return nil, false, errTaken
	}
	return t, made, err
}

// add finds or makes the twin at node, and tells whether that was tried for the first time. A twin is counted if what the
// broker sends is the reason for it.
func (b *bridge) add(node route.NodeURI, counted bool, options func(*thing) twin.Options) (t *thing, made bool, err error) {
	b.making.Lock()
	defer b.making.Unlock()
	b.mu.Lock()
	t = b.things[node]
	known := t != nil
	tooMany := !known && counted && b.made >= b.config.Devices
	if !known && !tooMany {
		t = &thing{node: node, source: map[string]source{}, board: b.line.Host.Health()}
		b.things[node] = t // before it is added, since meet is told of its lanes from then on
		if counted {
			b.made++
		}
	}
	b.mu.Unlock()
	switch {
	case tooMany:
		b.refuse("devices", fmt.Sprintf("topics have made %d twins, and make no more: %s was refused", b.config.Devices, node),
			fmt.Sprintf("if so many are meant, raise devices in [uplink.%s]; else look who publishes to ever new topics", b.line.Name))
		return nil, false, errTooMany
	case known && t.turns == nil:
		return nil, false, errTaken
	case known:
		return t, false, nil
	}
	t.twin = twin.New(options(t))
	turns, err := b.line.Host.Add(t.node, t.twin.Kind())
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil {
		if counted {
			b.made--
		}
		return nil, true, err
	}
	t.turns = turns
	return t, true, nil
}

// options are what all mappings of its kind together say of a twin: those whose device is written
// alike. A sensor does not become an output because a plug could have its name.
func (b *bridge) options(t *thing, by *mapping, topic string) twin.Options {
	o := twin.Options{Node: t.node, Info: twin.Info{Driver: "mqtt", Wire: b.Peer(), Address: topic}, Changed: t.attend}
	told := false // of its state
	for _, m := range b.mappings {
		p, ok := m.partsOf(t.node)
		if _, fixed := m.fixed(); !ok || m.node.text != by.node.text && !fixed {
			continue
		}
		if m.every > 0 && (o.Every == 0 || m.every < o.Every) {
			o.Every = m.every
		}
		for _, c := range m.channels {
			o.Channels = append(o.Channels, device.Channel{Name: c.name, Unit: c.unit, Form: c.form, Resolution: dust})
			o.Calibrates = o.Calibrates || c.form == number
		}
		for name, a := range m.adjust {
			if o.Adjust == nil {
				o.Adjust = map[string]device.Adjust{}
			}
			o.Adjust[name] = a
		}
		if m.set != nil {
			o.Set = b.switcher(t, m.set, m.set.topic.fill(p, asIs))
			o.Takes = &device.Channel{Form: device.Boolean}
			o.Confirm = m.set.confirm
		}
		told = told || m.state != nil
	}
	switch {
	case !told:
		o.Confirm = 0 // by whatever
	case o.Confirm < 0:
		o.Confirm = confirmTime
	}
	return o
}

// dust is what binary fractions leave of a number that was calibrated, and nobody wants to see. What resolution a
// device has, nobody says.
const dust = 1e-9

// meet notes the lanes of the bridge's own twins. The host calls it, from any goroutine.
func (b *bridge) meet(l *agent.Lane) {
	b.mu.Lock()
	t := b.things[l.Agent().URI()]
	b.mu.Unlock()
	if t != nil {
		t.lanes.Store(string(l.Name()), l)
	}
}

func (b *bridge) all() []*thing {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make([]*thing, 0, len(b.things))
	for _, t := range b.things {
		if t.turns != nil {
			all = append(all, t)
		}
	}
	return all
}

// last returns what a channel holds. It is called in a turn of the twin.
func (t *thing) last(channel string) (r device.Reading, ok bool) {
	l, ok := t.lanes.Load(channel)
	if !ok {
		return r, false
	}
	tail := l.(*agent.Lane).Open(deaf{})
	defer tail.Close()
	body, ok := tail.State()()
	if !ok {
		return r, false
	}
	v, err := recon.Parse(body)
	return r, err == nil && r.LoadRecon(v) == nil && !r.Bad()
}

// deaf is a reader that has no use for news.
type deaf struct{}

func (deaf) Wake() {}

// news leaves out readings that say what is known already: what the broker kept is older than what they
// repeat. It is called in a turn.
func (t *thing) news(readings []device.NamedReading) []device.NamedReading {
	return slices.DeleteFunc(readings, func(n device.NamedReading) bool {
		was, ok := t.last(n.Channel)
		if n.Reading.At.Boot == "" && was.At != n.Reading.At { // it says itself when it was
			return false
		}
		value := n.Reading.Value
		if n.Reading.Form == device.Number {
			value = t.twin.Value(n.Channel, value)
		}
		return ok && was.Value == value && was.Text == n.Reading.Text && was.Form == n.Reading.Form && was.Unit == n.Reading.Unit
	})
}

// said takes in whether the device is there. It is called in a turn.
func (t *thing) said(on bool, topic string, raw []byte) {
	t.isThere(on, fmt.Sprintf("%s says %s", topic, shorten(raw)))
}

// isThere takes in whether the device is there, and else what says so. It is called in a turn.
func (t *thing) isThere(on bool, says string) {
	t.offline = ""
	if !on {
		t.offline = says
	}
	t.show()
}

// code is that of the thing's condition.
func (t *thing) code() string { return "device." + strings.TrimPrefix(string(t.node), "/device/") }

// show turns the status to who is away: the broker, the device, or nobody. It is called in a turn.
func (t *thing) show() {
	switch {
	case t.cut != "":
		t.twin.Away(t.cut)
	case t.offline != "":
		t.twin.Away(t.offline)
	default:
		t.twin.Back()
	}
	t.attend()
}

// awayTime is how long a device may say that it is away before that is a condition: many are
// switched off for a while.
const awayTime = time.Minute

// attend has a device that needs attention show as a condition. What the broker's absence explains
// does not. It is called in a turn.
func (t *thing) attend() {
	s := t.twin.Status()
	c := health.Condition{Code: t.code(), Text: string(t.node) + ": " + s.Reason}
	switch {
	case t.twin.Unconfirmed():
		c.Remedy = "see whether it does so, whether it hears the topic of its commands, and whether it tells its state"
	case s.State == twin.Faulty:
		c.Remedy = "see what it publishes, with mosquitto_sub for one, and whether its mapping fits; its last good values stay"
	case s.State == twin.Lost && t.cut == "":
		c.Remedy = "see whether it has power and reaches its broker"
		c.After = awayTime
	default:
		if t.trouble {
			t.trouble = false
			t.board.Clear(c.Code)
		}
		return
	}
	t.trouble = true
	t.board.Raise(c)
}

// cutOff has the twin know that the broker is away, or with an empty reason that it is back. It does
// not wait, and reports whether the twin will know.
func (t *thing) cutOff(why string) bool {
	return t.turns.Do(now, func() {
		if t.cut != why {
			t.cut = why
			t.show()
		}
	}) == nil
}

// now is a time that is over: what is asked with it does not wait for room in a mailbox.
var now = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// fail has the twin know that it could not be switched.
func (t *thing) fail(err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = t.turns.Do(ctx, func() { t.twin.Report(device.Report{Err: err}); t.attend() })
}
