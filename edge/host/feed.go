package host

import (
	"context"

	"selvage/edge/route"
	"selvage/edge/store"
	"selvage/uplink"
)

// feed is the store's, for uplinks.
type feed struct{ *store.Store }

func (f feed) After(seq uint64, limit int) ([]uplink.Kept, uint64, error) {
	points, upto, err := f.Feed(seq, limit)
	values := make([]uplink.Kept, len(points))
	for i, p := range points {
		values[i] = uplink.Kept{Node: p.Node, Lane: p.Lane, Seq: p.Seq, At: p.At, Body: p.Body}
	}
	return values, upto, err
}

func (f feed) Confirm(reader string, seq uint64) { f.Mark(confirmed{reader, seq}) }

type confirmed struct {
	reader string
	seq    uint64
}

func (c confirmed) Save(b *store.Batch) { b.Cursor(c.reader, c.seq) }

func (u forUplinks) Feed() uplink.Feed {
	if u.host.Store == nil {
		return nil
	}
	return feed{u.host.Store}
}

// Command knows no policy: the host has none, who runs it may.
func (u forUplinks) Command(ctx context.Context, node route.NodeURI, lane route.LaneName, body []byte) error {
	return u.host.ask(ctx, node, lane, body)
}
