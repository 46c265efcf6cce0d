package cli

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/websocket"

	"selvage/edge/agent"
	"selvage/edge/clock"
	"selvage/edge/health"
	"selvage/edge/host"
	"selvage/edge/leaktest"
	"selvage/edge/peer"
)

// plainHost is a WARP host that is no Selvage as far as HTTP tells: it answers nothing but WARP.
func plainHost(t *testing.T) (url string) {
	t.Helper()
	leaktest.Check(t)
	h := host.New(host.Options{Clock: clock.System(), Health: health.NewBoard(), Log: slog.New(slog.DiscardHandler)})
	_, err := h.Add("/box", host.Agents, agent.NewKind("box", struct{}{}, func(a *agent.Agent, _ struct{}) error {
		agent.Value(a, "level", 1.5)
		return nil
	}), nil)
	if err != nil {
		t.Fatal(err)
	}
	return serveWARP(t, h)
}

// serveWARP serves a host on loopback, and stops it when the test is over.
func serveWARP(t *testing.T, h *host.Host) (url string) {
	t.Helper()
	var serving sync.WaitGroup
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !websocket.IsWebSocketUpgrade(r) {
			http.NotFound(w, r)
			return
		}
		c, err := peer.Upgrade(w, r, nil, peer.Options{Server: h})
		if err != nil {
			t.Error(err)
			return
		}
		serving.Go(func() { c.Serve(); c.Close(closeNormal, "") })
	}))
	t.Cleanup(func() {
		s.Close()
		serving.Wait()
		if err := h.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return "warp" + strings.TrimPrefix(s.URL, "http")
}

// Against any other WARP host, set is a command and a barrier.
func TestSetOverWARP(t *testing.T) {
	url := plainHost(t)
	tests := []struct {
		args []string
		code int
		out  string
		err  string // the beginning
	}{
		{args: []string{"get", "/box", "level"}, out: "1.5\n"},
		{args: []string{"set", "/box", "level", "-7"}},
		{args: []string{"get", "/box", "level"}, out: "-7\n"},
		{args: []string{"set", "/box", "level", "8", "--durable"}, code: 1, err: "selvage: not set: " + url + " is no Selvage host, and WARP does not say when a value is on disk\n"},
		{args: []string{"get", "/box", "level"}, out: "-7\n"},
		{args: []string{"set", "/box", "none", "7"}, code: 1, err: "selvage: agent /box has no lane none\n"},
		{args: []string{"set", "/none", "level", "7"}, code: 1, err: "selvage: there is no agent /none\n"},
		{args: []string{"ls"}, code: 1, err: "selvage: there is no agent swim:meta:host\n"},
	}
	for _, tt := range tests {
		var out, errs bytes.Buffer
		code := Main(append(tt.args, "--host", url), &out, &errs)
		if code != tt.code || out.String() != tt.out || !strings.HasPrefix(errs.String(), tt.err) {
			t.Errorf("selvage %s: exit %d, %q, %q; want %d, %q, %q", strings.Join(tt.args, " "), code, out.String(), errs.String(), tt.code, tt.out, tt.err)
		}
	}
}
