package host

import (
	"context"
	"log/slog"

	"selvage/edge/agent"
	"selvage/edge/clock"
	"selvage/edge/health"
	"selvage/edge/route"
	"selvage/uplink"
)

// Uplinks returns the host as its uplinks see it.
func (h *Host) Uplinks() uplink.Host { return forUplinks{h} }

type forUplinks struct{ host *Host }

func (u forUplinks) Add(node route.NodeURI, k agent.Kind) (uplink.Agent, error) {
	a, err := u.host.Add(node, Things, k, nil)
	if err != nil {
		return nil, err
	}
	return a, nil
}

func (u forUplinks) Remove(ctx context.Context, node route.NodeURI) error {
	return u.host.Remove(ctx, node)
}

func (u forUplinks) Flush(ctx context.Context) error {
	if u.host.Store == nil {
		return nil
	}
	return u.host.Store.Flush(ctx)
}

func (u forUplinks) Notes(book route.NodeURI) (map[string][]byte, error) { return u.host.Notes(book) }

// Origin knows of no broker: the host has none, who runs it may.
func (u forUplinks) Origin(string, uint16) (o uplink.Origin, known bool) { return o, false }

func (u forUplinks) Watch(fn func(*agent.Lane)) (cancel func()) {
	return u.host.Watch(func(_ *agent.Agent, l *agent.Lane) {
		if l != nil {
			fn(l)
		}
	})
}

func (u forUplinks) Name() string          { return u.host.Name }
func (u forUplinks) Clock() *clock.Clock   { return u.host.Clock }
func (u forUplinks) Health() *health.Board { return u.host.Health }
func (u forUplinks) Log() *slog.Logger     { return u.host.Log }
