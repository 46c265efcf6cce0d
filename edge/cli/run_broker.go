package cli

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync/atomic"

	"selvage/edge/broker"
	"selvage/edge/config"
	"selvage/edge/host"
	"selvage/edge/web"
)

// brokerNode is the node URI of the embedded broker.
const brokerNode = "/broker"

// embedded is the broker of a host, if it has one. Only the goroutine that runs the host changes it.
type embedded struct {
	host   *host.Host
	log    *slog.Logger
	broker atomic.Pointer[broker.Broker]
	plan   *config.Broker
	agent  *host.Handle // of the broker

	keepers []broker.Keeper
}

// keepers are the uplinks that have a session at the broker.
func keepers(plan *config.Broker, ways []*way) (all []broker.Keeper) {
	if plan == nil {
		return nil
	}
	for _, w := range ways {
		if s, ok := w.Session(); ok && (leadsTo(s.Address, plan.Listen) || leadsTo(s.Address, plan.TLS.Listen)) {
			all = append(all, broker.Keeper{Client: s.Client, User: s.User, Filters: s.Filters, QoS: s.QoS})
		}
	}
	return all
}

// leadsTo tells whether who dials address on this machine reaches who listens.
func leadsTo(address, listen string) bool {
	if address == listen {
		return true
	}
	host, port, err := net.SplitHostPort(address)
	at, its, otherErr := net.SplitHostPort(listen)
	return err == nil && otherErr == nil && port == its && isLocal(host) && (isLocal(at) || at == "" || net.ParseIP(at).IsUnspecified())
}

func isLocal(host string) bool { return host == "localhost" || net.ParseIP(host).IsLoopback() }

// keep changes whose acknowledgements the broker's clients wait for.
func (b *embedded) keep(keepers []broker.Keeper) {
	b.keepers = keepers
	if now := b.broker.Load(); now != nil {
		now.Keep(keepers)
	}
}

// set makes the broker what the plan says, which may be none. Where only users change, the broker stays. Else sessions
// of the one before it are lost: they are in memory, and its clients have to go to another address.
func (b *embedded) set(ctx context.Context, plan *config.Broker) error {
	was, before := b.broker.Load(), b.plan
	b.plan = plan
	if was != nil && plan != nil && plan.Listen == before.Listen && plan.TLS == before.TLS && plan.Clients == before.Clients {
		return was.Admit(users(plan))
	}
	err := b.stop(ctx)
	if plan == nil {
		b.agent = nil
		return errors.Join(err, b.host.Remove(ctx, brokerNode))
	}
	kept := &book{host: b.host}
	now := broker.New(broker.Options{
		Listen: plan.Listen, TLS: broker.TLS(plan.TLS), Users: users(plan), Book: kept,
		Health: b.host.Health, Log: b.log, Limits: broker.LimitsFor(plan.Clients), Keepers: b.keepers,
	})
	if b.agent != nil {
		err = errors.Join(err, b.host.Replace(brokerNode, now.Kind(), nil))
	} else {
		var adds error
		b.agent, adds = b.host.Add(brokerNode, host.Things, now.Kind(), nil)
		if adds != nil {
			return errors.Join(err, adds)
		}
	}
	kept.agent = b.agent
	b.broker.Store(now)
	return errors.Join(err, now.Start())
}

// users are those of a plan, nil if there are none.
func users(plan *config.Broker) (all []broker.User) {
	for _, u := range plan.Users {
		all = append(all, broker.User(u))
	}
	return all
}

// retainedBook is where the broker's agent notes what is retained. The store has one row for each message, and a
// change writes that row.
const retainedBook = brokerNode + "/retained"

// book is where a broker keeps what is retained.
type book struct {
	host  *host.Host
	agent *host.Handle // of the broker
}

// Load implements broker.Book.
func (b *book) Load() (map[string][]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), changeTime)
	defer cancel()
	_ = b.host.Store.Flush(ctx) // what the broker before this one has saved; if that fails, the store tells people
	return b.host.Notes(retainedBook)
}

// Save implements broker.Book.
func (b *book) Save(ctx context.Context, changes map[string][]byte) error {
	ended := make(chan error, 1)
	err := b.agent.Post(ctx, func() {
		for topic, entry := range changes {
			b.agent.Note(retainedBook, []byte(topic), entry)
		}
	}, func(err error) { ended <- err })
	if err != nil {
		return err
	}
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Flush implements broker.Book.
func (b *book) Flush(ctx context.Context) error { return b.host.Store.Flush(ctx) }

func (b *embedded) stop(ctx context.Context) error {
	was := b.broker.Swap(nil)
	if was == nil {
		return nil
	}
	return was.Stop(ctx)
}

func (b *embedded) metrics(m *web.Metrics) {
	if now := b.broker.Load(); now != nil {
		brokerMetrics(now)(m)
	}
}

var _ broker.Book = (*book)(nil)
