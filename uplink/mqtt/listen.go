package mqtt

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"selvage/uplink"
	"selvage/uplink/mqtt/survey"
)

// Listen implements uplink.Listener.
func (c Config) Listen(ctx context.Context, l uplink.Listening) (uplink.Found, error) {
	if l.URL != "" {
		c.URL = l.URL
	}
	if err := c.usable(); err != nil {
		return uplink.Found{}, err
	}
	c.Client = "selvage-" + rand.Text()[:12]                               // another client of our own name would take the uplink's place
	b := &bridge{line: &uplink.Line{Name: l.Name}, config: c, out: &out{}} // of which nothing goes out
	s := &session{bridge: b, lost: make(chan error, 1)}
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	defer s.cancel(nil)
	var (
		known survey.Survey
		mu    sync.Mutex // held while it is used: the client's last message may still be under way when it is gone
	)
	err := s.listen(l.Filter, l.Up, func(m paho.Message) {
		mu.Lock()
		defer mu.Unlock()
		if s.ctx.Err() == nil {
			family := known.Add(m.Topic(), m.Payload(), m.Retained())
			l.Heard(uplink.Heard{Topic: m.Topic(), Payload: m.Payload(), Retained: m.Retained(), At: time.Now(), Family: family})
		}
	})
	if ctx.Err() != nil {
		err = nil
	}
	s.cancel(nil)
	mu.Lock()
	defer mu.Unlock()
	families := slices.Collect(maps.Keys(families))
	found := uplink.Found{Config: known.Config(l.Name, families), Left: known.Left}
	for _, g := range known.Groups(families) {
		found.Groups = append(found.Groups, uplink.Group{Name: g.Topics, Family: g.Family != "", Said: g.Said()})
	}
	return found, b.explain(err)
}

// usable finds what is wrong with a URL that no config had.
func (c Config) usable() (err error) {
	c.checkURL(func(_, problem, remedy string) {
		if err == nil {
			err = &uplink.Fault{Err: errors.New(problem), Remedy: remedy} // the URL itself may hold a password
		}
	})
	return err
}

// listen hands on what comes, until the connection is lost or the context ends.
func (s *session) listen(filter string, up func(), heard func(paho.Message)) error {
	o, err := s.options()
	if err != nil {
		return err
	}
	o.SetCleanSession(true).SetAutoAckDisabled(false).SetDefaultPublishHandler(func(_ paho.Client, m paho.Message) {
		s.heard.Store(time.Now().UnixNano())
		heard(m)
	})
	if err := s.connectAs(o); err != nil {
		return err
	}
	defer s.leave()
	token := s.client.Subscribe(filter, 0, nil)
	if err := s.await(token); err != nil {
		return err
	}
	if t, ok := token.(*paho.SubscribeToken); ok && t.Result()[filter] == refusedFilter {
		return &uplink.Fault{Err: fmt.Errorf("%s refuses the subscription to %q", s.bridge.Peer(), filter), Remedy: "let this user read there, in Mosquitto by the acl_file; or name a topic that it may read"}
	}
	up()
	select {
	case err := <-s.lost:
		return err
	case <-s.ctx.Done():
		return nil
	}
}

var _ uplink.Listener = Config{}
