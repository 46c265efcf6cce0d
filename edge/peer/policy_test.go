package peer_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"selvage/edge/agent"
	"selvage/edge/peer"
	"selvage/edge/recon"
	"selvage/edge/route"
)

// guard lets in who says the token good, and only those link to count and command value.
type guard struct{}

func (guard) Auth(_ *peer.Conn, claims []byte) (any, []byte, bool) {
	ok := string(claims) == "{token:good}"
	if !ok {
		return nil, nil, false
	}
	return "somebody", []byte("{name:somebody}"), true
}

func (guard) Link(c *peer.Conn, _ route.NodeURI, lane route.LaneName) bool {
	return lane != "count" || c.Identity() == "somebody"
}

func (guard) Command(c *peer.Conn, _ route.NodeURI, lane route.LaneName) bool {
	return lane != "value" || c.Identity() == "somebody"
}

func (c *client) closed(code int, reason string) {
	c.t.Helper()
	_, text, err := c.ws.ReadMessage()
	var closed *websocket.CloseError
	if !errors.As(err, &closed) || closed.Code != code || closed.Text != reason {
		c.t.Errorf("read %q, %v, want close %d %s", text, err, code, reason)
	}
}

func TestPolicy(t *testing.T) {
	s := serve(t, peer.Options{Policy: guard{}}, unit)
	c := s.dial(t, "/")
	c.send(`@sync(node:"/unit/1",lane:count)`, `@sync(node:"/unit/1",lane:value)`)
	c.expect(`@unlinked(node:"/unit/1",lane:count)`,
		`@linked(node:"/unit/1",lane:value)`, `@event(node:"/unit/1",lane:value)`, `@synced(node:"/unit/1",lane:value)`)
	c.send(`@auth{token:good}`, `@sync(node:"/unit/1",lane:count)`, `@command(node:"/unit/1",lane:value) 5`)
	c.expect(`@authed{name:somebody}`, `@linked(node:"/unit/1",lane:count)`, `@event(node:"/unit/1",lane:count) 0`, `@synced(node:"/unit/1",lane:count)`,
		`@event(node:"/unit/1",lane:value) 5`)
	c.send(`@deauth`)
	c.expect(`@deauthed`, `@unlinked(node:"/unit/1",lane:count)`)
	c.send(`@command(node:"/unit/1",lane:value) 6`)
	c.closed(websocket.ClosePolicyViolation, "Forbidden")

	c = s.dial(t, "/")
	c.send(`@auth{token:bad}`)
	c.expect(`@deauthed`)
	c.closed(websocket.ClosePolicyViolation, "Unauthorized")
}

// A refusal comes in order with the answers before it, so that it is what stands in the end.
func TestPolicyOrder(t *testing.T) {
	hold := make(chan struct{})
	s := serve(t, peer.Options{Policy: guard{}}, func(a *agent.Agent) {
		agent.Value(a, "count", 0)
		agent.Command(a, "hold", func(recon.Value) error { <-hold; return nil })
	})
	c := s.dial(t, "/")
	c.send(`@auth{token:good}`, `@command(node:"/unit/1",lane:hold)`, `@link(node:"/unit/1",lane:count)`, `@deauth`, `@sync(node:"/unit/1",lane:count)`)
	c.expect(`@authed{name:somebody}`, `@deauthed`)
	close(hold)
	c.expect(`@unlinked(node:"/unit/1",lane:count)`, `@unlinked(node:"/unit/1",lane:count)`)
	c.send(`@auth{token:good}`, `@sync(node:"/unit/1",lane:count)`)
	c.expect(`@authed{name:somebody}`, `@linked(node:"/unit/1",lane:count)`, `@event(node:"/unit/1",lane:count) 0`, `@synced(node:"/unit/1",lane:count)`)
}

// A stranger may send small messages, and ask for what he does not get a number of times.
func TestStranger(t *testing.T) {
	s := serve(t, peer.Options{Policy: guard{}, Stranger: 4096}, unit)
	long := `@command(node:"/unit/1",lane:echo) ` + strings.Repeat("x", 5000)
	c := s.dial(t, "/")
	c.send(long)
	c.closed(websocket.CloseMessageTooBig, "a message has at most 4096 bytes")

	c = s.dial(t, "/")
	c.send(`@auth{token:good}`)
	c.expect(`@authed{name:somebody}`)
	c.send(long, `@deauth`)
	c.expect(`@deauthed`)
	c.send(long)
	c.closed(websocket.CloseMessageTooBig, "a message has at most 4096 bytes")

	c = s.dial(t, "/")
	for range 100 {
		c.send(`@link(node:"/unit/1",lane:count)`)
		c.expect(`@unlinked(node:"/unit/1",lane:count)`)
	}
	c.send(`@link(node:"/unit/1",lane:count)`)
	c.closed(websocket.ClosePolicyViolation, "Unauthorized")
}

func TestNoPolicy(t *testing.T) {
	s := serve(t, peer.Options{}, unit)
	c := s.dial(t, "/")
	c.send(`@auth{token:any}`, `@deauth`, `@auth`)
	c.expect(`@authed`, `@deauthed`, `@authed`)
}

func TestCompression(t *testing.T) {
	s := serve(t, peer.Options{Compress: true, Limits: peer.Limits{Message: 100_000, Links: 10, Owed: 10}}, unit)
	for _, offer := range []bool{true, false} {
		d := websocket.Dialer{EnableCompression: offer}
		ws, resp, err := d.Dial(s.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer ws.Close()
		if agreed := strings.Contains(resp.Header.Get("Sec-Websocket-Extensions"), "permessage-deflate"); agreed != offer {
			t.Errorf("offered %v, agreed %v", offer, agreed)
		}
		c := &client{t, ws}
		c.send(`@link(node:"/unit/1",lane:echo)`)
		c.expect(`@linked(node:"/unit/1",lane:echo)`)
		for _, n := range []int{1, 1000, 80_000} {
			text := strings.Repeat("x", n)
			c.send(`@command(node:"/unit/1",lane:echo) ` + text)
			c.expect(`@event(node:"/unit/1",lane:echo) ` + text)
		}
		if !offer {
			continue
		}
		c.send(`@command(node:"/unit/1",lane:echo) ` + strings.Repeat("x", 10_000_000)) // some 10 kB on the wire
		_, _, err = ws.ReadMessage()
		if !websocket.IsCloseError(err, websocket.CloseMessageTooBig) {
			t.Errorf("a message that grows over the limit ends with %v, want close 1009", err)
		}
	}

	for params, want := range map[string]bool{
		"": true, "; client_max_window_bits": true, "; server_max_window_bits=15": true, "; server_no_context_takeover": true,
		"; server_max_window_bits=10": false, "; bogus=1": false,
	} {
		r, err := http.NewRequest(http.MethodGet, "http"+strings.TrimPrefix(s.url, "ws"), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{
			"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
			"Sec-Websocket-Extensions": {"permessage-deflate" + params},
		}
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got := resp.Header.Get("Sec-Websocket-Extensions") != ""; got != want {
			t.Errorf("permessage-deflate%s is agreed to: %v, want %v", params, got, want)
		}
	}

	c, err := peer.Dial(t.Context(), s.url, peer.Options{Compress: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(websocket.CloseNormalClosure, "")
	f := newFollower()
	if _, err := c.Follow("/unit/1", "echo", false, f); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("y", 5000)
	if err := c.Command("/unit/1", "echo", []byte(long)); err != nil {
		t.Fatal(err)
	}
	if got := <-f.events; got != long {
		t.Errorf("an event of %d bytes came back, want %d", len(got), len(long))
	}
}
