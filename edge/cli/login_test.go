package cli

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"selvage/edge/agent"
	"selvage/edge/clock"
	"selvage/edge/health"
	"selvage/edge/host"
	"selvage/edge/leaktest"
	"selvage/edge/policy"
	"selvage/edge/web"
)

// guarded is a Selvage host on loopback that lets in who shows the token.
func guarded(t *testing.T, hash policy.Token) (url string) {
	t.Helper()
	leaktest.Check(t)
	h := host.New(host.Options{Clock: clock.System(), Health: health.NewBoard(), Log: slog.New(slog.DiscardHandler)})
	_, err := h.Add("/box", host.Agents, agent.NewKind("box", struct{}{}, func(a *agent.Agent, _ struct{}) error {
		agent.Value(a, "level", 1.5)
		agent.Value(a, "hidden", 2)
		return nil
	}), nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.New(&policy.Config{
		Login: true,
		Users: []policy.User{{Name: "board", Token: hash, Roles: []string{"r"}}},
		Roles: []policy.Role{{Name: "r", Read: []string{"/box/level"}, Command: []string{"/box/level"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	l, err := web.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := web.Start(l, web.Options{Host: h, Log: slog.New(slog.DiscardHandler), Policy: p})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := errors.Join(s.Stop(ctx), h.Stop(ctx)); err != nil {
			t.Error(err)
		}
	})
	return "warp://" + l.Addr().String()
}

func TestToken(t *testing.T) {
	secret, hash := policy.NewToken()
	other, _ := policy.NewToken()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	url := guarded(t, hash)
	const wants = "\n  it may want a login: give a token with --token-file FILE or SELVAGE_TOKEN\n"
	const wrong = "\n  the token is wrong, or its user may not do this; see [policy] in that host's config\n"
	tests := []struct {
		name, token, file, lane string
		code                    int
		out, err                string
	}{
		{name: "variable", token: secret, lane: "level", out: "1.5\n"},
		{name: "file", file: file, lane: "level", out: "1.5\n"},
		{name: "variable before file", token: secret, file: "/nowhere", lane: "level", out: "1.5\n"},
		{name: "none", lane: "level", code: 1, err: "selvage: the host ended the link to /box level" + wants},
		{name: "wrong", token: other, lane: "level", code: 1, err: "selvage: the host refused the login" + wrong},
		{name: "other lane", token: secret, lane: "hidden", code: 1, err: "selvage: the host ended the link to /box hidden" + wrong},
		{name: "no file", file: "/nowhere", lane: "level", code: 1, err: "selvage: the token cannot be read: open /nowhere: no such file or directory\n  name another file with --token-file, or set SELVAGE_TOKEN\n"},
		{name: "file of a hash", file: hashFile(t, hash), lane: "level", code: 1, err: "holds no token\n"},
	}
	for _, tt := range tests {
		t.Setenv(tokenVariable, tt.token)
		t.Setenv(tokenFileVariable, tt.file)
		var out, errs bytes.Buffer
		code := Main([]string{"get", "/box", tt.lane, "--host", url}, &out, &errs)
		if code != tt.code || out.String() != tt.out || !strings.Contains(errs.String(), tt.err) || tt.err == "" && errs.Len() > 0 {
			t.Errorf("%s: exit %d, %q, %q; want %d, %q, %q", tt.name, code, out.String(), errs.String(), tt.code, tt.out, tt.err)
		}
	}
}

// HERE
func hashFile(t *testing.T, hash policy.Token) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hash")
	if err := os.WriteFile(path, []byte(hash.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// What hash prints for a line from a pipe is a hash of the line without its end.
func TestHash(t *testing.T) {
	for _, end := range []string{"\n", "\r\n", ""} {
		in, typed, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		typed.WriteString("correct horse" + end)
		typed.Close()
		var out, errs bytes.Buffer
		e := &env{out: &out, err: &errs}
		if err := e.hash(t.Context(), in); err != nil || errs.Len() > 0 {
			t.Fatalf("%v %s", err, &errs)
		}
		p, err := policy.ParsePassword(strings.TrimSpace(out.String()))
		if err != nil {
			t.Fatalf("%q: %v", &out, err)
		}
		made, err := policy.New(&policy.Config{Users: []policy.User{{Name: "a", Password: p}}})
		if err != nil {
			t.Fatal(err)
		}
		g := policy.NewGate(made, policy.Options{})
		defer g.Stop()
		if who, err := g.Password(t.Context(), netip.Addr{}, "a", "correct horse"); err != nil || who.Name() != "a" {
			t.Errorf("the password does not fit the hash of it: %v", err)
		}
	}
	for _, line := range []string{"", "\n", "short\n"} {
		in, typed, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		typed.WriteString(line)
		typed.Close()
		var out bytes.Buffer
		if err := (&env{out: &out, err: &out}).hash(t.Context(), in); err == nil || out.Len() > 0 {
			t.Errorf("%q: %v, printed %q", line, err, &out)
		}
		in.Close()
	}
}
