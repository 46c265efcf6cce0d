package meta

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/agent"
	"selvage/edge/host"
)

// logSome is what a unit does when it is told to log something.
func logSome(a *agent.Agent, text string) {
	log := a.Log().With("part", "pump").WithGroup("at")
	switch text {
	case "levels":
		for _, level := range []slog.Level{slog.LevelDebug - 4, slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
			a.Log().Log(context.Background(), level, "plain")
		}
	case "attrs":
		log.Info("no answer", "tries", 3, "wet", true, "err", errors.New("broken pipe"), slog.Group("g", "x", 1.5))
	case "flood":
		for i := range 10_000 {
			a.Log().Warn(fmt.Sprint("line ", i, strings.Repeat("x", 100)))
		}
	case "panic":
		panic("told to")
	}
}

func TestLogs(t *testing.T) {
	within(t, func(t *testing.T, h *host.Host) {
		c := dial(t, h)
		tell := func(text string) { c.send(`@command(node:"/unit/1",lane:log) ` + text) }
		for _, tag := range logTags {
			c.link(one, tag+"Log")
		}
		tell("levels")
		c.expect(logged(one, "trace", "plain"), logged(one, "debug", "plain"), logged(one, "info", "plain"), logged(one, "warn", "plain"), logged(one, "error", "plain"))
		tell("attrs")
		c.event(one, "infoLog", `@info(time:`+start+`){"no answer",part:pump,"at.tries":3,"at.wet":true,"at.err":"broken pipe","at.g.x":1.5}`)

		c.link("swim:meta:host", "warnLog")
		c.unlink(one, "infoLog")
		c.unlink(one, "warnLog")
		tell("levels")
		got := c.take()
		slices.Sort(got) // among links there is no order
		want := []string{`@event(node:"swim:meta:host",lane:warnLog)@warn(time:` + start + `,node:"/unit/1") plain`,
			logged(one, "debug", "plain"), logged(one, "error", "plain"), logged(one, "trace", "plain")}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		c.close()
		views(t, h, 0)

		c = dial(t, h)
		c.link(one+"/lane/level", "infoLog")
		c.send(`@command(node:"/unit/1",lane:log) levels`)
		c.nothing()
	})
}

func logged(node, tag, text string) string {
	return address("event", node, tag+"Log") + "@" + tag + "(time:" + start + ") " + text
}

// Nobody who logs pays for those who listen, if they do not.
func TestLogsUnheard(t *testing.T) {
	within(t, func(t *testing.T, h *host.Host) {
		a, _ := h.Node("/unit/1")
		log := a.Log()
		debug := func() bool { return log.Enabled(t.Context(), slog.LevelDebug) }
		if debug() {
			t.Error("debug is on while nobody listens")
		}
		c := dial(t, h)
		c.link(one, "debugLog")
		if !debug() {
			t.Error("debug is off while somebody listens")
		}
		c.close()
		synctest.Wait()
		if debug() {
			t.Error("debug is on after the last listener has gone")
		}
	})
}

// A turn that logs without end fills neither a mailbox nor the memory, and its readers learn of it.
func TestLogFlood(t *testing.T) {
	withWorkers(t, 1, func(t *testing.T, h *host.Host) {
		c := dial(t, h)
		c.link(one, "warnLog")
		c.send(`@command(node:"/unit/1",lane:log) flood`)
		got := c.take()
		if n, all := len(got), strings.Join(got, ""); n < 100 || n > 5_000 || !strings.Contains(all, " records were dropped here") {
			t.Errorf("%d records, the last is %s", n, got[n-1])
		}
	})
}

func TestFailLog(t *testing.T) {
	within(t, func(t *testing.T, h *host.Host) {
		c := dial(t, h)
		c.link(one, "failLog")
		c.link(one, "errorLog")
		c.send(`@command(node:"/unit/1",lane:log) panic`)
		got := c.take()
		want := address("event", one, "failLog") + `@fail(time:` + start + `)@exception("told to"){@at(class:"selvage/edge/meta",method:logSome,file:"logs_test.go",line:`
		if len(got) != 1 || !strings.HasPrefix(got[0], want) || !strings.Contains(got[0], `@at(class:"selvage/edge/host",method:"(*cell).run",file:"cell.go",line:`) {
			t.Errorf("got %q, want %s…", got, want)
		}
		time.Sleep(time.Second) // the agent is back, and heard
		c.send(`@command(node:"/unit/1",lane:log) levels`)
		if got := c.take(); len(got) != 1 || !strings.Contains(got[0], "plain") {
			t.Errorf("after the restart: %q", got)
		}
	})
}

func TestCutFunction(t *testing.T) {
	for _, tt := range []struct{ line, class, method string }{
		{"main.main()", "main", "main"},
		{"selvage/edge/agent.(*Agent).turn(0xc000, {0x1, 0x2})", "selvage/edge/agent", "(*Agent).turn"},
		{"selvage/edge/agent.(*Agent).turn.func1()", "selvage/edge/agent", "(*Agent).turn.func1"},
		{"selvage/edge/agent.Value[...](...)", "selvage/edge/agent", "Value[...]"},
		{"created by net/http.(*Server).Serve in goroutine 7", "net/http", "(*Server).Serve"},
		{"created by github.com/x/y.Go in goroutine 7", "github.com/x/y", "Go"},
		{"", "", ""},
	} {
		if class, method := cutFunction(tt.line); class != tt.class || method != tt.method {
			t.Errorf("cutFunction(%q) = %q, %q, want %q, %q", tt.line, class, method, tt.class, tt.method)
		}
	}
}
