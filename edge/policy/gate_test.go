package policy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// weak hashes with few iterations, so that a test may try many passwords.
func weak(text string) Password {
	p := Password{iterations: 1, salt: "saltsaltsaltsalt"}
	p.sum = p.hash(text)
	return p
}

func newGate(t *testing.T, o Options, users ...User) *Gate {
	t.Helper()
	p, err := New(&Config{Users: users})
	if err != nil {
		t.Fatal(err)
	}
	p.decoy.iterations = 1
	g := NewGate(p, o)
	t.Cleanup(g.Stop)
	return g
}

var here, there = netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")

func TestPasswordForms(t *testing.T) {
	p, err := NewPassword("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParsePassword(p.String())
	if err != nil || again != p || !again.fits("correct horse") || again.fits("correct Horse") || again.fits("") {
		t.Errorf("%s reads as %v, %v", p, again, err)
	}
	if p.iterations != 600_000 {
		t.Errorf("%d iterations", p.iterations)
	}
	if other, _ := NewPassword("correct horse"); other == p {
		t.Error("two hashes of a password are the same")
	}
	if (Password{}).fits("") {
		t.Error("no password fits nothing")
	}
	for _, bad := range []string{"", "short", strings.Repeat("x", MaxPassword+1)} {
		if _, err := NewPassword(bad); err == nil {
			t.Errorf("a password of %d bytes is taken", len(bad))
		}
	}
	good := p.String()
	for _, bad := range []string{"", "hunter2hunter2", "pbkdf2-sha256$600000", strings.Replace(good, "600000", "1000", 1),
		strings.Replace(good, "600000", "99999999", 1), strings.Replace(good, "600000", "-1", 1), good + "x", good[:len(good)-4], good + "$", strings.Replace(good, "sha256", "sha1", 1)} {
		_, err := ParsePassword(bad)
		if err == nil {
			t.Errorf("%q is a hash", bad)
		} else if strings.Contains(err.Error(), "hunter") {
			t.Errorf("the error repeats the password: %v", err)
		}
	}
}

func TestTokenForms(t *testing.T) {
	secret, hash := NewToken()
	for _, text := range []string{secret, secret + "\n", hash.String(), hash.String() + "\r\n"} {
		if got, err := ReadToken(text); err != nil || got != hash {
			t.Errorf("%q reads as %v, %v", text, got, err)
		}
	}
	if got, err := ParseToken(hash.String()); err != nil || got != hash {
		t.Errorf("%s reads as %v, %v", hash, got, err)
	}
	for _, bad := range []string{"", "short", "two words that are quite long", "sha256$", "sha256$00", hash.String() + "00"} {
		if _, err := ReadToken(bad); err == nil {
			t.Errorf("%q is a token", bad)
		}
	}
	if _, err := ParseToken(secret); err == nil {
		t.Error("a token is its own hash")
	}
}

func TestLogin(t *testing.T) {
	secret, hash := NewToken()
	g := newGate(t, Options{}, User{Name: "anna", Password: weak("correct horse")}, User{Name: "board", Token: hash})
	for range 3 {
		if who, err := g.Password(t.Context(), here, "anna", "correct horse"); err != nil || who.Name() != "anna" || !g.Holds(who) {
			t.Errorf("anna is %q, %v", who.Name(), err)
		}
		if who, err := g.Token(here, secret); err != nil || who.Name() != "board" {
			t.Errorf("board is %q, %v", who.Name(), err)
		}
	}
	for _, wrong := range [][2]string{{"anna", "wrong"}, {"anna", ""}, {"nobody", "correct horse"}, {"", ""}, {"board", ""}, {"board", secret}, {"anna", hash.String()}} {
		g := newGate(t, Options{}, User{Name: "anna", Password: weak("correct horse")}, User{Name: "board", Token: hash})
		if who, err := g.Password(t.Context(), here, wrong[0], wrong[1]); err != ErrWrong || who.Known() {
			t.Errorf("%q: %q, %v, want ErrWrong", wrong, who.Name(), err)
		}
	}
	for _, wrong := range []string{"", hash.String(), secret[1:]} {
		if who, err := g.Token(here, wrong); err != ErrWrong || who.Known() {
			t.Errorf("token %q: %q, %v, want ErrWrong", wrong, who.Name(), err)
		}
	}

	other, err := New(&Config{Users: []User{{Name: "anna", Password: weak("correct horse")}}})
	if err != nil {
		t.Fatal(err)
	}
	who, _ := g.Password(t.Context(), here, "anna", "correct horse")
	g.Set(other)
	if g.Holds(who) {
		t.Error("a login holds under another policy")
	}
	if _, err := g.Token(there, secret); err != ErrWrong {
		t.Errorf("the token of a user who is gone: %v", err)
	}
}

// guess tries wrong passwords for a time as fast as it is let, and returns how many were looked at.
func guess(g *Gate, d time.Duration, from func(i int) netip.Addr, name string) (looked int) {
	for i, end := 0, time.Now().Add(d); time.Now().Before(end); i++ {
		_, err := g.Password(context.Background(), from(i), name, fmt.Sprint("guess", i))
		var later *Later
		switch {
		case errors.As(err, &later):
			time.Sleep(later.Wait)
		case err == ErrWrong:
			looked++
		default:
			panic(err)
		}
	}
	return looked
}

func TestBruteForce(t *testing.T) {
	anna := User{Name: "anna", Password: weak("correct horse")}
	tests := []struct {
		name string
		user string
		from func(i int) netip.Addr
		most int
	}{
		{"one address", "anna", func(int) netip.Addr { return here }, 310},
		{"one address, unknown user", "nobody", func(int) netip.Addr { return here }, 310},
		{"one IPv6 network", "anna", func(i int) netip.Addr { return netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", i%0xffff)) }, 310},
		{"many addresses", "anna", func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}) }, 2900},
		{"many addresses, unknown user", "nobody", func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}) }, 2900},
	}
	looked := map[string]int{}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			g := newGate(t, Options{}, anna)
			looked[tt.name] = guess(g, 24*time.Hour, tt.from, tt.user)
			if looked[tt.name] > tt.most {
				t.Errorf("%s: %d passwords were tried in a day, want at most %d", tt.name, looked[tt.name], tt.most)
			}
			if len(g.addresses.keys) > maxFailures || len(g.names.keys) > maxFailures {
				t.Errorf("%s: %d addresses and %d names are remembered", tt.name, len(g.addresses.keys), len(g.names.keys))
			}
		})
	}
	if looked["one address"] != looked["one address, unknown user"] || looked["many addresses"] != looked["many addresses, unknown user"] {
		t.Errorf("an unknown user is told from a known one: %v", looked)
	}
}

