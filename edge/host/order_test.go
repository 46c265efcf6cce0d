package host

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"selvage/edge/agent"
	"selvage/edge/leaktest"
	"selvage/edge/peer"
	"selvage/edge/recon"
	"selvage/edge/warp"
)

// On one connection nothing of a turn comes behind anything of a later turn, whatever lanes turns set and
// however the reader lags. The last state of each lane comes in the end, and of each event lane all events.
func TestTurnsInOrder(t *testing.T) {
	leaktest.Check(t)
	h := newHost(t, nil)
	defer stop(t, h)
	lanes := []string{"a", "b", "c", "m", "s"}
	turns, said := 0, 0
	add(t, h, "/x", func(a *agent.Agent) {
		values := []*agent.ValueLane[int]{agent.Value(a, "a", 0), agent.Value(a, "b", 0), agent.Value(a, "c", 0)}
		m := agent.Map[int, int](a, "m")
		s := agent.Supply[int](a, "s")
		agent.Command(a, "turn", func(which int) error {
			turns++
			for i, v := range values {
				if which&(1<<i) != 0 {
					v.Set(turns)
				}
			}
			if which&8 != 0 {
				m.Set(turns%3, turns)
			}
			if which&16 != 0 {
				s.Push(turns)
				said++
			}
			return nil
		})
	})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := peer.Upgrade(w, r, nil, peer.Options{Server: h}); err == nil {
			c.Serve()
		}
	}))
	defer server.Close()
	ws, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(server.URL, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	ws.SetReadDeadline(time.Now().Add(time.Minute))
	next := func() (e warp.Envelope) {
		_, text, err := ws.ReadMessage()
		if err == nil {
			err = warp.Scan(text, &e)
		}
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	for _, lane := range lanes {
		ws.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `@link(node:"/x",lane:%s)`, lane))
		if e := next(); e.Tag != warp.Linked {
			t.Fatalf("link to %s: %v", lane, e.Tag)
		}
	}

	const rounds = 20_000
	sent := make(chan error, 1)
	go func() {
		random := rand.New(rand.NewPCG(1, 2))
		for range rounds - 1 {
			h.take(t.Context(), "/x", "turn", fmt.Append(nil, 1+random.IntN(31)))
		}
		sent <- h.Do(t.Context(), "/x", "turn", []byte("31")) // sets all lanes
	}()
	newest, heard := 0, 0
	for there := map[string]bool{}; len(there) < len(lanes); {
		e := next()
		v, err := recon.Parse(e.Body)
		if err != nil {
			t.Fatal(err)
		}
		if string(e.Lane) == "m" {
			v = v.Body()
		}
		n, _ := v.Int()
		turn := int(n)
		if turn < newest {
			t.Fatalf("lane %s tells of turn %d behind one that told of turn %d", e.Lane, turn, newest)
		}
		newest = turn
		if string(e.Lane) == "s" {
			heard++
		}
		if turn == rounds {
			there[string(e.Lane)] = true
		}
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	if heard != said {
		t.Errorf("%d of %d pushed values came", heard, said)
	}
}
