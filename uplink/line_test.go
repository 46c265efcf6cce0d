package uplink_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/agent"
	"selvage/edge/clock"
	"selvage/edge/health"
	"selvage/edge/host"
	"selvage/uplink"
)

// script is an uplink whose every Run is one of the test's functions; the last one is for all that follow.
type script struct {
	line *uplink.Line
	runs []func(ctx context.Context, l *uplink.Line) error
	at   []time.Duration // when each began
	from time.Time
}

func (s *script) Peer() string               { return "test://there" }
func (s *script) Setup(a *agent.Agent) error { agent.Value(a, "extra", 1); return nil }
func (s *script) Run(ctx context.Context) error {
	n := len(s.at)
	s.at = append(s.at, time.Since(s.from))
	return s.runs[min(n, len(s.runs)-1)](ctx, s.line)
}

func init() {
	uplink.Register("script", (*script)(nil), func(l *uplink.Line, s *script) (uplink.Uplink, error) {
		s.line, s.from = l, time.Now()
		return s, nil
	})
}

func failing(err error) func(context.Context, *uplink.Line) error {
	return func(context.Context, *uplink.Line) error { return err }
}

// up is connected for d, or for ever if that is 0.
func up(d time.Duration) func(context.Context, *uplink.Line) error {
	return func(ctx context.Context, l *uplink.Line) error {
		l.Up()
		l.In.Add(2)
		l.Out.Add(1)
		if d == 0 {
			<-ctx.Done()
			return nil
		}
		select {
		case <-time.After(d):
		case <-ctx.Done():
		}
		return nil
	}
}

// run runs a script for d of virtual time and hands it to look before all of it stops.
func run(t *testing.T, d time.Duration, look func(*testing.T, *script, *host.Host), runs ...func(context.Context, *uplink.Line) error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := host.New(host.Options{Clock: clock.New("test", func() bool { return true }), Health: health.NewBoard(), Log: slog.New(slog.DiscardHandler)})
		s := &script{runs: runs}
		l, err := uplink.Open(h.Uplinks(), uplink.Spec{Name: "x", Kind: "script", Config: s})
		if err != nil {
			t.Fatal(err)
		}
		l.Start()
		time.Sleep(d)
		synctest.Wait()
		look(t, s, h)
		if err := l.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		if err := h.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func status(t *testing.T, h *host.Host) string {
	t.Helper()
	s, err := h.Read(t.Context(), "/uplink/x", "status")
	if err != nil {
		t.Fatal(err)
	}
	return string(s.Events[0])
}

func wants(t *testing.T, got string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(got, p) {
			t.Errorf("%s: want %s in it", got, p)
		}
	}
}

func TestConnected(t *testing.T) {
	run(t, 3*time.Second, func(t *testing.T, _ *script, h *host.Host) {
		wants(t, status(t, h), "state:connected", `peer:"test://there"`, "in:2", "out:1")
		if c := h.Health.Active(); len(c) > 0 {
			t.Errorf("conditions %v", c)
		}
		if _, err := h.Read(t.Context(), "/uplink/x", "extra"); err != nil {
			t.Error(err)
		}
	}, up(0))
}

// Pauses grow to half a minute and more, spread; each is at least half of what it is by plan.
func TestBackOff(t *testing.T) {
	fault := &uplink.Fault{Err: errors.New("no way there"), Remedy: "build a bridge"}
	run(t, 10*time.Minute, func(t *testing.T, s *script, h *host.Host) {
		for i, at := range s.at[1:] {
			pause := at - s.at[i]
			if pause < 250*time.Millisecond || pause > 45*time.Second {
				t.Errorf("pause %d is %v", i, pause)
			}
			if i > 9 && pause < 15*time.Second {
				t.Errorf("pause %d is %v after so many failures", i, pause)
			}
		}
		if n := len(s.at); n < 20 || n > 50 {
			t.Errorf("%d tries in ten minutes", n)
		}
		wants(t, status(t, h), "state:connecting", `lastError:"no way there"`)
		c := h.Health.Active()
		if len(c) != 1 || c[0].Code != "uplink.x" || c[0].Remedy != "build a bridge" {
			t.Errorf("conditions %v", c)
		}
	}, failing(fault))
}

// A connection that outlasts the pause before it makes the next pause a short one, a flash does not.
func TestBackOffBeginsAnew(t *testing.T) {
	run(t, 3*time.Minute, func(t *testing.T, s *script, h *host.Host) {
		last := len(s.at) - 1
		if pause := s.at[last] - s.at[last-1] - 40*time.Second; pause > time.Second {
			t.Errorf("%v until the next try, after 40 s of connection", pause)
		}
		wants(t, status(t, h), "state:connected")
		if c := h.Health.Active(); len(c) > 0 {
			t.Errorf("conditions %v", c)
		}
	}, failing(nil), failing(nil), failing(nil), failing(nil), up(40*time.Second), up(0))
	for _, flash := range []time.Duration{time.Millisecond, 4 * time.Second} {
		run(t, 10*time.Minute, func(t *testing.T, s *script, h *host.Host) {
			if n := len(s.at); n > 60 {
				t.Errorf("%d tries in ten minutes, though no connection lasts", n)
			}
			if c := h.Health.Active(); len(c) != 1 {
				t.Errorf("a connection that comes and goes after %v shows as %v", flash, c)
			}
		}, up(flash))
	}
}

func TestPanic(t *testing.T) {
	run(t, 10*time.Second, func(t *testing.T, s *script, h *host.Host) {
		wants(t, status(t, h), "state:connected", `lastError:"panic: oh"`)
	}, func(context.Context, *uplink.Line) error { panic("oh") }, up(0))
}
