package mqtt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	paho "github.com/eclipse/paho.mqtt.golang"

	"selvage/edge/agent"
	"selvage/edge/clock"
	"selvage/edge/device"
)

// How long a full mailbox may keep what comes after waiting. The answer to a ping is among that, so it
// must stay below pingTimeout: a mailbox that was full is not waited for again until it has had room.
const (
	someWait = time.Second     // for a message that may be lost
	mostWait = 5 * time.Second // for one that may not: then the connection ends, and the broker keeps it
)

// mostTopic is how long a topic may be, in bytes: it is kept with what is known of its thing, a thousand times. MQTT has
// topics of 65,535 bytes; AWS IoT Core takes 256.
const mostTopic = 1024

// target is what a topic means to one thing.
type target struct {
	thing   *thing
	mapping *mapping
	online  bool   // it tells whether the thing is there
	sum     uint64 // for receipts
}

// arrival is a message being taken.
type arrival struct {
	session  *session
	topic    string
	raw      []byte
	kept     bool // by the broker, for who subscribes later
	again    bool // sent before, and not acknowledged then
	at       clock.Stamp
	delivery *delivery // nil at QoS 0
	token    *token    // likewise
	tooBig   bool
}

// take takes a message. paho calls it for one after the other.
func (s *session) take(_ paho.Client, m paho.Message) {
	if s.ctx.Err() != nil {
		return // what the broker wants acknowledged comes again
	}
	s.heard.Store(time.Now().UnixNano())
	b := s.bridge
	b.line.In.Add(1)
	a := arrival{
		session: s, topic: m.Topic(), raw: m.Payload(), kept: m.Retained(), again: m.Duplicate(), at: b.line.Host.Clock().Now(),
	}
	size := 2 + len(a.topic) + len(a.raw)
	if m.Qos() > 0 {
		size += 2 // its packet identifier
	}
	a.tooBig = size > maxPacket
	if m.Qos() > 0 {
		var err error
		if a.delivery, err = s.acks.add(s.ctx, m.Ack, size); err != nil {
			s.cancel(err)
			return
		}
		defer s.acks.done(a.delivery)
		a.token = b.receipts.token(b.line.Host, &a, m.MessageID())
	}
	if trips.seen(a.topic, a.raw, time.Now()) {
		b.refuse("loop", fmt.Sprintf("what is published on %s comes back on it again and again, and is left out now: two bridges hand it to each other", shorten([]byte(a.topic))),
			"find who else publishes there, another bridge mostly, and give one of the two another topic")
		return
	}
	if a.tooBig {
		b.refuse("size", fmt.Sprintf("the topic %s brought more than %d bytes, and they were left out", shorten([]byte(a.topic)), maxPacket),
			"publish less at a time there, or give the topic a mapping of its own name so that it does not match")
	}
	if len(a.topic) > mostTopic {
		b.refuse("topics", fmt.Sprintf("the topic %s has %d bytes, and %d at most are taken", shorten([]byte(a.topic)), len(a.topic), mostTopic), "rename the topic")
		return
	}
	known := !a.tooBig && a.families()
	if len(a.raw) == 0 { // this is how something kept is deleted
		return
	}
	if s.isCommand(&a) {
		return
	}
	targets := a.targets()
	if len(targets) == 0 && !known {
		b.line.Host.Health().Add("uplink."+b.line.Name+".unmapped", 1)
	}
	for _, t := range targets {
		switch {
		case a.tooBig:
			a.bad(t.thing, problem(fmt.Sprintf("more than %d bytes came", maxPacket)))
		case t.online:
			a.available(t)
		default:
			a.values(t)
		}
	}
}

