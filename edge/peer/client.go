package peer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"selvage/edge/route"
	"selvage/edge/warp"
)

// What a Client keeps for a host that is away, or takes commands more slowly than they come. The
// number is that of SwimOS clients; it does not bind while there is a connection, or a burst that
// the connection takes in a moment would be refused.
const (
	maxWaiting      = 1024    // commands
	maxWaitingBytes = 1 << 20 // of their text, each with waitingSize more
	waitingSize     = 64
)

// What a command or link ends with that a Client does not take.
var (
	ErrBufferFull   = errors.New("too many commands wait for it")
	ErrClientClosed = errors.New("the client is closed")
)

// State says how a Client is connected.
type State string

// The states of a Client.
const (
	Idle       State = "idle"       // nobody needs a connection
	Connecting State = "connecting" // somebody does, and there was none yet
	Connected  State = "connected"
	Lost       State = "lost" // there was one
)

// ClientStatus is how a Client is at one moment.
type ClientStatus struct {
	State   State
	Since   time.Time // of the state
	Links   int
	Waiting int   // commands that are not sent yet
	Dropped int64 // commands that were refused, or perhaps lost with a connection
	Err     error // why there is no connection, or was none the last time
}

// Listener is told what comes down a link of a Client. Its calls never overlap. As long as one
// waits, nothing more is read from the host.
type Listener interface {
	Follower // Ended comes with an *Unlinked: the host ended or refused the link, which is not tried again

	// Lost says that the connection has ended. The link is asked for anew with the next one, and what
	// the host sends up to the next Synced is the lane's whole state.
	Lost(err error)
}

// ClientOptions say whom a Client connects to. Only Host is needed.
type ClientOptions struct {
	Host   string // as Address takes it
	Claims []byte // Recon text, with which each connection authenticates first; none if empty
	Peer   Options
	News   func() // called after each change of state; it must not block, nor call Close
}

// Client is a standing connection to one host. It connects when there are links or commands, connects
// again when the connection is lost, and hangs up when nobody has needed it for a while. A new
// connection begins with a sync of each link, then come the commands that have waited.
//
// No command is sent twice: one that was being written when the connection ended may be lost.
type Client struct {
	ClientOptions
	base string // against which the host resolves node URIs
	dial func(context.Context) (*Conn, error)

	ctx    context.Context
	cancel context.CancelFunc
	runs   sync.WaitGroup // the goroutine that keeps the connection, while it is needed
	look   chan struct{}  // has that goroutine look again

	mu      sync.Mutex
	running bool
	closing bool
	over    bool // while closing: the host cannot be reached
	hurry   bool // somebody does not want to wait for the end of the pause
	links   map[target]*ClientLink
	out     []outgoing // oldest first
	waiting int        // commands in out
	bytes   int        // what they cost
	used    time.Time  // by the last link or command
	session *session   // nil while there is no connection

	state   State
	since   time.Time
	dropped int64
	err     error
}

// outgoing is an envelope that has to be sent.
type outgoing struct {
	text    []byte
	command bool
}

// NewClient makes a client that does not connect yet. Close ends it.
func NewClient(o ClientOptions) (*Client, error) {
	u, err := Address(o.Host)
	if err != nil {
		return nil, err
	}
	c := &Client{
		ClientOptions: o, base: u.Path, look: make(chan struct{}, 1),
		links: map[target]*ClientLink{}, state: Idle, since: time.Now(),
	}
	c.dial = func(ctx context.Context) (*Conn, error) { return Dial(ctx, o.Host, o.Peer) }
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c, nil
}

// Status returns how the client is now.
func (c *Client) Status() ClientStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	return ClientStatus{State: c.state, Since: c.since, Links: len(c.links), Waiting: c.waiting, Dropped: c.dropped, Err: c.err}
}

// Command sends a command, or keeps it until there is a connection. It never waits.
func (c *Client) Command(node, lane string, body []byte) error {
	_, node, lane, err := c.spell(node, lane)
	if err != nil {
		return err
	}
	text := warp.AppendBody(warp.AppendHead(nil, warp.Command, node, lane, 0, 0), body)
	c.mu.Lock()
	defer c.mu.Unlock()
	size := len(text) + waitingSize
	switch {
	case c.closing:
		return ErrClientClosed
	case c.waiting > 0 && (c.bytes+size > maxWaitingBytes || c.session == nil && c.waiting >= maxWaiting):
		c.dropped++
		return fmt.Errorf("%s: %w: %d of %d bytes", c.Host, ErrBufferFull, c.waiting, c.bytes)
	}
	c.waiting++
	c.bytes += size
	c.used = time.Now()
	c.send(outgoing{text, true})
	c.need()
	return nil
}

func (c *Client) spell(node, lane string) (t target, nodeSpelling, laneSpelling string, err error) {
	key, nodeSpelling, err := route.Node(c.base, node)
	if err != nil {
		return t, "", "", err
	}
	_, laneSpelling, err = route.Lane(lane)
	return target{key, laneSpelling}, nodeSpelling, laneSpelling, err
}

// send puts o behind what is to be sent already.
func (c *Client) send(o outgoing) {
	c.out = append(c.out, o)
	if c.session != nil {
		c.session.push.Wake()
	}
}

// need sees to it that there will be a connection.
func (c *Client) need() {
	switch {
	case !c.running:
		c.running = true
		c.runs.Go(c.run)
	case c.session == nil:
		c.hurry = true
		c.poke()
	}
}

func (c *Client) poke() {
	select {
	case c.look <- struct{}{}:
	default:
	}
}

// needed reports whether somebody needs a connection.
func (c *Client) needed() bool { return len(c.links) > 0 || len(c.out) > 0 }

// turn changes the state. Whoever calls it calls tell after c.mu is unlocked.
func (c *Client) turn(to State) {
	if c.state != to {
		c.state, c.since = to, time.Now()
	}
}

func (c *Client) tell() {
	if c.News != nil {
		c.News()
	}
}

// Close ends all links without telling their listeners, sends what waits if the host can be reached
// while ctx lasts, and waits for the client's goroutines. The error names what was not sent.
func (c *Client) Close(ctx context.Context) error {
	c.mu.Lock()
	c.closing = true
	for _, l := range c.links {
		l.closed = true
	}
	clear(c.links)
	if c.session == nil && c.waiting == 0 {
		c.cancel()
	}
	c.poke()
	c.mu.Unlock()
	defer context.AfterFunc(ctx, c.cancel)()
	c.runs.Wait()
	c.cancel()

	c.mu.Lock()
	defer c.mu.Unlock()
	left := c.waiting
	c.dropped += int64(left)
	c.out, c.waiting, c.bytes = nil, 0, 0
	if left > 0 {
		return fmt.Errorf("commands to %s that were not sent: %d: %w", c.Host, left, c.err)
	}
	return nil
}
