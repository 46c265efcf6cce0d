package main

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const beSelvage = "SELVAGE_TEST_BE_SELVAGE"

// TestMain lets the test binary be the program itself, with what kinds_test.go adds to it, when a
// test starts it again.
func TestMain(m *testing.M) {
	if os.Getenv(beSelvage) != "" {
		main()
	}
	os.Exit(m.Run())
}

// A folder is where one story's programs run: with its config, its data, and nobody else's.
type folder string

// newFolder holds the sample config, listening on free ports, with more appended to it.
func newFolder(t testing.TB, more string) folder {
	t.Helper()
	sample, err := os.ReadFile("../../../build/sample/selvage.toml")
	if err != nil {
		t.Fatal(err)
	}
	config := strings.ReplaceAll(string(sample), "127.0.0.1:1883", freePort(t)) // of its broker, for its uplink too
	return folderWith(t, replace(t, config, `"127.0.0.1:9001"`, `"127.0.0.1:0"`)+more)
}

func folderWith(t testing.TB, config string) folder {
	t.Helper()
	f := folder(t.TempDir())
	f.write(t, "selvage.toml", config)
	return f
}

func (f folder) write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(string(f), name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// broker returns the address of the sample's broker.
func (f folder) broker(t testing.TB) string {
	t.Helper()
	config, err := os.ReadFile(filepath.Join(string(f), "selvage.toml"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(config), "[broker]\nlisten = \"")
	address, _, _ := strings.Cut(rest, `"`)
	if !ok {
		t.Fatal("the config has no broker")
	}
	return address
}

// replace replaces what must be there.
func replace(t testing.TB, s, old, new string) string {
	t.Helper()
	if !strings.Contains(s, old) {
		t.Fatalf("there is no %s to replace", old)
	}
	return strings.Replace(s, old, new, 1)
}

func (f folder) command(args ...string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	c := exec.Command(self, args...)
	c.Dir = string(f)
	c.Env = append(os.Environ(), beSelvage+"=1",
		"GORACE=atexit_sleep_ms=0 "+os.Getenv("GORACE")) // else the race detector adds a second to each run
	return c
}

// result is how a program that ended by itself ended.
type result struct {
	out, err string
	code     int
}

// run runs the program to its end.
func (f folder) run(t testing.TB, args ...string) result {
	t.Helper()
	c := f.command(args...)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	err := c.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{out.String(), errs.String(), c.ProcessState.ExitCode()}
}

// A program runs until it is stopped.
type program struct {
	cmd      *exec.Cmd
	out, err lines
	ended    chan struct{}
	url      string // of a host: warp://127.0.0.1:PORT
}

// start starts a program that the test's end kills, if it still runs then.
func start(t testing.TB, c *exec.Cmd) *program {
	t.Helper()
	p := &program{cmd: c, ended: make(chan struct{})}
	p.out.news, p.err.news = make(chan struct{}, 1), make(chan struct{}, 1)
	c.Stdout, c.Stderr = &p.out, &p.err
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		c.Wait() // how it ended is in ProcessState
		close(p.ended)
	}()
	t.Cleanup(func() {
		c.Process.Kill()
		<-p.ended
		if t.Failed() {
			t.Logf("%s wrote\n%s%s", strings.Join(c.Args[1:], " "), p.out.text(), p.err.text())
		}
	})
	return p
}

// host starts `selvage run` and waits until it has told where it is.
func (f folder) host(t testing.TB) *program {
	t.Helper()
	return hostBy(t, f.command("run"))
}

var warpURL = regexp.MustCompile(`warp://[0-9.]+:\d+`)

func hostBy(t testing.TB, c *exec.Cmd) *program {
	t.Helper()
	p := start(t, c)
	p.url = warpURL.FindString(p.out.wait(t, p, "WARP"))
	p.out.wait(t, p, " ls\n") // the end of the greeting
	return p
}

// stop sends a signal and returns the exit code.
func (p *program) stop(t testing.TB, s os.Signal, within time.Duration) int {
	t.Helper()
	began := time.Now()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.ended:
	case <-time.After(within + patience):
		t.Fatalf("%v had no effect", s)
	}
	if took := time.Since(began); took > within {
		t.Errorf("stopping took %v, want at most %v", took, within)
	}
	return p.cmd.ProcessState.ExitCode()
}

// patience bounds the wait for what should come at once; it is long for machines that are busy.
const patience = 60 * time.Second

// lines is what a program has written so far.
type lines struct {
	mu   sync.Mutex
	b    bytes.Buffer
	news chan struct{}
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.news <- struct{}{}:
	default:
	}
	return l.b.Write(b)
}

func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// wait waits for part and returns the line it ends in, up to its end.
func (l *lines) wait(t testing.TB, p *program, part string) string {
	t.Helper()
	deadline := time.After(patience)
	for {
		if _, after, ok := strings.Cut(l.text(), part); ok {
			line, err := bufio.NewReader(strings.NewReader(after)).ReadString('\n')
			if err == nil || strings.HasSuffix(part, "\n") {
				return line
			} else if err != io.EOF {
				t.Fatal(err)
			}
		}
		select {
		case <-l.news:
		case <-p.ended:
			if !strings.Contains(l.text(), part) {
				t.Fatalf("the program ended with %v before it wrote %q", p.cmd.ProcessState, part)
			}
		case <-deadline:
			t.Fatalf("%q was not written", part)
		}
	}
}

// golden compares a program's words with a file in testdata, names that change from run to run
// replaced.
func golden(t testing.TB, name, got string, names ...string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	got = strings.NewReplacer(append(names, self, "selvage")...).Replace(got)
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant, by %s\n%s", got, file, want)
	}
}

// needs returns an environment variable that a test depends on.
func needs(t testing.TB, name, what string) string {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		lacks(t, fmt.Sprintf("%s is not set to %s; make test sets it where it can", name, what))
	}
	return v
}

// lacks skips a test for which something is missing here; with CI=true nothing may be.
func lacks(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip(what)
}
