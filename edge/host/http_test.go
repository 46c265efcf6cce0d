package host

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"selvage/edge/agent"
	"selvage/edge/leaktest"
	"selvage/edge/route"
)

// What an HTTP request changed is on flash when it is answered.
func TestHTTPIsStored(t *testing.T) {
	leaktest.Check(t)
	setup := func(a *agent.Agent) {
		sum := agent.Value(a, "sum", 0)
		agent.HTTP(a, "add", agent.Handlers{Post: func(r *agent.Request) (any, error) {
			sum.Set(sum.Get() + len(r.Raw))
			return sum.Get(), nil
		}})
	}
	s := openStore(t, t.TempDir())
	h := newHost(t, s)
	add(t, h, "/a", setup)
	reply, err := h.HTTP(t.Context(), "/a", "add", &agent.Request{Method: "POST", Raw: []byte("four")})
	if err != nil || string(reply.Body) != "4" {
		t.Fatalf("HTTP = %v, %v", reply, err)
	}
	if kept, err := s.Load("/a"); err != nil || len(kept) != 1 || string(kept[0].Value) != "4" {
		t.Errorf("behind the answer the store has %v, %v, want sum 4", kept, err)
	}
	stop(t, h)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// A panic in a handler is its agent's alone: the request fails, the agent starts again with what it stored.
func TestHTTPPanic(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, nil)
		p, err := route.ParsePattern("/room/:id")
		if err != nil {
			t.Fatal(err)
		}
		err = h.Route(p, kind(func(a *agent.Agent) {
			n := agent.Value(a, "n", 0)
			agent.HTTP(a, "door", agent.Handlers{
				Get: func(*agent.Request) (any, error) { return n.Get(), nil },
				Post: func(*agent.Request) (any, error) {
					n.Set(n.Get() + 1)
					if n.Get() > 1 {
						panic("slammed")
					}
					return nil, nil
				},
			})
		}), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if h.IsHTTP(ctx, "/room/1", "n") || !h.IsHTTP(ctx, "/room/2", "door") || h.IsHTTP(ctx, "/room", "door") {
			t.Error("IsHTTP takes lanes for what they are not")
		}
		if _, err := h.HTTP(ctx, "/room/1", "door", &agent.Request{Method: "POST"}); err != nil {
			t.Fatal(err)
		}
		_, err = h.HTTP(ctx, "/room/1", "door", &agent.Request{Method: "POST"})
		if p := (*agent.Panicked)(nil); !errors.As(err, &p) || p.Cause != "slammed" {
			t.Errorf("a request whose handler panics = %v", err)
		}
		reply, err := h.HTTP(ctx, "/room/1", "door", &agent.Request{Method: "GET"})
		if err != nil || string(reply.Body) != "1" {
			t.Errorf("after the restart: %v, %v, want 1", reply, err)
		}
		stop(t, h)
	})
}
