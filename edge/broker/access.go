package broker

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"selvage/edge/health"
	"selvage/edge/policy"
)

// User is who may connect, and what for. What no filter allows is refused.
type User struct {
	Name      string
	Password  policy.Password // the zero Password is for who comes with a certificate
	Publish   []string        // topic filters, in which UserPart and ClientPart stand for what they are of a client
	Subscribe []string        // likewise
}

// What stands in a user's filters for the name of the user, and for the client identifier.
const (
	UserPart   = "{user}"
	ClientPart = "{client}"
)

const (
	loginTime = 10 * time.Second       // for a password to be looked at
	busyTime  = 100 * time.Millisecond // until it is asked again for one
	slowTime  = time.Second            // see access.known
	slowOnes  = 4
)

// access knows the users.
type access struct {
	gate   *policy.Gate
	secret [32]byte
	slow   chan struct{}
	pause  time.Duration

	users atomic.Pointer[map[string]*User] // nil if there are none, and everybody may do everything

	mu   sync.Mutex
	good map[string][]byte // what each user has last logged in with, as digests
}

func newAccess(board *health.Board, log *slog.Logger) *access {
	none, _ := policy.New(nil) // has no error
	a := &access{
		gate: policy.NewGate(none, policy.Options{Health: board, Log: log.With("at", "the MQTT broker")}),
		slow: make(chan struct{}, slowOnes), pause: slowTime, good: map[string][]byte{},
	}
	rand.Read(a.secret[:]) // never fails
	return a
}

// set puts other users in place, and returns who was another one before. It is called by one at a time.
func (a *access) set(users []User) (changed func(name string) bool, err error) {
	c := &policy.Config{}
	var now map[string]*User
	if users != nil {
		now = map[string]*User{}
	}
	was := a.now()
	for _, u := range users {
		c.Users = append(c.Users, policy.User{Name: u.Name, Password: u.Password})
		if now[u.Name] = &u; reflect.DeepEqual(was[u.Name], &u) {
			now[u.Name] = was[u.Name] // so that who is equal is the same
		}
	}
	p, err := policy.New(c)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.good)
	a.gate.Set(p)
	a.users.Store(&now)
	return func(name string) bool { return (was == nil) != (now == nil) || was[name] != now[name] }, nil
}

func (a *access) now() map[string]*User {
	if m := a.users.Load(); m != nil {
		return *m
	}
	return nil
}

// stands tells whether u is still one of those who may log in; nil is everybody, where there are no users.
func (a *access) stands(u *User) bool {
	users := a.now()
	if u == nil {
		return users == nil
	}
	return users[u.Name] == u
}

var (
	errLogin = errors.New("unknown user, or a wrong password")
	errLater = errors.New("logins are slowed, or busy")
)

// login returns who comes by a connection, nil where there are no users.
func (a *access) login(c net.Conn, name, password string) (*User, error) {
	users := a.now()
	if users == nil {
		return nil, nil
	}
	if of := certified(c); name == "" && of != "" {
		if users[of] == nil {
			return nil, errLogin
		}
		return users[of], nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), loginTime)
	defer cancel()
	for {
		_, err := a.gate.Password(ctx, addressOf(c), name, password)
		var later *policy.Later
		switch {
		case err == nil:
			a.remember(name, password)
			return users[name], nil
		case errors.As(err, &later) && a.known(ctx, name, password):
			return users[name], nil
		case errors.Is(err, policy.ErrWrong):
			return nil, errLogin
		case !errors.Is(err, policy.ErrBusy):
			return nil, errLater
		}
		select { // all devices of a house come at the same time
		case <-ctx.Done():
		case <-time.After(busyTime):
		}
	}
}

// certified is the name that the certificate of a client gives it. Who has signed it the handshake has checked.
func certified(c net.Conn) string {
	if own, ok := c.(*conn); ok {
		c = own.Conn
	}
	if t, ok := c.(*tls.Conn); ok {
		if chain := t.ConnectionState().PeerCertificates; len(chain) > 0 {
			return chain[0].Subject.CommonName
		}
	}
	return ""
}

func addressOf(c net.Conn) netip.Addr {
	from, _ := netip.ParseAddrPort(c.RemoteAddr().String()) // of TCP it always can be
	return from.Addr()
}

// known tells whether it is what a user has logged in with before. It is for addresses that are slowed: many clients
// may share one, and one of them with an old password must not keep the others out. Few are looked at at a time, each
// after a while, so that nobody can guess this way.
func (a *access) known(ctx context.Context, name, password string) bool {
	select {
	case a.slow <- struct{}{}:
		defer func() { <-a.slow }()
	default:
		return false
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(a.pause):
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.good[name] != nil && hmac.Equal(a.good[name], a.digest(name, password))
}

func (a *access) remember(name, password string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.now()[name] != nil { // still
		a.good[name] = a.digest(name, password)
	}
}

func (a *access) digest(name, password string) []byte {
	h := hmac.New(sha256.New, a.secret[:])
	h.Write([]byte(name + "\x00" + password)) // never fails; a name has no NUL
	return h.Sum(nil)
}

// mayPublish tells whether a user may publish to a topic.
func (a *access) mayPublish(user, client, topic string) bool {
	return a.allows(user, client, func(u *User) []string { return u.Publish }, func(f string) bool { return matches(f, topic) })
}

// mayReceive tells whether a user may receive what is published to a topic.
func (a *access) mayReceive(user, client, topic string) bool {
	return a.allows(user, client, func(u *User) []string { return u.Subscribe }, func(f string) bool { return matches(f, topic) })
}

// maySubscribe tells whether a user may receive some of what a filter matches. What else it matches he is not sent.
func (a *access) maySubscribe(user, client, filter string) bool {
	if rest, ok := strings.CutPrefix(filter, "$share/"); ok {
		_, filter, _ = strings.Cut(rest, "/")
	}
	return a.allows(user, client, func(u *User) []string { return u.Subscribe }, func(f string) bool { return overlap(f, filter) })
}

func (a *access) allows(user, client string, of func(*User) []string, fits func(filter string) bool) bool {
	users := a.now()
	if users == nil {
		return true
	}
	u := users[user]
	return u != nil && slices.ContainsFunc(of(u), func(f string) bool {
		f, ok := fill(f, user, client)
		return ok && fits(f)
	})
}

// fill puts names in their places in a filter. A client chooses its identifier, which must not make the filter a
// wider one (as in CVE-2017-7650).
func fill(filter, user, client string) (filled string, ok bool) {
	if !strings.Contains(filter, "{") {
		return filter, true
	}
	if strings.Contains(filter, ClientPart) && (client == "" || strings.ContainsAny(client, "+#/")) {
		return "", false
	}
	return strings.NewReplacer(UserPart, user, ClientPart, client).Replace(filter), true
}

// overlap tells whether there is a topic that two filters match.
func overlap(a, b string) bool {
	if strings.HasPrefix(a, "$") != strings.HasPrefix(b, "$") {
		return false
	}
	for {
		x, restOfA, moreA := strings.Cut(a, "/")
		y, restOfB, moreB := strings.Cut(b, "/")
		switch {
		case x == "#" || y == "#":
			return true
		case x != y && x != "+" && y != "+":
			return false
		case !moreA || !moreB:
			return moreA == moreB || restOfA == "#" || restOfB == "#"
		}
		a, b = restOfA, restOfB
	}
}
