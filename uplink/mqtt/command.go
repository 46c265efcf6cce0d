package mqtt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"selvage/edge/device"
	"selvage/edge/route"
	"selvage/uplink"
	"selvage/uplink/mqtt/announce"
)

// command is a Command made ready.
type command struct {
	topic template
	node  mapping // of which only topic and node are used
	lane  route.LaneName
	form  string
}

// openCommands makes all tables ready, in the order of their topics.
func openCommands(all map[string]Command) ([]*command, error) {
	var ready []*command
	for _, text := range slices.Sorted(maps.Keys(all)) {
		c, err := newCommand(text, all[text])
		if err != nil {
			return nil, fmt.Errorf("command %q: %w", text, err)
		}
		ready = append(ready, c)
	}
	return ready, nil
}

func newCommand(text string, from Command) (*command, error) {
	c := &command{lane: "set", form: from.Payload}
	var err error
	if c.topic, err = parseTopic(text); err != nil {
		return nil, err
	}
	if c.node.node, err = parseTemplate(from.Node); err != nil {
		return nil, err
	}
	if from.Lane != "" {
		c.lane, _, err = route.Lane(from.Lane)
	}
	return c, err
}

// subscriptions are the filters that bring commands.
func (o *out) subscriptions() []string {
	var wanted []string
	for _, c := range o.commands {
		wanted = append(wanted, c.topic.filter())
	}
	if o.announcer != nil {
		wanted = append(wanted, o.announcer.subscriptions()...)
	}
	if o.edge != nil {
		wanted = append(wanted, o.edge.node.Filters()...)
	}
	slices.Sort(wanted)
	return slices.Compact(wanted)
}

// asked is a command on its way to its lane.
type asked struct {
	topic string
	raw   string // for people
	node  route.NodeURI
	lane  route.LaneName
	body  []byte
}

const (
	maxAsked = 64               // commands that wait for the one before them
	askTime  = 10 * time.Second // for an agent to take one
)

// isCommand takes a message that is a command, or Home Assistant's birth, and reports whether it was one.
func (s *session) isCommand(a *arrival) bool {
	o := s.bridge.out
	if n := o.announcer; n != nil {
		if n.isBirth(a.topic) {
			if string(a.raw) == announce.Online && !a.kept {
				o.reborn.Store(true)
				notify(o.wake)
			}
			return true
		}
		if to, ok := n.commandFor(a.topic); ok {
			body, err := bodyFor(to.takes.Form, a.raw)
			s.ask(a, asked{node: to.node, lane: "set", body: body}, err)
			return true
		}
	}
	found := false
	if n := o.edge; n != nil && n.isFor(a.topic) {
		n.ask(a)
		found = true
	}
	for _, c := range o.commands {
		p, ok := c.topic.match(a.topic)
		if !ok {
			continue
		}
		found = true
		for name, text := range p {
			p[name] = unescaped(text) // as topicPart writes it
		}
		node, ok := c.node.nodeFor(p)
		if !ok {
			s.bridge.refuse("commands", fmt.Sprintf("the topic %s makes no node URI by %s", shorten([]byte(a.topic)), c.node.node.text), "rename the topic")
			continue
		}
		body, err := commandBody(c.form, a.raw)
		s.ask(a, asked{node: node, lane: c.lane, body: body}, err)
	}
	return found
}

// bodyFor is what a payload of Home Assistant says to an output.
func bodyFor(form string, raw []byte) ([]byte, error) {
	if form == device.Text.String() {
		return commandBody(asText, raw)
	}
	body, err := commandBody("", raw)
	if err == nil && len(body) > 0 && body[0] == '@' {
		err = errors.New("it is no value")
	}
	return body, err
}

// ask hands a command over, unless it is not to be obeyed.
func (s *session) ask(a *arrival, c asked, err error) {
	c.topic, c.raw = a.topic, cmp.Or(c.raw, shorten(a.raw))
	switch {
	case a.tooBig:
		s.deny(c, fmt.Errorf("it has more than %d bytes", maxPacket))
	case a.kept:
		s.deny(c, &uplink.Fault{
			Err:    errors.New("the broker has kept it, so it would be obeyed with each connection"),
			Remedy: "publish commands without retain, and take this one away: an empty payload with retain",
		})
	case a.delivery != nil:
		s.deny(c, &uplink.Fault{
			Err:    errors.New("it came with QoS 1 or 2, by another subscription than that for commands, so it may be from when we were away"),
			Remedy: "give the command a topic that nothing else is read from: /uplink/" + s.bridge.line.Name + " has in filters what is subscribed to",
		})
	case err != nil:
		s.deny(c, err)
	default:
		select {
		case s.commands <- c:
		default:
			s.deny(c, fmt.Errorf("%d commands wait already", maxAsked))
		}
	}
}

// obey has lanes take commands, one after the other, until the connection ends.
func (s *session) obey() {
	for {
		select {
		case c := <-s.commands:
			ctx, cancel := context.WithTimeout(s.ctx, askTime)
			err := s.bridge.line.Host.Command(ctx, c.node, c.lane, c.body)
			cancel()
			if err != nil {
				s.deny(c, err)
			}
		case <-s.ctx.Done():
			return
		}
	}
}

// deny shows people a command that was refused. Who has sent it gets no answer: MQTT has none.
func (s *session) deny(c asked, err error) {
	remedy := "see what its lane takes, and who publishes there"
	if f := (*uplink.Fault)(nil); errors.As(err, &f) {
		remedy = f.Remedy
	}
	s.bridge.line.Log().Warn("command refused", "topic", shorten([]byte(c.topic)), "payload", c.raw, "node", c.node, "lane", c.lane, "cause", err)
	s.bridge.refuse("commands", fmt.Sprintf("the command %s on %s for the lane %s of %s was refused: %v", c.raw, shorten([]byte(c.topic)), c.lane, c.node, err), remedy)
}