// targets finds what a topic means, once for each topic.
func (a *arrival) targets() []target {
	b := a.session.bridge
	if found, ok := b.topics[a.topic]; ok {
		return found
	}
	var found []target
	lasting := true
	meets := func(m *mapping, t template, online bool) {
		p, ok := t.match(a.topic)
		if !ok {
			return
		}
		node, ok := m.nodeFor(p)
		if !ok || !utf8.ValidString(a.topic) {
			b.refuse("topics", fmt.Sprintf("the topic %s makes no node URI by %s", shorten([]byte(a.topic)), m.node.text), "rename the topic")
			return
		}
		thing, made, err := b.thing(node, m, a.topic)
		switch {
		case err != nil:
			lasting = lasting && !errors.Is(err, errTooMany)
			return
		case made:
			a.remember(thing, m)
		}
		found = append(found, target{thing, m, online, sumOf(node, m)})
	}
	for _, m := range b.mappings {
		meets(m, m.topic, false)
		if m.online != nil {
			meets(m, m.online.topic, true)
		}
	}
	if lasting {
		if len(b.topics) > 1000+4*b.config.Devices { // parts that no device has make any number of topics
			clear(b.topics)
		}
		b.topics[a.topic] = found
	}
	return found
}

// remember has the lane devices know a new thing, as part of this message.
func (a *arrival) remember(t *thing, m *mapping) {
	if _, fixed := m.fixed(); fixed {
		return
	}
	b := a.session.bridge
	a.inUplink(func() { b.devices.Set(string(t.node), remembered{Map: m.topic.text, Topic: a.topic}) })
}

// inUplink has fn run in a turn of the uplink's agent, which ends before the message is acknowledged, and reports whether
// it will. If not, the connection ends, and the message comes again.
func (a *arrival) inUplink(fn func()) bool {
	s := a.session
	if a.delivery != nil {
		a.delivery.left.Add(1)
	}
	err := s.bridge.line.Do(s.ctx, fn)
	will := err == nil
	if will && a.delivery != nil { // turns come one after the other, so this one finds the first has ended
		d := a.delivery
		err = s.bridge.line.Do(s.ctx, func() { s.acks.done(d) })
	}
	if err != nil {
		s.cancel(err)
	}
	return will
}

// available takes in whether the thing is there.
func (a *arrival) available(t target) {
	pl, why := newPayload(a.raw, !t.mapping.online.path.Whole())
	var on bool
	if why == "" {
		on, why = t.mapping.online.read(pl)
	}
	if why != "" {
		a.bad(t.thing, why)
		return
	}
	thing, topic, raw := t.thing, a.topic, a.raw
	a.turn(thing, func() { thing.said(on, topic, raw) })
}

// values takes in readings, and what an output does.
func (a *arrival) values(t target) {
	said, why := t.mapping.read(a.raw)
	if len(said) == 0 {
		a.bad(t.thing, why)
		return
	}
	r := device.Report{At: a.at, Readings: a.readings(t, said)}
	if why != "" {
		r.Readings = append(r.Readings, a.badNamed(why))
	}
	if t.mapping.state != nil {
		on, why := t.mapping.state.read(tell(said, t.mapping.state.path)[0])
		if why != "" {
			a.bad(t.thing, why)
			return
		}
		r.State = &device.State{Value: device.On(on)}
	}
	a.report(t, r)
}

// readings are those of a message, of those that say when they were the newest first: a twin takes the others into
// its history.
func (a *arrival) readings(t target, said []payload) []device.NamedReading {
	readings := make([]device.NamedReading, 0, len(t.mapping.channels))
	for i := range said {
		said[i].when, said[i].doubt = a.when(t.mapping, said[i])
	}
	for i := range t.mapping.channels {
		c := &t.mapping.channels[i]
		if !a.owns(t, c.name) {
			continue
		}
		for _, pl := range tell(said, c.path) {
			reading, found, why := c.read(pl)
			if why != "" {
				reading, found = a.badReading(why), true
				reading.Reason = shortTopic(a.topic) + ": " + reading.Reason
			}
			if !found {
				continue
			}
			reading.At = pl.when
			if pl.doubt != "" && reading.Quality == device.Good {
				reading.Quality, reading.Reason = device.Uncertain, pl.doubt
			}
			readings = append(readings, device.NamedReading{Channel: c.name, Reading: reading})
		}
	}
	if len(said) > 1 {
		slices.SortStableFunc(readings, func(a, b device.NamedReading) int { return cmp.Compare(b.Reading.At.Wall, a.Reading.At.Wall) })
	}
	return readings
}

