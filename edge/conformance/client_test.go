package conformance_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// client is a WebSocket that knows nothing of WARP but the barrier.
type client struct {
	ws   *websocket.Conn
	path string // of its upgrade request
	read sync.WaitGroup

	mu     sync.Mutex
	news   sync.Cond
	got    []string // what came since the last take, the barrier's own answers apart
	synced int      // barriers answered
	pings  int
	ended  bool
	paused bool // reads nothing
}

// The barrier is a lane that no session uses.
const (
	barrier       = `(node:"/unit/barrier",lane:echo)`
	barrierSync   = "@sync" + barrier
	barrierSynced = "@synced" + barrier
)

func (w *world) client(t *testing.T, path string, deflate bool) (*client, *http.Response) {
	t.Helper()
	d := websocket.Dialer{
		HandshakeTimeout:  patience,
		EnableCompression: deflate,
		NetDialContext:    func(ctx context.Context, _, _ string) (net.Conn, error) { return w.dial(ctx) },
	}
	ws, resp, err := d.Dial("ws://127.0.0.1"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{ws: ws, path: path}
	c.news.L = &c.mu
	ws.SetPingHandler(func(payload string) error {
		c.mu.Lock()
		c.pings++
		c.mu.Unlock()
		return ws.WriteControl(websocket.PongMessage, []byte(payload), time.Now().Add(patience))
	})
	ws.SetPongHandler(func(payload string) error { c.heard("pong " + payload); return nil })
	ws.SetCloseHandler(func(int, string) error { return nil })
	c.read.Go(c.pump)
	t.Cleanup(func() { c.abort(); c.pause(false); c.read.Wait() })
	return c, resp
}

// abort drops the connection without a word.
func (c *client) abort() { c.ws.NetConn().Close() }

// pause has the client read nothing more, but the message that it may be waiting for.
func (c *client) pause(paused bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.paused = paused
	c.news.Broadcast()
}

func (c *client) pump() {
	for {
		c.mu.Lock()
		for c.paused {
			c.news.Wait()
		}
		c.mu.Unlock()
		kind, text, err := c.ws.ReadMessage()
		if err != nil {
			c.end(err)
			return
		}
		if kind != websocket.TextMessage {
			c.heard(fmt.Sprintf("a message of kind %d", kind))
		}
		c.heard(string(text))
	}
}

// end notes how the connection ended, as the sessions write it: 1006 stands for no close frame.
func (c *client) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	c.news.Broadcast()
	var closed *websocket.CloseError
	var late net.Error
	switch {
	case errors.As(err, &closed) && closed.Code == websocket.CloseNoStatusReceived:
		c.got = append(c.got, "close 1005")
	case errors.As(err, &closed):
		c.got = append(c.got, strings.TrimSpace(fmt.Sprintf("close %d %s", closed.Code, closed.Text)))
	case errors.As(err, &late) && late.Timeout():
		c.got = append(c.got, "no answer")
	default:
		c.got = append(c.got, "close 1006")
	}
}

func (c *client) heard(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.news.Broadcast()
	switch {
	case text == barrierSynced:
		c.synced++
	case !strings.Contains(text, barrier):
		c.got = append(c.got, hideKeys(text))
	}
}

var madeKey = regexp.MustCompile(`,key:%[A-Za-z0-9+/]{8}\)`)

// hideKeys takes out the keys of list elements that the host made, which are any.
func hideKeys(text string) string {
	if strings.Contains(text, ",lane:list)") {
		return madeKey.ReplaceAllString(text, ",key:%…)")
	}
	return text
}

// send sends one message. What cannot be sent any more is lost, as it is to any client.
func (c *client) send(kind int, text []byte) { c.ws.WriteMessage(kind, text) }

// sync returns once the host has read all that was sent here, and what it had to say before that
// has come. more tells whether anything has come since the last call.
func (c *client) sync(seen *int) (more bool) {
	c.mu.Lock()
	before, ended := c.synced, c.ended
	c.mu.Unlock()
	if !ended {
		c.send(websocket.TextMessage, []byte(barrierSync))
	}
	c.wait(func() bool { return c.synced > before })
	c.mu.Lock()
	defer c.mu.Unlock()
	more = len(c.got) != *seen
	*seen = len(c.got)
	return more
}

// wait returns once done is true or the connection has ended.
func (c *client) wait(done func() bool) {
	c.ws.SetReadDeadline(time.Now().Add(patience))
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.ended && !done() {
		c.news.Wait()
	}
	c.ws.SetReadDeadline(time.Time{})
}

// take returns what has come since the last call.
func (c *client) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	got := c.got
	c.got = nil
	return got
}

func (c *client) isOver() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended
}
