package broker

import (
	"cmp"
	"time"

	"selvage/edge/agent"
)

// refresh is how often the lane status follows.
const refresh = time.Second

// Status is the value of the lane status of the broker's agent, /broker.
type Status struct {
	State    State     `recon:"state"`
	Address  string    `recon:"address"` // several with ", " between
	Since    time.Time `recon:"since"`   // of the state, ms since 1970
	Clients  int64     `recon:"clients"`
	Sessions int64     `recon:"sessions"`
	Retained int64     `recon:"retained"`
	In       int64     `recon:"in"` // messages since the host started
	Out      int64     `recon:"out"`
	Dropped  int64     `recon:"dropped"`
}

// State says whether a broker is there for clients.
type State string

const (
	Listening State = "listening"
	Waiting   State = "waiting" // for an address to become free
)

// Kind returns the broker as a kind of agent, of which there is one.
func (b *Broker) Kind() agent.Kind {
	return agent.NewKind("broker", struct{}{}, func(a *agent.Agent, _ struct{}) error {
		now := b.status()
		now.Since = a.Now().Time()
		status := agent.Value(a, "status", now).Transient().ReadOnly()
		a.Every(refresh, func() {
			was, now := status.Get(), b.status()
			if now.Since = was.Since; now.State != was.State {
				now.Since = a.Now().Time()
			}
			if now != was {
				status.Set(now)
			}
		})
		return nil
	})
}

func (b *Broker) status() Status {
	s := b.Stats()
	now := Status{
		State: Listening, Address: b.Addresses(),
		Clients: s.Clients, Sessions: s.Sessions, Retained: s.Retained,
		In: s.MessagesIn, Out: s.MessagesOut, Dropped: s.Dropped,
	}
	if now.Address == "" {
		now.State, now.Address = Waiting, cmp.Or(b.Listen, b.TLS.Listen)
	}
	return now
}
