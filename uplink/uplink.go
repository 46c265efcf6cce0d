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
	// Command sends a lane a command in the name of the uplink, as far as it may, and returns when the agent has taken
	// or refused it.
	Command(ctx context.Context, node route.NodeURI, lane route.LaneName, body []byte) error
	// Feed is what is kept of lanes with a history, nil where nothing is kept.
	Feed() Feed
	Name() string
	Clock() *clock.Clock
	Health() *health.Board
	Log() *slog.Logger
}

// Feed is every value that lanes with a history had, numbered in the order of the commits. How far a reader has come is
// kept with them.
type Feed interface {
	// Keeps reports whether a lane has a history.
	Keeps(node route.NodeURI, lane route.LaneName) bool
	// Last returns the number of the newest value.
	Last() uint64
	// After returns the next values above a number, in order, and the number up to which these are all there is. They
	// may be somewhat more than limit. Numbers that are missing between were dropped before they were read.
	After(seq uint64, limit int) (values []Kept, upto uint64, err error)
	// Cursor returns what a reader has confirmed, and whether it ever did.
	Cursor(reader string) (seq uint64, ever bool, err error)
	// Confirm notes, with the next commit, that a reader has no more use for values up to a number.
	Confirm(reader string, seq uint64)
}

// Kept is a value of the feed.
type Kept struct {
	Node route.NodeURI
	Lane route.LaneName
	Seq  uint64
	At   clock.Stamp
	Body []byte
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
	User    string // that it logs in as, "" if it does not
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
