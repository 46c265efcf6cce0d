package peer_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

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
