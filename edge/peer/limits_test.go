package peer_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"selvage/edge/agent"
	"selvage/edge/host"
	"selvage/edge/peer"
)

// Names and bodies that would be kept are bounded in bytes, not only in number.
func TestNameAndBodyLimits(t *testing.T) {
	s := serve(t, peer.Options{}, unit)
	long := strings.Repeat("x", 5000)
	for _, frame := range []string{
		`@command(node:"/` + long + `",lane:value) 1`,
		`@command(node:"/unit/1",lane:` + long + `) 1`,
		`@link(node:"/unit/1",lane:value) ` + long,
	} {
		c := s.dial(t, "/")
		c.send(frame)
		if _, _, err := c.ws.ReadMessage(); !websocket.IsCloseError(err, websocket.ClosePolicyViolation) || !strings.Contains(err.Error(), "at most") {
			t.Errorf("%.60s… ends with %v, want a close that names the limit", frame, err)
		}
	}
}

// A close reason is valid UTF-8 wherever it is cut.
func TestCloseReason(t *testing.T) {
	s := serve(t, peer.Options{}, unit)
	for pad := range 4 {
		c := s.dial(t, "/")
		c.send(fmt.Sprintf(`@link(node:"/%%zz%s%s",lane:x)`, strings.Repeat("x", pad), strings.Repeat("é€", 60)))
		if _, _, err := c.ws.ReadMessage(); !websocket.IsCloseError(err, websocket.ClosePolicyViolation) {
			t.Errorf("with %d bytes before it: %v, want close 1008", pad, err)
		}
	}
}

// A client that asks much, reads nothing and is reset takes nothing with it.
func TestDeafClientIsForgotten(t *testing.T) {
	s := serve(t, peer.Options{Limits: peer.Limits{Message: 10_000, Links: 10, Owed: 1000}}, unit)
	ws := s.dial(t, "/").ws
	request := []byte(`@link(node:"/unit/1",lane:value) "` + strings.Repeat("x", 4000) + `"`)
	ws.WriteMessage(websocket.TextMessage, request)
	for {
		ws.SetWriteDeadline(time.Now().Add(time.Second)) // until nothing more is read
		if err := ws.WriteMessage(websocket.TextMessage, request); err != nil {
			break
		}
	}
	ws.NetConn().(*net.TCPConn).SetLinger(0) // a reset
	ws.Close()
	s.mu.Lock()
	c := s.conns[0]
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if c.Wait(ctx); ctx.Err() != nil {
		t.Error("the connection is still there")
	}
}

// The names of links are bounded in bytes, however many links there may be.
func TestLinkNames(t *testing.T) {
	s := serve(t, peer.Options{}, unit)
	c := s.dial(t, "/")
	go func() {
		for i := range 5000 {
			if c.ws.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `@link(node:"/unit/1",lane:"value?%d%s")`, i, strings.Repeat("x", 2000))) != nil {
				return
			}
		}
	}()
	for {
		if _, _, err := c.ws.ReadMessage(); err != nil {
			if !websocket.IsCloseError(err, websocket.ClosePolicyViolation) || !strings.Contains(err.Error(), "bytes of names") {
				t.Errorf("the connection ends with %v", err)
			}
			return
		}
	}
}

// Commands that were read but not delivered when their connection ends are not waited for.
func TestCloseWithFullMailbox(t *testing.T) {
	hold := make(chan struct{})
	s := serve(t, peer.Options{}, func(a *agent.Agent) {
		agent.Command(a, "go", func(string) error { <-hold; return nil })
	})
	defer close(hold)
	c := s.dial(t, "/")
	for range 10_000 { // more than two mailboxes take
		c.send(`@command(node:"/unit/1",lane:go) x`)
	}
	for { // a sender of our own is refused once the mailbox is full
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Do(ctx, "/unit/1", "go", []byte("x")); errors.Is(err, host.ErrFull) {
			break
		}
	}
	s.mu.Lock()
	conn := s.conns[0]
	s.mu.Unlock()
	conn.Close(websocket.CloseGoingAway, "")
	if n := s.Health.Count("command.dropped"); n > 3 {
		t.Errorf("%d commands had their wait after the connection was over", n)
	}
}