// bad has the twin say what cannot be read. Its readings stay.
func (a *arrival) bad(t *thing, why problem) {
	a.report(target{thing: t}, device.Report{At: a.at, Readings: []device.NamedReading{a.badNamed(why)}})
}

func (a *arrival) badNamed(why problem) device.NamedReading {
	return device.NamedReading{Channel: shortTopic(a.topic), Reading: a.badReading(why)}
}

// report has a twin take a report. Of a message that has been stored only the state of an output counts, which is
// not remembered over a restart.
func (a *arrival) report(to target, r device.Report) {
	if len(r.Readings) == 0 && r.State == nil {
		return
	}
	kept := a.kept && !slices.ContainsFunc(r.Readings, isBad)
	t, token, receipts := to.thing, a.token, a.session.bridge.receipts
	a.turn(t, func() {
		switch {
		case token != nil && len(r.Readings) > 0 && !receipts.fresh(token, to.sum, t.turns.Note):
			r.Readings = nil
		case kept:
			r.Readings = t.news(r.Readings)
		}
		if len(r.Readings) == 0 && r.State == nil {
			return
		}
		if kept {
			t.twin.Recall(r)
		} else {
			t.twin.Report(r)
		}
		t.attend()
	})
}

func isBad(n device.NamedReading) bool { return n.Reading.Bad() }

// owns tells whether this topic may give the thing its channel: two that do would look like one
// device that cannot decide.
func (a *arrival) owns(t target, channel string) bool {
	this := source{t.mapping, a.topic}
	owner, ok := t.thing.source[channel]
	if !ok {
		t.thing.source[channel] = this
		return true
	}
	if owner != this {
		a.session.bridge.refuse("channels",
			fmt.Sprintf("%s and %s both give %s its %s; the second is left out", shorten([]byte(owner.topic)), shorten([]byte(a.topic)), t.thing.node, channel),
			"let device tell them apart: a part of the topic is not in it, or two mappings make the same twin")
	}
	return owner == this
}

// turn has fn run as a turn of the thing, which ends before the message is acknowledged.
func (a *arrival) turn(t *thing, fn func()) {
	s, d := a.session, a.delivery
	if d == nil {
		a.full(t, t.turns.Do(now, fn) != nil && (t.full || wait(s.ctx, someWait, func(ctx context.Context) error { return t.turns.Do(ctx, fn) }) != nil))
		return
	}
	d.left.Add(1)
	s.acks.told(d)
	ended := func(err error) {
		s.ended(t, d, err)
		s.turnEnded()
	}
	s.turns.Add(1)
	if t.turns.Post(now, fn, ended) == nil {
		return
	}
	if err := wait(s.ctx, mostWait, func(ctx context.Context) error { return t.turns.Post(ctx, fn, ended) }); err != nil {
		s.turnEnded()
		s.cancel(fmt.Errorf("%s takes no more: %w", t.node, err))
	}
}

func (s *session) turnEnded() {
	if s.turns.Add(-1) == 0 {
		notify(s.rest)
	}
}

func wait(ctx context.Context, most time.Duration, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	return do(ctx)
}

// full notes whether a message was lost to a full mailbox.
func (a *arrival) full(t *thing, full bool) {
	t.full = full
	if full {
		b := a.session.bridge
		b.line.Host.Health().Add("uplink."+b.line.Name+".lost", 1)
	}
}

// ended takes in how a turn did. One that panicked is not repeated, since it would again; one that
// never was, because the host stops, leaves its message to the broker.
func (s *session) ended(t *thing, d *delivery, err error) {
	var p *agent.Panicked
	if err == nil || errors.As(err, &p) {
		s.acks.done(d)
		return
	}
	s.cancel(fmt.Errorf("%s: %w", t.node, err))
}

// shortTopic is a topic where it needs no quotes.
func shortTopic(topic string) string {
	q := shorten([]byte(topic))
	if len(q) == len(topic)+2 {
		return topic
	}
	return q
}

func (a *arrival) badReading(why problem) device.Reading {
	return device.Reading{Quality: device.Bad, Reason: string(why), At: a.at}
}
