package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"selvage/drivers/fields"
	"selvage/edge/device"
	"selvage/edge/device/drivertest"
	"selvage/edge/leaktest"
)

type channels = map[string]fields.Channel

func runs(command ...string) Config {
	return Config{Command: command, Channel: channels{"temperature": {Unit: "Cel"}}}
}

// script is what runs a few lines of a shell.
func script(lines string) Config { return runs("sh", "-c", lines) }

func open(t *testing.T, c Config) *Dev {
	t.Helper()
	c.Check(func(key, problem, remedy string) { t.Errorf("%s: %s; %s", key, problem, remedy) })
	d, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// read shows what a measurement gave, or its fault, which has a remedy.
func read(t *testing.T, ctx context.Context, d *Dev) string {
	t.Helper()
	s, err := d.Read(ctx)
	var all []string
	for _, m := range s {
		if m.Err != nil && err == nil {
			err = m.Err
		}
		all = append(all, fmt.Sprint(m.Channel, "=", m.Value, m.Text))
	}
	var f *device.Fault
	switch {
	case errors.As(err, &f) && f.Remedy == "":
		t.Errorf("%v has no remedy", err)
	case f != nil:
		return f.Text
	case err != nil:
		return err.Error()
	}
	return strings.Join(all, " ")
}

func TestDriver(t *testing.T) {
	drivertest.Run(t, drivertest.Case{Driver: "exec", Config: runs("echo", "21.5")})
}

func TestReads(t *testing.T) {
	leaktest.Check(t)
	t.Setenv("SELVAGE_SECRET", "hunter2")
	dir := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	with := func(c Config, change func(*Config)) Config {
		change(&c)
		return c
	}
	forbidden := file("forbidden", "#!/bin/sh\n", 0o600)
	binary := file("binary", "\x7fELF nonsense\n", 0o700)
	lost := file("lost", "#!/no/such/interpreter\n", 0o700)
	for _, c := range []struct {
		name   string
		config Config
		want   string
	}{
		{"a number", runs("echo", "21.5"), "temperature=21.5"},
		{"JSON", runs("echo", `{"temperature": 21.5}`), "temperature=21.5"},
		{"a pattern", with(runs("echo", "temp=48.3'C"), func(c *Config) { c.Match = "temp=(?P<temperature>[0-9.]+)" }), "temperature=48.3"},
		{"lines", with(script("echo x; echo in: 7; echo out: 8"), func(c *Config) {
			c.Match, c.Channel = `^in: (?P<in>\d+)|^out: (?P<out>\d+)`, channels{"in": {}, "out": {}, "off": {Path: "out", Scale: 0.5}}
		}), "in=7 off=4 out=8"},
		{"a folder", with(runs("pwd"), func(c *Config) { c.Folder, c.Channel = dir, channels{"where": {Form: "text"}} }), "where=0" + dir},
		{"an environment", with(script(`echo "$WHO $LC_ALL $SELVAGE_SECRET."`), func(c *Config) {
			c.Env, c.Channel = map[string]string{"WHO": "me"}, channels{"who": {Form: "text"}}
		}), "who=0me C ."},
		{"nothing to read from", script("read x; echo ${x}5"), "temperature=5"},
		{"words beside", script("echo warning >&2; echo 5"), "temperature=5"},
		{"no number", runs("echo", "warm"), `what echo writes has something else for temperature: "warm" is no number`},
		{"nothing", runs("true"), "what true writes is empty"},
		{"only words", script("echo 'no sensor' >&2"), "sh wrote no value, but no sensor"},
		{"a status", script("echo 5; echo starting >&2; echo 'no sensor found' >&2; exit 3"), "sh ended with status 3: no sensor found"},
		{"a status without words", runs("false"), "false ended with status 1"},
		{"words for a terminal", script(`printf 'a\r\nred \033[31m%0300d\n\n' 0 >&2; exit 1`), "sh ended with status 1: red [31m" + strings.Repeat("0", said-len("red [31m")) + "…"},
		{"a signal", script("kill -9 $$"), "sh was ended by signal: killed"},
		{"very much", runs("yes"), "yes wrote more than 1048576 bytes, and was ended"},
		{"no program", runs("no-such-program-here"), "there is no program no-such-program-here"},
		{"no file", runs(dir + "/none"), "there is no program " + dir + "/none"},
		{"no folder", with(runs("echo", "1"), func(c *Config) { c.Folder = dir + "/none" }), "echo cannot run in the folder " + dir + "/none: it is not there"},
		{"a folder", runs(dir), dir + " may not be run"},
		{"not executable", runs(forbidden), forbidden + " may not be run"},
		{"not for this machine", runs(binary), binary + " is nothing that can be run"},
		{"no interpreter", runs(lost), lost + " cannot be run: what it is to be run by is not there"},
	} {
		if got := read(t, t.Context(), open(t, c.config)); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
	d := open(t, runs("echo", "1"))
	_ = d.Close()
	if got := read(t, t.Context(), d); got != errClosed.Error() {
		t.Errorf("closed: %s", got)
	}
}

// appears waits for a file that a script writes, and returns what is in it.
func appears(t *testing.T, file string) string {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		if text, err := os.ReadFile(file); err == nil && strings.HasSuffix(string(text), "\n") {
			return strings.TrimSpace(string(text))
		}
		<-time.After(time.Millisecond)
	}
	t.Fatal("the script does not run")
	return ""
}

// ends waits until a process is gone, or only waits to be buried by who has it now.
func ends(t *testing.T, pid string) {
	t.Helper()
	state := ""
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		stat, err := os.ReadFile("/proc/" + pid + "/stat")
		_, after, _ := strings.Cut(string(stat), ") ")
		if state = after; err != nil || after[0] == 'Z' || after[0] == 'X' {
			return
		}
		<-time.After(time.Millisecond)
	}
	t.Errorf("process %s still runs: %s", pid, state)
}

