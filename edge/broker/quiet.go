package broker

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/mochi-mqtt/server/v2/packets"
)

// quiet is where mochi logs: everything at debug level, and of packets and wills only the kind,
// since a packet may hold a password, and payloads are the users' business.
type quiet struct{ slog.Handler }

func (q quiet) Enabled(ctx context.Context, _ slog.Level) bool {
	return q.Handler.Enabled(ctx, slog.LevelDebug)
}

func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	out := slog.NewRecord(r.Time, slog.LevelDebug, "MQTT: "+r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		out.AddAttrs(discreet(a))
		return true
	})
	return q.Handler.Handle(ctx, out)
}

func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler {
	kept := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		kept[i] = discreet(a)
	}
	return quiet{q.Handler.WithAttrs(kept)}
}

func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.Handler.WithGroup(name)} }

func discreet(a slog.Attr) slog.Attr {
	switch v := a.Value.Any().(type) {
	case packets.Packet:
		return slog.String(a.Key, packets.PacketNames[v.FixedHeader.Type])
	case *packets.Packet:
		return slog.String(a.Key, packets.PacketNames[v.FixedHeader.Type])
	case string, int64, uint64, error:
		return a
	default:
		return slog.String(a.Key, fmt.Sprintf("%T", v))
	}
}

var _ slog.Handler = quiet{}
