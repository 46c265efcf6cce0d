package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"selvage/edge/hub"
	"selvage/edge/peer"
	"selvage/edge/recon"
	"selvage/uplink/warp"
)

// freshness tells people, on a hub, that what they read is a copy whose edge is away. Agents that
// are no copies have no lane mirror, and nothing is told.
type freshness struct {
	out  io.Writer
	node string
	was  hub.Freshness
}

func (f *freshness) look(body []byte) {
	var m hub.Mirror
	if recon.Unmarshal(body, &m) != nil || m.State == f.was {
		return
	}
	switch {
	case m.State != hub.Live && m.State != hub.Stale:
		return
	case m.State == hub.Stale:
		fmt.Fprintf(f.out, "! %s is stale: %s does not send it since %s\n", printable(f.node), printable(string(m.Of)), m.Since.Local().Format(time.DateTime))
	case f.was == hub.Stale:
		fmt.Fprintf(f.out, "%s %s is live again\n", mark(f.out), printable(f.node))
	}
	f.was = m.State
}

// staleTime bounds the wait of tellStale: what was read is worth showing without it.
const staleTime = time.Second

// tellStale says so if what is read from node is stale.
func (e *env) tellStale(ctx context.Context, c *peer.Conn, node, lane string) {
	if lane == string(warp.MirrorLane) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, staleTime)
	defer cancel()
	bodies, _ := state(ctx, c, node, string(warp.MirrorLane)) // an agent that is no copy has no such lane
	f := freshness{out: e.err, node: node}
	for _, body := range bodies {
		f.look(body)
	}
}
