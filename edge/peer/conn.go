// Package peer is one WebSocket to a WARP host, dialled or accepted. It is symmetric: whoever
// dialled, either end may link to the other's lanes and send it commands.
package peer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"

	"selvage/edge/route"
	"selvage/edge/warp"
)

// Protocol is the WebSocket subprotocol of WARP.
const Protocol = "warp0"

// pingEvery is well below the 90 s after which a SwimOS server drops a quiet connection, and
// below what home routers keep a silent NAT entry for. A connection that was silent for two of
// them is dead.
const pingEvery = 25 * time.Second

// Limits bound what the other end can make this one hold.
type Limits struct {
	Message int64 // bytes in one message
	Links   int   // links on one connection
	Owed    int   // answers not yet taken, a body counting as several; behind them nothing more is read
}

// DefaultLimits are for strangers: links and messages as large as anybody has been seen to need.
var DefaultLimits = Limits{Message: 1<<20 + 64<<10, Links: 65536, Owed: 8192}

const lingerTime = 250 * time.Millisecond

// Server answers the other end's links and commands. Its methods are called by the connection's
// reading goroutine: as long as they wait, nothing more is read.
type Server interface {
	// Command delivers a command that came by c; body is only valid during the call.
	Command(c *Conn, node route.NodeURI, lane route.LaneName, body []byte)
	// Request has link's lane answer a link, sync or unlink, in order with the commands sent before it.
	// An Unlinked stands for a request that policy has refused, and asks for that answer alone.
	Request(link *Link, e *warp.Envelope)
}

// Conn is one connection to a WARP host.
type Conn struct {
	net      net.Conn
	in       reader
	server   Server
	policy   Policy
	limits   Limits
	base     string // path of the upgrade request, against which node URIs are resolved
	mask     bool   // a client masks its frames
	deflate  bool   // messages are compressed
	dropped  func(*Link, uint64)
	deauthed func()

	stranger int64               // bytes in one message while identity is nil
	refused  int                 // links, while it was
	identity atomic.Pointer[any] // of the other end

	ctx    context.Context // ends with the connection
	cancel context.CancelFunc

	names  spellings
	parted atomic.Bool // a close frame was sent

	quiet int // ticks of ping at which nothing had been heard
	ping  *time.Timer

	mu    sync.Mutex // guards links and what is in them, and downlinks
	links map[target]*Link
	owed  int
	named int       // bytes of the links' names
	deaf  bool      // the other end takes nothing any more
	room  sync.Cond // owed went down, or there is no hope of it
	down  map[target]*Downlink
	ended error

	queue writeQueue

	done chan struct{} // closed when the reading goroutine has ended
}

// target is what a link is about. A lane spelled in two ways makes two links, as in SwimOS.
type target struct {
	node route.NodeURI
	lane string
}

// newConn makes a connection over a socket on which the handshake is over. first is what has been
// read from it since.
func newConn(over net.Conn, first []byte, base string, o Options) *Conn {
	if o.Limits == (Limits{}) {
		o.Limits = DefaultLimits
	}
	c := &Conn{
		net: over, server: o.Server, policy: o.Policy, limits: o.Limits, base: base, deflate: o.Compress, dropped: o.Dropped, deauthed: o.Deauthed,
		links: map[target]*Link{}, down: map[target]*Downlink{}, done: make(chan struct{}),
	}
	c.stranger = cmp.Or(o.Stranger, o.Limits.Message)
	c.in = reader{net: over, raw: rawSocket(over), masked: true, deflate: o.Compress, limit: c.stranger, buf: first, end: len(first)}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.room.L = &c.mu
	c.ping = time.AfterFunc(pingEvery, c.keepAlive)
	return c
}

// Context ends with the connection.
func (c *Conn) Context() context.Context { return c.ctx }

// RemoteAddr returns the other end's address.
func (c *Conn) RemoteAddr() string { return c.net.RemoteAddr().String() }

// Serve reads until the connection ends and returns why; nil after a normal close.
func (c *Conn) Serve() error {
	err := c.read()
	c.end(err)
	c.mu.Lock()
	down := c.down
	c.down = nil
	c.mu.Unlock()
	for _, d := range down {
		d.to.Ended(c.ended)
	}
	close(c.done)
	if websocket.IsCloseError(err, websocket.CloseNormalClosure, websocket.CloseGoingAway, websocket.CloseNoStatusReceived) {
		return nil
	}
	return err
}

// Close ends the connection with a close frame that carries code and reason, and waits for its goroutines.
func (c *Conn) Close(code int, reason string) {
	c.HangUp(code, reason)
	<-c.done
	c.queue.flushes.Wait()
}

// HangUp is Close without the wait.
func (c *Conn) HangUp(code int, reason string) {
	c.bye(code, reason)
	c.end(net.ErrClosed)
}