// Many attempts at the same time are not free either.
func TestBruteForceAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, Options{}, User{Name: "anna", Password: weak("correct horse")})
		var mu sync.Mutex
		looked := 0
		var tries sync.WaitGroup
		for i := range 100 {
			tries.Go(func() {
				if _, err := g.Password(t.Context(), here, "anna", fmt.Sprint(i)); err == ErrWrong {
					mu.Lock()
					defer mu.Unlock()
					looked++
				}
			})
		}
		tries.Wait()
		if looked > 6 {
			t.Errorf("%d passwords were tried at once", looked)
		}
	})
}

// Others who try at a user's name do not keep him out where he has logged in before, and what he did
// before does not help one at his address who guesses.
func TestThrottleSparesUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, Options{}, User{Name: "anna", Password: weak("correct horse")})
		if _, err := g.Password(t.Context(), here, "anna", "correct horse"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		for i := range 1000 {
			g.Password(t.Context(), netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), "anna", "guess")
		}
		var later *Later
		if _, err := g.Password(t.Context(), there, "anna", "correct horse"); !errors.As(err, &later) {
			t.Errorf("from a new address: %v, want Later", err)
		}
		if _, err := g.Password(t.Context(), here, "anna", "correct horse"); err != nil {
			t.Errorf("from her own address: %v", err)
		}
		for range 10 {
			g.Password(t.Context(), here, "anna", "guess")
		}
		if _, err := g.Password(t.Context(), here, "anna", "correct horse"); !errors.As(err, &later) {
			t.Errorf("where somebody guesses, the right password is answered %v, want Later", err)
		}
		time.Sleep(time.Hour)
		if _, err := g.Password(t.Context(), here, "anna", "correct horse"); err != nil {
			t.Errorf("an hour later: %v", err)
		}
	})
}

