package uplink

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"selvage/edge/agent"
	"selvage/edge/health"
	"selvage/edge/route"
)

// The pause before another try: it grows up to a bound, and begins anew after a connection that
// lasted. What is really waited is spread around it, or a thousand edges that lost one hub would all
// come back in one moment.
const (
	firstPause = 500 * time.Millisecond
	lastPause  = 30 * time.Second
	growth     = 1.8
)

const (
	showAfter = 2 * time.Second // without a connection that lasts, until that is a condition
	settled   = 5 * time.Second // with one, until it is none any more
)

// refresh is how often the counts in the status lane follow.
const refresh = time.Second

// State says how an uplink is.
type State string

const (
	Connecting State = "connecting" // there was no connection yet
	Connected  State = "connected"
	Lost       State = "lost"
)

// Status is the value of the lane status of /uplink/NAME.
type Status struct {
	State     State     `recon:"state"`
	Peer      string    `recon:"peer"`
	Since     time.Time `recon:"since"` // of the state, ms since 1970
	In        int64     `recon:"in"`    // messages since the host started
	Out       int64     `recon:"out"`
	LastError string    `recon:"lastError,omitempty"` // kept after it is connected again
}

// Spec is one table [uplink.NAME].
type Spec struct {
	Name   string
	Kind   string
	Config any // of the type that the kind registered; nil for its defaults
}

// Node returns the node URI of an uplink's agent.
func Node(name string) route.NodeURI { return route.NodeURI("/uplink/" + name) }

// Line is what keeps one uplink going. Its uplink counts messages on it.
type Line struct {
	Name    string
	Host    Host
	In, Out atomic.Int64 // messages

	uplink Uplink
	turns  Agent
	cancel context.CancelFunc
	ended  chan struct{}
	ready  chan struct{} // closed when the agent has been set up
	first  sync.Once
	show   atomic.Pointer[func()] // has the status lane follow at once

	mu      sync.Mutex
	state   State
	since   time.Time
	last    error       // why it is not connected, or was not
	upSince time.Time   // of this Run, zero before
	good    *time.Timer // ends the condition once the connection has lasted
}

// Open makes the uplink of a table and its agent /uplink/NAME. Start has it connect.
func Open(h Host, s Spec) (*Line, error) {
	k, ok := Lookup(s.Kind)
	if !ok {
		return nil, fmt.Errorf("there is no kind %q", s.Kind)
	}
	l := &Line{Name: s.Name, Host: h, state: Connecting, since: time.Now(), ready: make(chan struct{})}
	config := s.Config
	if config == nil {
		config = k.Defaults
	}
	var err error
	if l.uplink, err = k.open(l, config); err != nil {
		return nil, err
	}
	nothing := func() {}
	l.show.Store(&nothing)
	l.turns, err = h.Add(Node(s.Name), agent.NewKind("uplink", struct{}{}, l.setup))
	return l, err
}

func (l *Line) setup(a *agent.Agent, _ struct{}) error {
	status := agent.Value(a, "status", l.Status()).Transient().ReadOnly()
	look := func() {
		if now := l.Status(); now != status.Get() {
			status.Set(now)
		}
	}
	show := func() { _ = a.Do(look) } // where its mailbox is full, the next refresh does it
	l.show.Store(&show)
	a.Every(refresh, look)
	err := l.uplink.Setup(a)
	l.first.Do(func() { close(l.ready) })
	return err
}

// Do has fn run as a turn of the uplink's agent.
func (l *Line) Do(ctx context.Context, fn func()) error { return l.turns.Do(ctx, fn) }

// Post is Agent.Post of the uplink's agent.
func (l *Line) Post(ctx context.Context, fn func(), done func(error)) error {
	return l.turns.Post(ctx, fn, done)
}

// Note is Agent.Note of the uplink's agent.
func (l *Line) Note(book route.NodeURI, key, value []byte) { l.turns.Note(book, key, value) }