// bye sends a close frame, unless the other end takes nothing. There is one from each end (RFC 6455, 5.5.1).
func (c *Conn) bye(code int, reason string) {
	if c.parted.Swap(true) {
		return
	}
	c.net.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
	c.net.Write(appendFrame(nil, websocket.CloseMessage, closeBody(code, reason), c.mask))
}

func closeBody(code int, reason string) []byte {
	return websocket.FormatCloseMessage(code, strings.ToValidUTF8(reason[:min(len(reason), 123)], "")) // RFC 6455, 5.5
}

// end gives up the socket and everything that goes through it. It may be called twice.
func (c *Conn) end(err error) {
	c.mu.Lock()
	if c.ended == nil {
		c.ended = cmp.Or(err, net.ErrClosed)
	}
	links := c.links
	c.links = nil
	missed := map[*Link]uint64{}
	for _, l := range links {
		l.up.Close()
		l.throttle(0)
		if n := l.missed(true); n > 0 {
			missed[l] = n
		}
	}
	c.room.Broadcast()
	c.mu.Unlock()
	for l, n := range missed {
		l.tell(n)
	}
	c.queue.close()
	c.cancel()
	c.ping.Stop()
	c.net.Close()
}

func (c *Conn) keepAlive() {
	if c.in.heard.Swap(false) || !c.in.waiting.Load() {
		c.quiet = 0
	} else if c.quiet++; c.quiet == 2 {
		c.end(fmt.Errorf("nothing heard for %v, not even the answer to a ping", 2*pingEvery))
		return
	}
	c.beat(websocket.PingMessage, nil)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended == nil {
		c.ping.Reset(pingEvery)
	}
}

func (c *Conn) read() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic while reading: %v\n%s", p, debug.Stack()) // ends this connection, not the host
		}
		c.in.release()
	}()
	for c.ctx.Err() == nil { // what is read already has no turn once the connection is over
		op, payload, err := c.in.next()
		if err == nil {
			err = c.receive(op, payload)
		} else if _, ours := err.(*violation); !ours {
			return err
		}
		if closed := (*websocket.CloseError)(nil); errors.As(err, &closed) {
			c.bye(websocket.CloseNormalClosure, "")
			return err
		}
		if err != nil {
			return c.refuse(err)
		}
	}
	return c.ctx.Err()
}

// refuse closes the connection over what the other end sent.
func (c *Conn) refuse(err error) error {
	v := &violation{websocket.ClosePolicyViolation, err.Error()}
	errors.As(err, &v)
	c.bye(v.code, v.reason)
	// A socket that is closed with something unread is reset, and the close frame may be lost.
	if half, ok := c.net.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		c.net.SetReadDeadline(time.Now().Add(lingerTime))
		io.CopyN(io.Discard, c.net, c.limits.Message)
	}
	return err
}

// receive handles a message or a control frame. An error ends the connection.
func (c *Conn) receive(op int, payload []byte) error {
	switch op {
	case websocket.PingMessage:
		c.beat(websocket.PongMessage, payload)
		return nil
	case websocket.PongMessage:
		return nil
	case websocket.CloseMessage:
		return closed(payload)
	}
	if !utf8.Valid(payload) {
		return &violation{websocket.CloseInvalidFramePayloadData, "a message that is not UTF-8"} // RFC 6455, 8.1
	}
	var e warp.Envelope
	if err := warp.Scan(payload, &e); err != nil {
		return err
	}
	switch e.Tag {
	case warp.Command:
		return c.command(&e)
	case warp.Link, warp.Sync, warp.Unlink:
		return c.request(&e)
	case warp.Event, warp.Linked, warp.Synced, warp.Unlinked:
		return c.downward(&e)
	case warp.Auth:
		return c.auth(e.Body)
	case warp.Deauth:
		return c.deauth()
	}
	return nil
}

func (c *Conn) command(e *warp.Envelope) error {
	if c.server == nil {
		return nil
	}
	node, lane, err := c.names.resolve(c.base, e.Node, e.Lane)
	if err != nil {
		return err
	}
	if c.policy != nil && !c.policy.Command(c, node.key, lane.key) {
		return errForbidden
	}
	c.server.Command(c, node.key, lane.key, e.Body)
	return nil
}

// Command sends a command. It waits while the other end takes nothing.
func (c *Conn) Command(node, lane string, body []byte) error {
	return c.write(warp.AppendBody(warp.AppendHead(nil, warp.Command, node, lane, 0, 0), body))
}

func (c *Conn) write(text []byte) error {
	c.mu.Lock()
	ended := c.ended
	c.mu.Unlock()
	if ended != nil {
		return ended
	}
	_, err := c.net.Write(c.appendText(nil, text))
	return err
}

// Wait returns when the connection has ended, or ctx has.
func (c *Conn) Wait(ctx context.Context) error {
	select {
	case <-c.done:
		return c.ended
	case <-ctx.Done():
		return ctx.Err()
	}
}
