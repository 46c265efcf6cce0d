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

	keepers []broker.Keeper
}

// keepers are the uplinks that have a session at the broker.
func keepers(plan *config.Broker, ways []*way) (all []broker.Keeper) {
	if plan == nil {
		return nil
	}
	for _, w := range ways {
		if s, ok := w.Session(); ok && leadsTo(s.Address, plan.Listen) {
			all = append(all, broker.Keeper{Client: s.Client, Filters: s.Filters, QoS: s.QoS})
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

// set makes the broker what the plan says, which may be none. Sessions and retained messages of the one
// before it are lost: they are in memory, and its clients have to go to another address.
func (b *embedded) set(ctx context.Context, plan *config.Broker) error {
	had := b.broker.Load() != nil
	err := b.stop(ctx)
	if plan == nil {
		return errors.Join(err, b.host.Remove(ctx, brokerNode))
	}
	now := broker.Start(broker.Options{Listen: plan.Listen, Health: b.host.Health, Log: b.log, Keepers: b.keepers})
	b.broker.Store(now)
	if had {
		return errors.Join(err, b.host.Replace(brokerNode, now.Kind(), nil))
	}
	_, adds := b.host.Add(brokerNode, host.Things, now.Kind(), nil)
	return errors.Join(err, adds)
}

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
