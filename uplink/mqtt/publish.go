package mqtt

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"selvage/edge/device"
	"selvage/uplink"
	"selvage/uplink/mqtt/family"
)

// maxOrders is how many commands may wait for the broker.
const maxOrders = 64

// order is something to be published: mostly a command to a thing.
type order struct {
	thing   *thing // that says what became of it, nil for none
	topic   string
	payload string
	qos     byte
	retain  bool
}

// switcher returns what switches an output: it hands the command to the connection, if there is one.
func (b *bridge) switcher(t *thing, s *setting, topic string) func(device.Value) error {
	return func(v device.Value) error {
		session := b.conn.Load()
		if session == nil {
			return b.notNow()
		}
		o := order{thing: t, topic: topic, payload: s.off, qos: s.qos, retain: s.retain}
		if v.Bool() {
			o.payload = s.on
		}
		return session.order(o)
	}
}

// commander returns what switches an output of a family's device.
func (b *bridge) commander(t *thing, o *family.Output) func(device.Value) error {
	command, options := o.Command, o.Options
	return func(v device.Value) error {
		if len(options) > 0 && !slices.Contains(options, v.Text) {
			return fmt.Errorf("want one of %s, not %s", strings.Join(options, ", "), v)
		}
		session := b.conn.Load()
		if session == nil {
			return b.notNow()
		}
		p, err := command(v)
		if err != nil {
			return err
		}
		return session.order(order{thing: t, topic: p.Topic, payload: string(p.Payload), qos: p.QoS, retain: p.Retain})
	}
}

func (o *order) fail(err error) {
	if o.thing != nil {
		o.thing.fail(err)
	}
}

func (b *bridge) notNow() error {
	return &uplink.Fault{
		Err:    fmt.Errorf("%s; try again when %s is", b.unconnected(), uplink.Node(b.line.Name)),
		Remedy: "the status of the uplink says why",
	}
}

func (s *session) order(o order) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left {
		return s.bridge.notNow()
	}
	select {
	case s.orders <- o:
		return nil
	default:
		return fmt.Errorf("%d commands wait for the broker %s already", maxOrders, s.bridge.Peer())
	}
}

// publish sends what is ordered, until the connection ends. What could not be sent then is not sent
// later; its things say so.
func (s *session) publish() {
	for {
		select {
		case o := <-s.orders:
			s.send(o)
		case <-s.ctx.Done():
			s.mu.Lock()
			s.left = true
			s.mu.Unlock()
			for {
				select {
				case o := <-s.orders:
					o.fail(fmt.Errorf("%q was not published to %s: the connection ended", o.payload, o.topic))
				default:
					return
				}
			}
		}
	}
}

func (s *session) send(o order) {
	token := s.client.Publish(o.topic, o.qos, o.retain, o.payload)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	var err error
	select {
	case <-token.Done():
		err = token.Error()
	case <-timer.C:
		err = errSilent
	case <-s.ctx.Done():
		err = fmt.Errorf("the connection ended before the broker said that it has it")
	}
	if err != nil {
		o.fail(fmt.Errorf("%q may not have reached %s: %w", o.payload, o.topic, err))
		return
	}
	s.bridge.line.Out.Add(1)
}
