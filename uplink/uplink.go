// Package uplink is the ways out of a host: what they have in common, whatever they speak.
//
// An uplink holds a connection to one other end, a broker or a peer. Its kind knows how to connect
// and what to do then; a Line calls it again and again, with growing pauses, and shows people how it
// is: in the lane status of the agent /uplink/NAME, and as a condition while it is down.
package uplink

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"selvage/edge/agent"
	"selvage/edge/clock"
	"selvage/edge/health"
	"selvage/edge/route"
)

// Uplink is one way out. Setup is called before the first Run, and in each restart of its agent.
type Uplink interface {
	// Peer names the other end for people, without secrets: "mqtt://127.0.0.1:1883".
	Peer() string
	// Setup gives the agent /uplink/NAME more lanes than its status. It is part of that agent's setup.
	Setup(a *agent.Agent) error
	// Run connects, calls Line.Up, and serves the connection until it is lost or ctx ends. It returns
	// why, often a *Fault with a remedy; what ctx ends is no error. It leaves no goroutine behind.
	Run(ctx context.Context) error
}

// Host is the host as its uplinks see it.
type Host interface {
	// Add makes an agent, below those that the config asks for.
	Add(node route.NodeURI, k agent.Kind) (Agent, error)
	// Remove takes an agent away that Add has made. What it has stored stays in the store.
	Remove(ctx context.Context, node route.NodeURI) error
	// Flush returns when what has been set until now is on flash, or with why it is not.
	Flush(ctx context.Context) error
	// Notes returns what is in a book as of the last commit, see Agent.Note.
	Notes(book route.NodeURI) (map[string][]byte, error)
	// Origin tells whose a message is that the host's own broker has sent to a client under a packet
	// identifier, until the client has acknowledged it. Of other brokers it knows nothing.
	Origin(client string, id uint16) (Origin, bool)
	// Watch has fn called with each lane there is, and with each that comes to be, until cancel.
	// A lane that its agent makes anew comes again. fn must not block.
	Watch(fn func(*agent.Lane)) (cancel func())
	Name() string
	Clock() *clock.Clock
	Health() *health.Board
	Log() *slog.Logger
}

// Agent is how an uplink reaches an agent it added.
type Agent interface {
	// Do has fn run as a turn. It waits while the agent's mailbox is full, and does not wait for the turn.
	Do(ctx context.Context, fn func()) error
	// Post is Do; done, on whatever goroutine, is told how the turn ended, unless Post itself failed.
	Post(ctx context.Context, fn func(), done func(error)) error
	// Note is for a turn: the store remembers value under key in a book, in the same commit as what the turn
	// sets. A nil value takes the key out of it, a nil key all of them.
	Note(book route.NodeURI, key, value []byte)
}

// Origin is where a message in the host's own broker comes from.
type Origin struct {
	Client  string // that has published it
	ID      uint16 // its packet identifier there
	Again   bool   // the client says that it has sent it before
	Session bool   // the client has a session that outlasts its connections
	Number  int64  // no other message has it while the broker runs
}

// Session is what an uplink has at a broker, whether it is connected or not. No message that belongs to it may
// be acknowledged to who has published it before the uplink has acknowledged it.
type Session struct {
	Address string // of the broker, host:port; "" if that is not how it is reached
	Client  string // identifier
	Filters []string
	QoS     byte // 1 or 2
}

// Subscriber is an uplink with a session at a broker. There is none where ok is false.
type Subscriber interface{ Session() (s Session, ok bool) }

// Fault is an error that tells people what to try.
type Fault struct {
	Err    error
	Remedy string
}

func (f *Fault) Error() string { return f.Err.Error() }
func (f *Fault) Unwrap() error { return f.Err }

// Kind is one registered kind of uplink.
type Kind struct {
	Name     string
	Defaults any // the Config value that a table of this kind starts from

	open func(*Line, any) (Uplink, error)
}

var (
	kindsMu sync.RWMutex
	kinds   = map[string]Kind{}
)

// Register makes a kind of uplink known under the name that `kind = "…"` gives it in the host's
// config. C is the shape of its table and defaults holds what a table leaves out; a method
// Check(fault func(key, problem, remedy string)) may find what is wrong with it. A name taken twice
// panics at start.
func Register[C any](kind string, defaults C, open func(*Line, C) (Uplink, error)) {
	kindsMu.Lock()
	defer kindsMu.Unlock()
	if _, taken := kinds[kind]; taken {
		panic(fmt.Sprintf("uplink: kind %q is registered twice", kind))
	}
	kinds[kind] = Kind{Name: kind, Defaults: defaults, open: func(l *Line, config any) (Uplink, error) {
		c, ok := config.(C)
		if !ok {
			return nil, fmt.Errorf("uplink kind %s: its config is a %T, not a %T", kind, config, defaults)
		}
		return open(l, c)
	}}
}

// Lookup finds a registered kind.
func Lookup(kind string) (Kind, bool) {
	kindsMu.RLock()
	defer kindsMu.RUnlock()
	k, ok := kinds[kind]
	return k, ok
}

// Kinds lists the registered kinds by name.
func Kinds() []string {
	kindsMu.RLock()
	defer kindsMu.RUnlock()
	return slices.Sorted(maps.Keys(kinds))
}