// Session returns the uplink's session at a broker, if it has one.
func (l *Line) Session() (s Session, ok bool) {
	if u, is := l.uplink.(Subscriber); is {
		return u.Session()
	}
	return s, false
}

// Log returns the logger of this uplink.
func (l *Line) Log() *slog.Logger { return l.Host.Log().With("uplink", l.Name) }

// Status returns how the uplink is now.
func (l *Line) Status() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := Status{State: l.state, Peer: l.uplink.Peer(), Since: l.since.Truncate(time.Millisecond), In: l.In.Load(), Out: l.Out.Load()}
	if l.last != nil {
		s.LastError = l.last.Error()
	}
	return s
}

// Start has the uplink connect, and connect again, until Stop.
func (l *Line) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel, l.ended = cancel, make(chan struct{})
	go l.run(ctx)
}

// Ready returns when the uplink's agent has been set up, and all agents that its Setup makes have been
// added; or with ctx's error.
func (l *Line) Ready(ctx context.Context) error {
	select {
	case <-l.ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Forget takes back what people are told of an uplink that has been stopped and will not come back.
func (l *Line) Forget() {
	board := l.Host.Health()
	board.Clear(l.code())
	for _, c := range board.Active() {
		if strings.HasPrefix(c.Code, l.code()+".") {
			board.Clear(c.Code)
		}
	}
}

// Stop ends the connection, and waits for that no longer than ctx.
func (l *Line) Stop(ctx context.Context) error {
	if l.cancel == nil {
		return nil
	}
	l.cancel()
	select {
	case <-l.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("uplink %s did not end in time", l.Name)
	}
}

func (l *Line) run(ctx context.Context) {
	defer close(l.ended)
	select {
	case <-l.ready:
	case <-ctx.Done():
		return
	}
	for pause := firstPause; ; pause = min(time.Duration(float64(pause)*growth), lastPause) {
		l.mu.Lock()
		l.upSince = time.Time{}
		l.mu.Unlock()
		err := l.once(ctx)
		if ctx.Err() != nil {
			l.quit()
			return
		}
		if l.down(err) >= settled {
			pause = firstPause
		}
		select {
		case <-time.After(spread(pause)):
		case <-ctx.Done():
			return
		}
	}
}

func (l *Line) quit() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.good != nil {
		l.good.Stop()
	}
}

// spread returns a pause from half of p to one and a half of it.
func spread(p time.Duration) time.Duration { return p/2 + rand.N(p) }

func (l *Line) once(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			l.Log().Error("uplink panicked", "cause", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return l.uplink.Run(ctx)
}

// Up is called by the uplink when the other end has agreed.
func (l *Line) Up() {
	l.mu.Lock()
	l.state, l.since = Connected, time.Now()
	l.upSince = l.since
	l.good = time.AfterFunc(settled, func() { l.Host.Health().Clear(l.code()) })
	l.mu.Unlock()
	(*l.show.Load())()
	l.Log().Info("connected", "peer", l.uplink.Peer())
}

// down takes in that a Run has ended and returns how long it was connected.
func (l *Line) down(err error) time.Duration {
	if err == nil {
		err = errors.New("the other end closed the connection")
	}
	l.mu.Lock()
	var lasted time.Duration
	if !l.upSince.IsZero() {
		lasted = time.Since(l.upSince)
		l.state, l.since = Lost, time.Now()
		l.good.Stop()
	}
	l.last = err
	l.mu.Unlock()
	c := health.Condition{
		Code:     l.code(),
		Text:     fmt.Sprintf("uplink %s: %v", l.Name, err),
		After:    showAfter,
		Severity: health.Failure,
		Remedy:   "it is tried again for ever",
	}
	if fault := (*Fault)(nil); errors.As(err, &fault) {
		c.Remedy = fault.Remedy
	}
	l.Host.Health().Raise(c)
	(*l.show.Load())()
	return lasted
}

func (l *Line) code() string { return "uplink." + l.Name }
