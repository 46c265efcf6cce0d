package policy

import (
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"
)

// How long a login in a browser lasts: that long without a request or an open connection, and that long
// at most. A restart of the host ends all of them.
const (
	SessionIdle = 12 * time.Hour
	SessionTime = 7 * 24 * time.Hour
)

const (
	maxSessions     = 1000
	maxUserSessions = 20
)

// Session is one login in a browser.
type Session struct {
	id       [sha256.Size]byte // hash of the secret
	name     string
	password Password // that it began with
	ends     time.Time

	// Guarded by the mutex of sessions.
	used  time.Time
	conns int
}

// Name returns the user's name.
func (s *Session) Name() string { return s.name }

// Ends returns when it is over at the latest.
func (s *Session) Ends() time.Time { return s.ends }

type sessions struct {
	mu  sync.Mutex
	all map[[sha256.Size]byte]*Session
}

// Begin begins a session of a user. secret, 256 random bits in URL-safe base64, is what his browser shows.
func (g *Gate) Begin(who Who) (secret string, s *Session) {
	bits := make([]byte, 32)
	rand.Read(bits) // never fails
	secret = encoding.EncodeToString(bits)
	now := time.Now()
	s = &Session{id: sha256.Sum256([]byte(secret)), name: who.Name(), password: who.user.password, used: now, ends: now.Add(SessionTime)}
	g.sessions.add(s, now)
	return secret, s
}

// Session returns the session of a secret and its user, nil if there is none or it is over.
func (g *Gate) Session(secret string) (*Session, Who) {
	id, now := sha256.Sum256([]byte(secret)), time.Now()
	p := g.policy.Load()
	g.sessions.mu.Lock()
	defer g.sessions.mu.Unlock()
	s := g.sessions.all[id]
	if s == nil {
		return nil, Who{}
	}
	u := p.users[s.name]
	if s.over(now) || u == nil || u.password != s.password {
		delete(g.sessions.all, id)
		return nil, Who{}
	}
	s.used = now
	return s, Who{policy: p, user: u}
}

// Lives reports whether a session has not ended.
func (g *Gate) Lives(s *Session) bool {
	g.sessions.mu.Lock()
	defer g.sessions.mu.Unlock()
	return g.sessions.all[s.id] == s
}

// End ends a session.
func (g *Gate) End(s *Session) {
	g.sessions.mu.Lock()
	defer g.sessions.mu.Unlock()
	delete(g.sessions.all, s.id)
}

// Hold keeps a session from being idle until release is called.
func (g *Gate) Hold(s *Session) (release func()) {
	count := func(n int) {
		g.sessions.mu.Lock()
		defer g.sessions.mu.Unlock()
		s.conns += n
		s.used = time.Now()
	}
	count(1)
	return sync.OnceFunc(func() { count(-1) })
}

func (s *Session) over(now time.Time) bool {
	return !now.Before(s.ends) || s.conns == 0 && now.Sub(s.used) >= SessionIdle
}

// add makes room first: among the user's own sessions if he has many, else among those of all.
func (ss *sessions) add(s *Session, now time.Time) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if ss.all == nil {
		ss.all = map[[sha256.Size]byte]*Session{}
	}
	var his, last *Session
	mine := 0
	for id, other := range ss.all {
		if other.over(now) {
			delete(ss.all, id)
			continue
		}
		if last == nil || other.used.Before(last.used) {
			last = other
		}
		if other.name == s.name {
			mine++
			if his == nil || other.used.Before(his.used) {
				his = other
			}
		}
	}
	switch {
	case mine >= maxUserSessions:
		delete(ss.all, his.id)
	case len(ss.all) >= maxSessions:
		delete(ss.all, last.id)
	}
	ss.all[s.id] = s
}