// What a program has started goes with it: when its time is over, when somebody stops it, and when it ends by itself.
func TestNothingIsLeft(t *testing.T) {
	leaktest.Check(t)
	const starts = "sleep 1000 & echo $! > FILE.new; mv FILE.new FILE; "
	for _, c := range []struct {
		name, then, want string
		cancel           bool
	}{
		{"out of time", "wait", "sh was not done in time, and was ended: waiting", false},
		{"stopped", "wait", context.Canceled.Error(), true},
		{"done", "echo 5", "temperature=5", false},
		{"failed", "exit 1", "sh ended with status 1: waiting", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "pid")
			d := open(t, script("echo waiting >&2; "+strings.ReplaceAll(starts, "FILE", file)+c.then))
			ctx, cancel := context.WithCancelCause(t.Context())
			if !c.cancel {
				expiring, stop := newExpiring(t.Context())
				ctx, cancel = expiring, func(error) { stop() }
			}
			done := make(chan string)
			go func() { done <- read(t, ctx, d) }()
			pid := appears(t, file)
			if c.then == "wait" {
				cancel(nil)
			}
			if got := <-done; got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			cancel(nil)
			ends(t, pid)
		})
	}
}

// expiring is a context whose time is over when the test says so.
type expiring struct{ context.Context }

func newExpiring(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(parent)
	return expiring{ctx}, cancel
}

func (e expiring) Err() error {
	if e.Context.Err() != nil {
		return context.DeadlineExceeded
	}
	return nil
}

// One that has left its group can keep the pipe open, and nothing more.
func TestLeavesItsGroup(t *testing.T) {
	leaktest.Check(t)
	file := filepath.Join(t.TempDir(), "pid")
	d := open(t, script("setsid sleep 5 & echo $! > "+file+"; echo 5"))
	if got := read(t, t.Context(), d); got != "temperature=5" {
		t.Error(got)
	}
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		config Config
		want   []string
	}{
		{runs("echo", "5"), nil},
		{Config{}, []string{"command", "channel"}},
		{runs("echo 5"), []string{"command"}},
		{Config{Command: []string{"x"}, Env: map[string]string{"a=b": ""}, Match: "(", Channel: channels{"A": {}}}, []string{"env.a=b", "match", "channel.A"}},
	} {
		var got []string
		c.config.Check(func(key, problem, remedy string) {
			if got = append(got, key); problem == "" || remedy == "" {
				t.Errorf("fault at %s: %q, %q", key, problem, remedy)
			}
		})
		if !slices.Equal(got, c.want) {
			t.Errorf("%v: faults at %q, want %q", c.config.Command, got, c.want)
		}
	}
}
