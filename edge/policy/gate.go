package policy

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"selvage/edge/health"
)

// What a login ends with that is not one.
var (
	ErrWrong = errors.New("unknown user, or a wrong password or token") // which of them nobody is told
	ErrBusy  = errors.New("logins are busy; try again")
)

// Later is the error of an attempt that was not looked at, since too many before it failed.
type Later struct{ Wait time.Duration }

func (l *Later) Error() string {
	return fmt.Sprintf("too many failed logins; try again in %v", max(l.Wait, time.Second).Round(time.Second))
}

// hashQueue is how many may wait for a processor to hash their passwords.
const hashQueue = 16

// How long a password that was right is known to be, so that not each request of a script costs what a
// login does, and how long an address is known as one that a user logs in from.
const (
	verifiedTime = 10 * time.Minute
	familiarTime = 30 * 24 * time.Hour
)

// Options say what a Gate reports to. All may be left out.
type Options struct {
	Health *health.Board
	Log    *slog.Logger
	Audit  func(Event) // must not block
}

// Gate stands at the doors of a running host. It is safe for concurrent use.
type Gate struct {
	Options
	policy atomic.Pointer[Policy]

	addresses, names   *throttle
	verified, familiar memory
	secret             [32]byte // keys what memory holds
	common, kept       queue    // kept is for users at addresses that are familiar

	sessions sessions
	refusals refusals
}

// NewGate makes a gate that holds p. Stop ends its timers.
func NewGate(p *Policy, o Options) *Gate {
	if o.Health == nil {
		o.Health = health.NewBoard()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	g := &Gate{Options: o, common: newQueue(max(1, runtime.GOMAXPROCS(0)/2)), kept: newQueue(1)}
	g.addresses, g.names = newThrottles()
	g.verified.lasts, g.familiar.lasts = verifiedTime, familiarTime
	rand.Read(g.secret[:]) // never fails
	g.policy.Store(p)
	return g
}

// Policy returns the policy of the moment.
func (g *Gate) Policy() *Policy { return g.policy.Load() }

// Set puts another policy in force. What Password, Token and Session returned before holds no more.
func (g *Gate) Set(p *Policy) { g.policy.Store(p) }

// Holds reports whether who is of the policy of the moment.
func (g *Gate) Holds(who Who) bool { return who.policy == g.policy.Load() }

// Stop ends the gate's timers and logs what they would have.
func (g *Gate) Stop() { g.refusals.stop(g.Log) }

// Password returns the user of a name and a password. An unknown name takes as long and is refused in
// the same words. Its error is ErrWrong, ErrBusy, a *Later or that of ctx.
func (g *Gate) Password(ctx context.Context, from netip.Addr, name, password string) (Who, error) {
	p := g.policy.Load()
	u := p.users[name]
	tried := p.decoy
	if u != nil && u.password.sum != "" {
		tried = u.password
	} else {
		u = nil
	}
	address, now := Neighbourhood(from), time.Now()
	if left := g.addresses.wait(address, now); left > 0 {
		return Who{}, g.later(left)
	}
	proof := g.digest(address, name, password, tried.sum)
	if u != nil && g.verified.has(proof, now) {
		return Who{policy: p, user: u}, nil
	}
	if left := g.addresses.begin(address, "", now); left > 0 {
		return Who{}, g.later(left)
	}
	known, counted, comes := g.digest(address, name), string(g.digest(name)), address
	familiar := g.familiar.has(known, now)
	if familiar {
		counted, comes = string(known), "" // a user need not suffer from what others try at his name
	}
	if left := g.names.begin(counted, comes, now); left > 0 {
		g.addresses.undo(address, now)
		return Who{}, g.later(left)
	}
	fits, err := g.fits(ctx, tried, p.decoy.iterations, password, familiar)
	switch {
	case err == nil && g.policy.Load() != p:
		err = ErrBusy
		fallthrough
	case err != nil:
		g.addresses.undo(address, now)
		g.names.undo(counted, now)
		return Who{}, err
	case !fits || u == nil:
		if p.users[name] == nil {
			name = "" // it may be a password, in the wrong field
		}
		g.Refuse(Event{Who: name, From: from, What: "login"})
		return Who{}, ErrWrong
	}
	g.addresses.undo(address, now)
	if g.names.undo(counted, now); familiar {
		g.names.reset(counted)
	}
	g.verified.add(proof, now)
	g.familiar.add(known, now)
	return Who{policy: p, user: u}, nil
}

// Token returns the user of a token. Its error is ErrWrong or a *Later.
func (g *Gate) Token(from netip.Addr, secret string) (Who, error) {
	p := g.policy.Load()
	if u := p.tokens[sha256.Sum256([]byte(secret))]; u != nil { // what time this takes tells of the hash alone
		return Who{policy: p, user: u}, nil
	}
	if left := g.addresses.begin(Neighbourhood(from), "", time.Now()); left > 0 {
		return Who{}, g.later(left)
	}
	g.Refuse(Event{From: from, What: "token"})
	return Who{}, ErrWrong
}

func (g *Gate) later(wait time.Duration) error {
	g.Health.Add("policy.throttled", 1)
	return &Later{wait}
}

// A queue has so many hash passwords at the same time, and others wait.
type queue struct {
	slots chan struct{}
	used  *atomic.Int32 // also by those who wait
}

func newQueue(slots int) queue { return queue{make(chan struct{}, slots), new(atomic.Int32)} }

// enter waits for a slot, for which leave is to be called.
func (q queue) enter(ctx context.Context) (leave func(), err error) {
	if q.used.Add(1) > int32(hashQueue+cap(q.slots)) {
		q.used.Add(-1)
		return nil, ErrBusy
	}
	select {
	case q.slots <- struct{}{}:
		return func() { <-q.slots; q.used.Add(-1) }, nil
	case <-ctx.Done():
		q.used.Add(-1)
		return nil, ctx.Err()
	}
}

// fits hashes a password when it is its turn. Users at a familiar address do not wait for strangers. With
// most iterations all passwords take the same time.
func (g *Gate) fits(ctx context.Context, p Password, most int, text string, familiar bool) (bool, error) {
	if len(text) > MaxPassword {
		text = "" // fits nothing, and takes as long as any other
	}
	q := g.common
	if familiar {
		q = g.kept
	}
	leave, err := q.enter(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	if more := most - p.iterations; more > 0 {
		Password{more, p.salt, p.sum}.hash(text) // or the time would tell that this user is there
	}
	return p.fits(text), nil
}

// digest makes a key of texts that tells nothing of them.
func (g *Gate) digest(texts ...string) proof {
	h := hmac.New(sha256.New, g.secret[:])
	for _, text := range texts {
		fmt.Fprintf(h, "%d:%s", len(text), text)
	}
	return proof(h.Sum(nil))
}

type proof string

// memory holds a bounded number of keys for some time after they were last added.
type memory struct {
	lasts time.Duration

	mu   sync.Mutex
	keys map[proof]time.Time
}

const maxMemory = 1024

func (m *memory) has(key proof, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, ok := m.keys[key]
	return ok && now.Sub(at) < m.lasts
}

func (m *memory) add(key proof, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.keys == nil {
		m.keys = map[proof]time.Time{}
	}
	if _, ok := m.keys[key]; !ok && len(m.keys) >= maxMemory {
		oldest, at := key, now
		for k, t := range m.keys {
			if !t.After(at) {
				oldest, at = k, t
			}
		}
		delete(m.keys, oldest)
	}
	m.keys[key] = now
}
