package meta

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/gorilla/websocket"

	"selvage/edge/host"
	"selvage/edge/peer"
)

// talk is a connection to a host, over a pipe.
type talk struct {
	t  *testing.T
	ws *websocket.Conn

	mu  sync.Mutex
	got []string
}

func dial(t *testing.T, h *host.Host) *talk {
	t.Helper()
	here, there := net.Pipe()
	l := &single{conn: there, closed: make(chan struct{})}
	var served sync.WaitGroup
	s := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := peer.Upgrade(w, r, nil, peer.Options{Server: h})
		if err != nil {
			t.Error(err)
			return
		}
		conn.Serve()
	})}
	served.Go(func() { s.Serve(l) })
	d := websocket.Dialer{NetDialContext: func(context.Context, string, string) (net.Conn, error) { return here, nil }}
	ws, _, err := d.Dial("ws://host/", nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &talk{t: t, ws: ws}
	served.Go(func() {
		for {
			_, text, err := ws.ReadMessage()
			if err != nil {
				return
			}
			c.mu.Lock()
			c.got = append(c.got, string(text))
			c.mu.Unlock()
		}
	})
	t.Cleanup(func() {
		c.close()
		s.Close()
		served.Wait()
	})
	return c
}

func (c *talk) close() { c.ws.NetConn().Close() }

func (c *talk) send(frames ...string) {
	for _, f := range frames {
		if err := c.ws.WriteMessage(websocket.TextMessage, []byte(f)); err != nil {
			c.t.Fatal(err)
		}
	}
}

// take returns what came until nothing more could come.
func (c *talk) take() []string {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	got := c.got
	c.got = nil
	return got
}

func address(tag, node, lane string) string {
	if strings.ContainsAny(node, ":/") {
		node = `"` + node + `"`
	}
	return fmt.Sprintf("@%s(node:%s,lane:%s)", tag, node, lane)
}

func (c *talk) expect(want ...string) {
	c.t.Helper()
	if got := c.take(); !slices.Equal(got, want) {
		c.t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func (c *talk) nothing() { c.t.Helper(); c.expect() }

// sync links to a lane, which is to hold this.
func (c *talk) sync(node, lane string, bodies ...string) {
	c.t.Helper()
	c.send(address("sync", node, lane))
	c.expect(slices.Concat([]string{address("linked", node, lane)}, events(node, lane, bodies), []string{address("synced", node, lane)})...)
}

func (c *talk) link(node, lane string) {
	c.t.Helper()
	c.send(address("link", node, lane))
	c.expect(address("linked", node, lane))
}

func (c *talk) unlink(node, lane string) {
	c.t.Helper()
	c.send(address("unlink", node, lane))
	c.expect(address("unlinked", node, lane))
}

func (c *talk) event(node, lane string, bodies ...string) {
	c.t.Helper()
	c.expect(events(node, lane, bodies)...)
}

func events(node, lane string, bodies []string) (frames []string) {
	for _, b := range bodies {
		frames = append(frames, address("event", node, lane)+b)
	}
	return frames
}

// views checks how many views there are.
func views(t *testing.T, h *host.Host, want int) {
	t.Helper()
	synctest.Wait()
	got := 0
	for a := range h.Nodes() {
		if strings.HasPrefix(string(a.URI()), scheme) {
			got++
		}
	}
	if got != want {
		t.Errorf("there are %d views, want %d", got, want)
	}
}

// single is a listener for one connection.
type single struct {
	conn   net.Conn
	closed chan struct{}
	once   sync.Once
	taken  bool
}

func (s *single) Accept() (net.Conn, error) {
	if !s.taken {
		s.taken = true
		return s.conn, nil
	}
	<-s.closed
	return nil, net.ErrClosed
}

func (s *single) Close() error   { s.once.Do(func() { close(s.closed) }); return nil }
func (s *single) Addr() net.Addr { return &net.TCPAddr{} }
