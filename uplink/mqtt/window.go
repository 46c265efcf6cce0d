package mqtt

import (
	"context"
	"errors"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
)

// mostFlights is how many messages may be on their way to the broker before the first of them is acknowledged.
const mostFlights = 64

// publication is a message to be published.
type publication struct {
	topic   string
	payload []byte
	qos     byte
	retain  bool
}

// window publishes messages in order, without waiting for each. One goroutine uses it.
type window struct {
	session *session
	flights []flight
}

// flight is a message that the broker has not acknowledged.
type flight struct {
	token paho.Token
	done  func() // when it has, nil for nothing
}

// put publishes a message once there is room.
func (w *window) put(m publication, done func()) error {
	if err := w.settle(mostFlights - 1); err != nil {
		return err
	}
	trips.note(m.topic, m.payload, time.Now())
	w.flights = append(w.flights, flight{token: w.session.client.Publish(m.topic, m.qos, m.retain, m.payload), done: done})
	return nil
}

// landing is closed when the next message is acknowledged; nil where none is under way.
func (w *window) landing() <-chan struct{} {
	if len(w.flights) == 0 {
		return nil
	}
	return w.flights[0].token.Done()
}

// settle waits until no more than so many messages are on their way.
func (w *window) settle(most int) error {
	for len(w.flights) > 0 {
		first := w.flights[0]
		select {
		case <-first.token.Done():
		default:
			if len(w.flights) <= most {
				return nil
			}
			if err := w.wait(first.token); err != nil {
				return err
			}
		}
		if err := first.token.Error(); err != nil {
			return err
		}
		w.flights = w.flights[1:]
		w.session.bridge.line.Out.Add(1)
		if first.done != nil {
			first.done()
		}
	}
	w.flights = nil
	return nil
}

func (w *window) wait(t paho.Token) error {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-t.Done():
		return nil
	case <-timer.C:
		return errSilent
	case <-w.session.ctx.Done():
		return context.Cause(w.session.ctx)
	}
}

// fail ends the connection because something could not be published: the next one begins anew.
func (s *session) fail(err error) {
	if err != nil && !errors.Is(err, paho.ErrNotConnected) { // then s.lost says more
		s.cancel(err)
	}
}
