package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"selvage/edge/config"
	"selvage/edge/leaktest"
)

// said is what a host prints.
type said struct {
	mu   sync.Mutex
	b    bytes.Buffer
	part string        // waited for
	has  chan struct{} // closed when it is there
}

func (s *said) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.b.Write(b)
	if s.part != "" && strings.Contains(s.b.String(), s.part) {
		s.part = ""
		close(s.has)
	}
	return len(b), nil
}

// runHost runs a host by a config until the test is over, and returns its URL.
func runHost(t *testing.T, path string) (url string) {
	t.Helper()
	leaktest.Check(t)
	plan, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	out := &said{part: " ls\n", has: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- (&env{out: out, err: &said{}}).run(ctx, plan, path, false) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	select {
	case <-out.has:
	case err := <-ended:
		ended <- err
		t.Fatal(err)
	}
	_, url, _ = strings.Cut(out.b.String(), "WARP ")
	url, _, _ = strings.Cut(strings.TrimSpace(url), "\n")
	return url
}

func TestReloadCommand(t *testing.T) {
	path := filepath.Join(t.TempDir(), "selvage.toml")
	write := func(more string) {
		t.Helper()
		text := "[host]\nname = \"test\"\ndata = \"" + filepath.Join(filepath.Dir(path), "var") + "\"\nlisten = \"127.0.0.1:0\"\n" + more
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("")
	url := runHost(t, path)
	run := func(asJSON bool) (out, errs string, err error) {
		var o, e bytes.Buffer
		c := (&env{out: &o, err: &e, host: url, json: asJSON}).reloadCommand()
		c.SetArgs(nil)
		c.SilenceErrors, c.SilenceUsage = true, true
		err = c.ExecuteContext(t.Context())
		return strings.ReplaceAll(o.String(), path, "FILE"), strings.ReplaceAll(e.String(), path, "FILE"), err
	}

	write("[agent.\"/room\"]\nkind = \"reload-follow\"\n")
	if out, errs, err := run(false); err != nil || errs != "" || out != "reloaded FILE: agent /room added, 0 unchanged\n" {
		t.Errorf("reload: %v, %q, %q", err, out, errs)
	}
	if out, errs, err := run(false); err != nil || errs != "" || out != "reloaded FILE: nothing has changed\n" {
		t.Errorf("reload again: %v, %q, %q", err, out, errs)
	}

	write("[agent.\"/room\"]\nkind = \"reload-folow\"\nmarc = 1\n[agent.\"/other\"]\n")
	out, errs, err := run(false)
	for _, want := range []string{"FILE:6:8: there is no kind \"reload-folow\"", "did you mean reload-follow?", "FILE:8:1: [agent.\"/other\"] needs a kind", "2 faults; nothing was changed.\n"} {
		if !strings.Contains(errs, want) {
			t.Errorf("with faults stderr is\n%s\nwant in it %s", errs, want)
		}
	}
	if err != errTold || out != "" {
		t.Errorf("with faults: %v, stdout %q", err, out)
	}
	out, _, err = run(true)
	var told struct{ File, Outcome, Said string }
	if json.Unmarshal([]byte(out), &told) != nil || err != errTold || told.Outcome != "refused" || told.File != "FILE" || !strings.HasSuffix(told.Said, "nothing was changed.") {
		t.Errorf("as JSON: %v, %s", err, out)
	}

	write("[broker]\nlisten = \"127.0.0.1:0\"\n")
	if out, errs, err := run(false); err != nil || out != "reloaded FILE: agent /room removed, broker changed, 0 unchanged\n" {
		t.Errorf("with a broker: %v, %q, %q", err, out, errs)
	}
	write("[agent.\"/room\"]\nkind = \"reload-follow\"\n")
	if out, errs, err := run(false); err != nil || out != "reloaded FILE: agent /room added, broker changed, 0 unchanged\n" {
		t.Errorf("without one: %v, %q, %q", err, out, errs)
	}

	const room = "[agent.\"/room\"]\nkind = \"reload-follow\"\n"
	write("[policy]\nloopback = \"all\"\n" + room)
	if out, errs, err := run(false); err != nil || out != "reloaded FILE: policy changed, 1 unchanged\n" {
		t.Errorf("with rules: %v, %q, %q", err, out, errs)
	}
	write(room)
	if out, errs, err := run(false); err != nil || out != "reloaded FILE: policy removed, 1 unchanged\n" {
		t.Errorf("without rules: %v, %q, %q", err, out, errs)
	}
	write("")
	if out, errs, err := run(false); err != errTold || out != "" || !strings.Contains(errs, "FILE: it asks for no device and no agent") {
		t.Errorf("with nothing: %v, %q, %q", err, out, errs)
	}
}

func TestReloadCommandNobodyThere(t *testing.T) {
	c := (&env{host: "warp://127.0.0.1:1"}).reloadCommand()
	c.SetArgs(nil)
	c.SilenceErrors, c.SilenceUsage = true, true
	if err := c.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), "is it running?") {
		t.Errorf("got %v", err)
	}
	c = (&env{host: plainHost(t)}).reloadCommand()
	c.SetArgs(nil)
	c.SilenceErrors, c.SilenceUsage = true, true
	if err := c.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), "there is no agent /host") {
		t.Errorf("got %v", err)
	}
}

// A file counts as changed when it has another text and two looks have found it the same.
func TestWatchedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.toml")
	at := time.Now()
	write := func(name, text string) {
		t.Helper()
		at = at.Add(time.Second) // not every file system tells apart what is written in one moment
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, at, at); err != nil {
			t.Fatal(err)
		}
	}
	write(path, "one")
	w := newWatched(path)
	look := func(when string, want ...bool) {
		t.Helper()
		for i, want := range want {
			if got := w.changed(); got != want {
				t.Errorf("%s, look %d: changed is %v", when, i, got)
			}
		}
	}
	look("untouched", false, false)
	write(path, "two")
	look("written", false, true, false)
	write(path, "thr")
	look("being written", false)
	write(path, "three")
	look("still", false)
	write(path, "three!")
	look("and done", false, true, false)
	write(path, "three!")
	look("only touched", false, false, false)
	write(path+"~", "four")
	if err := os.Rename(path+"~", path); err != nil {
		t.Fatal(err)
	}
	look("replaced", false, true, false)
	os.Remove(path)
	look("gone", false, false)
	write(path, "five")
	look("back", false, true, false)
	write(path, "six")
	w.note()
	look("read by another way", false, false)
}
