package mqtt

import (
	"fmt"
	"slices"
	"time"

	"selvage/edge/agent"
	"selvage/edge/clock"
	"selvage/edge/device"
	"selvage/uplink/mqtt/family"
)

// gathering takes what one message means to a family, until all is known that concerns a thing.
type gathering struct {
	bridge  *bridge
	member  *member
	arrival *arrival // nil where no message of the broker is the reason
	setup   bool     // in the setup of the uplink's agent, which is a turn
	things  []*thing // that there is news for
	news    []news   // likewise
}

// news is what a thing is to take in one turn.
type news struct {
	readings []device.NamedReading
	state    *device.Value
	presence family.Presence
	why      string
}

// to adds to the news of a thing, if there is any.
func (g *gathering) to(t *thing, add func(*news), any bool) {
	if t == nil || !any {
		return
	}
	i := slices.Index(g.things, t)
	if i < 0 {
		i = len(g.things)
		g.things = append(g.things, t)
		g.news = append(g.news, news{})
	}
	add(&g.news[i])
}

// families has those families take a message whose subscriptions bring it, and tells whether there are any.
func (a *arrival) families() bool {
	b := a.session.bridge
	if len(b.members) == 0 {
		return false
	}
	b.taking.Lock()
	defer b.taking.Unlock()
	all := b.concerned(a.topic)
	m := family.Message{Topic: a.topic, Payload: a.raw, Retained: a.kept, At: a.at.Time()}
	for _, by := range all {
		g := &gathering{bridge: b, member: by, arrival: a}
		by.Take(m, g)
		for i, t := range g.things {
			if !t.retired {
				a.news(by, t, g.news[i])
			}
		}
	}
	if b.wanted.changed {
		b.wanted.changed = false
		notify(a.session.resubscribe)
	}
	return len(all) > 0
}

// news has a thing take what a family made of the message.
func (a *arrival) news(by *member, t *thing, n news) {
	r := device.Report{At: a.at, Readings: n.readings}
	for i := range r.Readings {
		reading := &r.Readings[i].Reading
		date(reading, a.at, a.kept)
		if reading.Quality == device.Bad && r.Readings[i].Channel != a.topic {
			reading.Reason = shortTopic(a.topic) + ": " + reading.Reason
		}
	}
	if n.state != nil {
		r.State = &device.State{Value: *n.state}
	}
	if n.presence != family.Unsaid {
		there, why, topic := n.presence == family.There, n.why, a.topic
		a.turn(t, func() { t.isThere(there, fmt.Sprintf("%s: %s", shortTopic(topic), why)) })
	}
	a.report(target{thing: t, sum: sum(string(t.node), by.name)}, r)
}

// date gives a reading of a family its time. It came at a time, and may have been kept by the broker until then.
func date(r *device.Reading, came clock.Stamp, kept bool) {
	doubt := ""
	switch {
	case r.At == (clock.Stamp{}):
		r.At = came
		if kept {
			doubt = unknownSince
		}
	case came.Trusted && r.At.Wall > came.Wall+int64(agent.MostAhead):
		r.At, doubt = came, ahead(r.At)
	}
	if doubt != "" && r.Quality == device.Good {
		r.Quality, r.Reason = device.Uncertain, doubt
	}
}

// tell tells all families something that no message brought.
func (s *session) tell(tell func(*member, *gathering)) {
	b := s.bridge
	b.taking.Lock()
	defer b.taking.Unlock()
	b.settleOwed()
	for _, m := range b.members {
		g := &gathering{bridge: b, member: m}
		tell(m, g)
		for i, t := range g.things {
			if !t.retired {
				s.late(t, g.news[i])
			}
		}
	}
}

// late has a thing take what no message brought. It is dropped where the mailbox is full: it is about how things are now.
func (s *session) late(t *thing, n news) {
	at := s.bridge.line.Host.Clock().Now()
	_ = t.turns.Do(now, func() {
		if n.presence != family.Unsaid {
			t.isThere(n.presence == family.There, n.why)
		}
		r := device.Report{At: at, Readings: n.readings}
		for i := range r.Readings {
			date(&r.Readings[i].Reading, at, false)
		}
		if n.state != nil {
			r.State = &device.State{Value: *n.state}
		}
		if len(r.Readings) > 0 || r.State != nil {
			t.twin.Report(r)
		}
		t.attend()
	})
}

// connected tells families that all subscriptions are made.
func connected(m *member, g *gathering) {
	if c, ok := m.Family.(family.Connecter); ok {
		c.Connected(time.Now(), g)
	}
}

func ticked(m *member, g *gathering) {
	if c, ok := m.Family.(family.Ticker); ok {
		c.Tick(time.Now(), g)
	}
}

func disconnected(m *member, g *gathering) {
	if c, ok := m.Family.(family.Loser); ok {
		c.Lost(time.Now(), g)
	}
}
