package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
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
	"selvage/edge/route"
	"selvage/edge/store"
	"selvage/edge/web"
)

// keeping is a Selvage host that keeps a week of what its box had.
func keeping(t *testing.T) (url string) {
	t.Helper()
	c := clock.System()
	c.Learn(time.Now()) // where the kernel does not know it
	s, err := store.Open(store.Options{Dir: t.TempDir(), Clock: c})
	if err != nil {
		t.Fatal(err)
	}
	s.SetRules(func(route.NodeURI, route.LaneName) (store.Keep, bool) {
		return store.Keep{For: 7 * 24 * time.Hour}, true
	})
	h := host.New(host.Options{Clock: c, Health: health.NewBoard(), Log: slog.New(slog.DiscardHandler), Store: s})
	_, err = h.Add("/box", host.Agents, agent.NewKind("box", struct{}{}, func(a *agent.Agent, _ struct{}) error {
		agent.Value(a, "level", 1.5)
		return nil
	}), nil)
	if err != nil {
		t.Fatal(err)
	}
	l, err := web.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := web.Start(l, web.Options{Host: h, Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := errors.Join(w.Stop(ctx), h.Stop(ctx), s.Close()); err != nil {
			t.Error(err)
		}
	})
	return "warp://" + l.Addr().String()
}

// TestHistoryImport: what one host prints another takes, and prints the same, however often it was given it.
func TestHistoryImport(t *testing.T) {
	leaktest.Check(t)
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	run := func(code int, args ...string) (out, said string) {
		t.Helper()
		var o, e bytes.Buffer
		if got := Main(args, &o, &e); got != code {
			t.Fatalf("selvage %s: exit %d: %s%s", strings.Join(args, " "), got, &o, &e)
		}
		return o.String(), e.String()
	}
	base := time.Now().Add(-time.Hour).UnixMilli()
	text := "at,value\n2020-01-01T00:00:00Z,5\n"
	for i := range 2 * importLines {
		text += fmt.Sprintf("%d,%d\n", base+int64(i), i)
	}
	one, other := keeping(t), keeping(t)
	out, _ := run(0, "history", "import", "/box", "level", write("made.csv", text), "--host", one)
	if want := fmt.Sprintf("/box level: %d values recorded\n1 are older than what is kept, and were left out\n", 2*importLines); out != want {
		t.Errorf("import said %q, want %q", out, want)
	}
	printed, _ := run(0, "history", "/box", "level", "--since", "all", "--csv", "--host", one)
	file := write("printed.csv", printed)
	for range 2 {
		if out, _ = run(0, "history", "import", "/box", "level", file, "--host", other, "--json"); out != fmt.Sprintf("{\"taken\":%d,\"expired\":0}\n", 2*importLines) {
			t.Errorf("import said %q", out)
		}
	}
	if again, _ := run(0, "history", "/box", "level", "--since", "all", "--csv", "--host", other); again != printed || strings.Count(printed, "\n") != 2*importLines+1 {
		t.Errorf("%d lines were printed and %d after their import", strings.Count(printed, "\n"), strings.Count(again, "\n"))
	}
	if out, _ = run(0, "get", "/box", "level", "--host", other); out != "1.5\n" {
		t.Errorf("the lane holds %s", out)
	}
	for _, tt := range []struct{ name, text, want string }{
		{"empty.csv", "", "is empty"},
		{"torn.csv", text + "1,2,3\n", "record on line 4003: wrong number of fields"},
		{"words.csv", "at,value\nnow,2\n", `line 2: "now" is no time`},
		{"late.csv", text + "now,2\n", "the first 4000 values are recorded"},
	} {
		if _, said := run(1, "history", "import", "/box", "level", write(tt.name, tt.text), "--host", one); !strings.Contains(said, tt.want) {
			t.Errorf("%s: %s, want %s", tt.name, said, tt.want)
		}
	}
}