// The one who hashes passwords for others has an end.
func TestHashQueue(t *testing.T) {
	g := newGate(t, Options{}, User{Name: "anna", Password: weak("correct horse")})
	if _, err := g.Password(t.Context(), there, "anna", "correct horse"); err != nil {
		t.Fatal(err)
	}
	slots := cap(g.common.slots)
	for range slots {
		g.common.slots <- struct{}{}
		g.common.used.Add(1)
	}
	ctx, cancel := context.WithCancel(t.Context())
	results := make(chan error, 100)
	for i := range 100 {
		go func() {
			_, err := g.Password(ctx, netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), fmt.Sprint("user", i), "x")
			results <- err
		}()
	}
	busy := 0
	for range 100 - hashQueue {
		if err := <-results; err == ErrBusy {
			busy++
		}
	}
	g.verified = memory{lasts: verifiedTime} // as ten minutes later
	if _, err := g.Password(t.Context(), there, "anna", "correct horse"); err != nil {
		t.Errorf("while strangers hash all the time, anna at her own address: %v", err)
	}
	cancel()
	for range hashQueue {
		if err := <-results; !errors.Is(err, context.Canceled) {
			t.Errorf("one who waited: %v", err)
		}
	}
	if left := g.common.used.Load() - int32(slots); busy != 100-hashQueue || left != 0 {
		t.Errorf("%d were turned away, %d still wait", busy, left)
	}
}

// Nobody can tell by the time whether a user is there.
func TestAllPasswordsCostTheSame(t *testing.T) {
	for _, iterations := range [][]int{{1, 5}, {5, 1}, {3}} {
		var users []User
		for i, n := range iterations {
			users = append(users, User{Name: fmt.Sprint("user", i), Password: Password{n, "saltsaltsaltsalt", "x"}})
		}
		p, err := New(&Config{Users: users})
		if err != nil {
			t.Fatal(err)
		}
		if want := slices.Max(iterations); p.decoy.iterations != want {
			t.Errorf("users have %v iterations, one who is not there %d", iterations, p.decoy.iterations)
		}
	}
}

// Attempts that cost nothing do not make others wait, in whatever order they come.
func TestFreeAttemptsAtOnce(t *testing.T) {
	addresses, _ := newThrottles()
	now := time.Now()
	for i := range addresses.free {
		if left := addresses.begin("here", "", now.Add(-time.Duration(i)*time.Millisecond)); left > 0 {
			t.Errorf("attempt %d waits %v", i, left)
		}
	}
}

// What was not looked at takes nothing back of what others did meanwhile.
func TestUndo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, names := newThrottles()
		for range names.free {
			names.begin("anna", "", time.Now())
		}
		mine := time.Now()
		time.Sleep(time.Second)
		if names.begin("anna", "", time.Now()) != 0 {
			t.Error("the last free attempt is not")
		}
		names.undo("anna", mine)
		if names.begin("anna", "", time.Now()) == 0 {
			t.Error("the wait for what others did is gone")
		}
	})
}

// A name at which many try all the time is not closed to its user, wherever he is. What he waits ends.
func TestNewAddressOfPolledName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, Options{}, User{Name: "anna", Password: weak("correct horse")})
		began := time.Now()
		var wait time.Duration
		for i := 0; time.Since(began) < 2*time.Hour; i++ {
			for range 3 { // those of one address come one after the other
				g.Password(t.Context(), netip.AddrFrom4([4]byte{10, 0, 0, byte(i % 100)}), "anna", "guess")
			}
			if wait -= 500 * time.Millisecond; time.Since(began) > 10*time.Minute && wait <= 0 {
				_, err := g.Password(t.Context(), here, "anna", "correct horse")
				var later *Later
				if err == nil {
					return
				}
				if !errors.As(err, &later) {
					t.Fatal(err)
				}
				wait = later.Wait
			}
			time.Sleep(500 * time.Millisecond)
		}
		t.Error("she did not get in within two hours")
	})
}

func TestSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, Options{}, User{Name: "anna", Password: weak("correct horse")})
		login := func() (string, *Session) {
			who, err := g.Password(t.Context(), here, "anna", "correct horse")
			if err != nil {
				t.Fatal(err)
			}
			return g.Begin(who)
		}
		is := func(secret string) bool {
			s, who := g.Session(secret)
			return s != nil && who.Name() == "anna" && g.Holds(who)
		}
		secret, s := login()
		if !is(secret) || is("") || is(secret[1:]) || len(secret) != 43 {
			t.Error("a session is not found, or another one is")
		}
		g.End(s)
		if is(secret) {
			t.Error("a session is found that has ended")
		}

		secret, _ = login()
		for range 13 {
			time.Sleep(SessionIdle - time.Minute)
			if !is(secret) {
				t.Fatal("a session that is used ended")
			}
		}
		time.Sleep(SessionIdle)
		if is(secret) {
			t.Error("a session outlived its time")
		}
		secret, _ = login()
		time.Sleep(SessionIdle)
		if is(secret) {
			t.Error("a session that nobody used lasts")
		}
		secret, s = login()
		release := g.Hold(s)
		time.Sleep(2 * SessionIdle)
		if !is(secret) {
			t.Error("a session with a connection ended")
		}
		release()
		time.Sleep(SessionTime)
		if is(secret) {
			t.Error("a session outlived its time")
		}

		first, _ := login()
		for range maxUserSessions {
			time.Sleep(time.Second)
			secret, _ = login()
		}
		if is(first) || !is(secret) || len(g.sessions.all) > maxUserSessions {
			t.Errorf("%d sessions of one user", len(g.sessions.all))
		}
		same, err := New(&Config{Users: []User{{Name: "anna", Password: weak("correct horse")}}})
		if err != nil {
			t.Fatal(err)
		}
		g.Set(same)
		if !is(secret) {
			t.Error("another policy with the same user ended the session")
		}
		changed, err := New(&Config{Users: []User{{Name: "anna", Password: weak("another horse")}}})
		if err != nil {
			t.Fatal(err)
		}
		g.Set(changed)
		if is(secret) {
			t.Error("a session outlived the password it began with")
		}
	})
}

func TestRefusalsAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		var noted []Event
		log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}}))
		g := newGate(t, Options{Log: log, Audit: func(e Event) { noted = append(noted, e) }}, User{Name: "anna", Password: weak("correct horse")})
		g.Password(t.Context(), here, "anna", "hunter2")
		g.Password(t.Context(), here, "hunter2", "")
		for range 1000 {
			g.Refuse(Event{Who: "anna", From: here, What: "command", Node: "/room/a", Lane: "target"})
		}
		g.Refuse(Event{From: there, What: "link", Node: "/a", Lane: "b"})
		time.Sleep(refusalTime)
		synctest.Wait()
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) != 12 || len(noted) != 11 || g.Health.Count("policy.refused") != 1003 {
			t.Errorf("%d lines, %d noted, %d counted:\n%s", len(lines), len(noted), g.Health.Count("policy.refused"), &out)
		}
		for i, want := range map[int]string{
			0:  "level=WARN msg=refused what=login who=anna from=192.0.2.1",
			1:  `level=WARN msg=refused what=login who="" from=192.0.2.1`,
			2:  "level=WARN msg=refused what=command who=anna from=192.0.2.1 node=/room/a lane=target",
			10: `level=WARN msg=refused what=link who="" from=192.0.2.2 node=/a lane=b`,
			11: "level=WARN msg=refused from=192.0.2.1 more=992",
		} {
			if lines[i] != want {
				t.Errorf("line %d: %s\nwant %s", i, lines[i], want)
			}
		}
		if strings.Contains(out.String(), "hunter2") {
			t.Error("a password was logged")
		}
	})
}
