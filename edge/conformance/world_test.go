package conformance_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"testing"
	"time"

	"selvage/edge/agent"
	"selvage/edge/clock"
	"selvage/edge/conformance"
	"selvage/edge/health"
	"selvage/edge/host"
	"selvage/edge/leaktest"
	"selvage/edge/meta"
	"selvage/edge/peer"
	"selvage/edge/route"
	"selvage/edge/web"
)

// world is a host that runs the application behind one listener.
type world struct {
	*host.Host
	dial   func(ctx context.Context) (net.Conn, error)
	server *web.Server
}

// listeners has what tells the three apart.
var listeners = map[string]peer.Options{
	"plain":   {},
	"deflate": {Compress: true},
	"guarded": {Policy: guard{}},
}

// serve starts a world on a loopback socket. It ends with the test, and everything it has started.
func serve(t *testing.T, o peer.Options) *world {
	t.Helper()
	return serveWith(t, o, anyUnit)
}

func serveWith(t *testing.T, o peer.Options, agents func(*host.Host) error) *world {
	t.Helper()
	leaktest.Check(t)
	l, err := web.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	w := start(t, l, o, agents)
	w.dial = func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}
	return w
}

// anyUnit has an agent of the application made on the first touch of any /unit/:id.
func anyUnit(h *host.Host) error {
	units, err := route.ParsePattern("/unit/:id")
	if err != nil {
		return err
	}
	return errors.Join(anyAgg(h), h.Route(units, agent.NewKind("unit", struct{}{}, unit), nil, nil))
}

func start(t *testing.T, l *web.Listener, o peer.Options, agents func(*host.Host) error) *world {
	t.Helper()
	h := host.New(host.Options{Name: "unit", Clock: clock.System(), Health: health.NewBoard(), Log: slog.New(slog.DiscardHandler)})
	err := agents(h)
	if err == nil {
		err = meta.Add(h, meta.Info{Name: "unit"})
	}
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Host: h, server: web.Start(l, web.Options{Host: h, Peer: o, Log: h.Log})}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := w.server.Stop(ctx); err != nil {
			t.Error(err)
		}
		if err := h.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return w
}

// patience bounds what is waited for. It is spent only where something is wrong.
const patience = 10 * time.Second

func session(t *testing.T, name string) conformance.Session {
	t.Helper()
	for _, s := range conformance.Sessions(t) {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("there is no session %s", name)
	return conformance.Session{}
}
