package far

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"selvage/edge/agent"
	"selvage/edge/health"
	"selvage/edge/host"
	"selvage/edge/peer"
	"selvage/edge/route"
)

// maxLines bounds the other hosts that are known: each has an agent here for as long as this host runs.
const maxLines = 1024

var errTooMany = fmt.Errorf("it would be one host more than the %d that are reached from here", maxLines)

// maxMessage is what a SwimOS host takes in one message, and so may send.
const maxMessage = 16 << 20

const (
	showAfter = 2 * time.Second  // without a connection that is needed, until that is a condition
	settled   = 5 * time.Second  // with one that stood again, until it is none any more
	refresh   = time.Second      // how often the counts in the status lane follow
	memory    = 10 * time.Minute // how long a dropped command is a condition
)

// Status is the value of the lane status of /peer/HOST:PORT.
type Status struct {
	State     peer.State `recon:"state"`
	Since     time.Time  `recon:"since"`               // of the state, ms since 1970
	Links     int        `recon:"links"`               // lanes that are followed
	Waiting   int        `recon:"waiting"`             // commands that are not sent yet
	Dropped   int64      `recon:"dropped"`             // commands that were refused or lost, since the start
	LastError string     `recon:"lastError,omitempty"` // kept after it is connected again
}

// line is the connection to one other host.
type line struct {
	peers  *Peers
	name   string // HOST:PORT
	client *peer.Client
	show   atomic.Pointer[func()] // has the status lane follow at once

	mu      sync.Mutex
	raised  bool        // the condition, in this time of being needed
	failed  bool        // so did a try or a connection
	good    *time.Timer // ends the condition once the connection has lasted
	dropped int64       // commands counted
	drop    time.Time   // of the last of them
}

// line returns the connection to a host. p.mu is held.
func (p *Peers) line(at string) (*line, error) {
	u, err := peer.Address(at)
	if err != nil {
		return nil, err
	}
	name := u.Host
	if u.Scheme == "wss" {
		name = "warps:" + name
	}
	if l := p.lines[name]; l != nil {
		return l, nil
	}
	switch {
	case p.stopped:
		return nil, host.ErrStopped
	case len(p.lines) == maxLines:
		p.host.Health.Add("peers.refused", 1)
		return nil, errTooMany
	}
	l := &line{peers: p, name: name}
	nothing := func() {}
	l.show.Store(&nothing)
	limits := peer.DefaultLimits
	limits.Message = maxMessage
	if l.client, err = peer.NewClient(peer.ClientOptions{Host: at, Peer: peer.Options{Limits: limits}, News: l.news}); err != nil {
		return nil, err
	}
	node := route.NodeURI("/peer/" + route.Escape(name))
	_, err = p.host.Add(node, host.Things, agent.NewKind("peer", struct{}{}, l.setup), nil)
	if err != nil && !errors.Is(err, host.ErrStopped) { // which is no reason to refuse a last command
		return nil, err
	}
	p.lines[name] = l
	return l, nil
}

func (l *line) setup(a *agent.Agent, _ struct{}) error {
	status := agent.Value(a, "status", l.status()).Transient().ReadOnly()
	look := func() {
		if now := l.status(); now != status.Get() {
			status.Set(now)
		}
		l.count()
	}
	show := func() { _ = a.Do(look) } // where its mailbox is full, the next refresh does it
	l.show.Store(&show)
	a.Every(refresh, look)
	return nil
}

func (l *line) status() Status {
	c := l.client.Status()
	s := Status{State: c.State, Since: c.Since.Truncate(time.Millisecond), Links: c.Links, Waiting: c.Waiting, Dropped: c.Dropped}
	if c.Err != nil {
		s.LastError = c.Err.Error()
	}
	return s
}

// news takes in that the client's state may be another.
func (l *line) news() {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.client.Status()
	switch s.State {
	case peer.Idle:
		l.clear()
	case peer.Connected:
		if !l.failed {
			l.clear()
		} else if l.good == nil {
			l.good = time.AfterFunc(settled, l.lasted)
		}
	default:
		l.settle()
		l.failed = l.failed || l.raised || s.State == peer.Lost
		l.raised = true
		err := s.Err
		if !l.failed || err == nil {
			err = errors.New("there is no answer yet")
		}
		l.health().Raise(health.Condition{
			Code:     l.code(),
			Text:     fmt.Sprintf("peer %s: %v", l.name, err),
			After:    showAfter,
			Severity: health.Failure,
			Remedy:   "it is tried again as long as an agent here needs it; see whether that host runs: selvage ls --host " + l.client.Host,
		})
	}
	(*l.show.Load())()
}

// settle forgets a connection that did not last.
func (l *line) settle() {
	if l.good != nil {
		l.good.Stop()
		l.good = nil
	}
}

func (l *line) clear() {
	l.settle()
	if l.raised {
		l.raised, l.failed = false, false
		l.health().Clear(l.code())
	}
}

func (l *line) lasted() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.good != nil && l.client.Status().State == peer.Connected {
		l.clear()
	}
}

// send hands a command on, or refuses it.
func (l *line) send(node, lane string, body []byte) error {
	err := l.client.Command(node, lane, body)
	if err != nil {
		l.count()
	}
	return err
}

// count tells health of commands that were dropped.
func (l *line) count() {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.client.Status()
	if n := s.Dropped - l.dropped; n > 0 {
		l.dropped, l.drop = s.Dropped, time.Now()
		l.health().Add("command.dropped", n)
		l.health().Raise(health.Condition{
			Code:   l.code() + ".commands",
			Text:   fmt.Sprintf("commands to peer %s are dropped: %d by now", l.name, s.Dropped),
			Remedy: "they came while it was away or busy; who sent them has to send them again",
		})
	} else if time.Since(l.drop) > memory {
		l.health().Clear(l.code() + ".commands")
	}
}

func (l *line) stop(ctx context.Context) {
	if err := l.client.Close(ctx); err != nil {
		l.peers.host.Log.Warn("at the stop, "+err.Error(), "peer", l.name)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.settle()
}

func (l *line) health() *health.Board { return l.peers.host.Health }
func (l *line) code() string          { return "peer." + l.name }
