// Package browsertest drives a real Chromium in tests of the host's page.
//
// It speaks the DevTools protocol over the browser's own WebSocket. What a test waits for is waited for
// in the page, by a promise, so nothing here sleeps. A page that logs an error, throws, or breaks its
// Content-Security-Policy fails its test.
package browsertest

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// patience bounds everything that is waited for. It is spent only on a failure.
const patience = 60 * time.Second

// Browser is a running Chromium with a profile of its own.
type Browser struct {
	t    testing.TB
	conn *conn
}

// Start starts Chromium: $SELVAGE_CHROMIUM, or chromium in the path. Without one the test is skipped,
// and fails under CI=true. The browser ends with the test; call leaktest.Check before.
func Start(t testing.TB) *Browser {
	t.Helper()
	program, err := find()
	if err != nil {
		why := fmt.Sprintf("no Chromium: %v; name one in SELVAGE_CHROMIUM", err)
		if os.Getenv("CI") == "true" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	profile := t.TempDir()
	cmd := exec.Command(program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
		"--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--disable-dev-shm-usage", "--hide-scrollbars",
		"--remote-debugging-port=0", "--user-data-dir="+profile, "about:blank")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // its helper processes end with it
	cmd.Env = append(os.Environ(), "HOME="+profile)
	stderr, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatalf("start %s: %v", program, err)
	}
	lines, read := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(read)
		listen(stderr, lines)
	}()
	b := &Browser{t: t}
	t.Cleanup(func() {
		if b.conn != nil {
			b.conn.call("", "Browser.close", nil, nil) // so that it waits for its own processes
			b.conn.close()
			select {
			case <-read:
			case <-time.After(10 * time.Second):
			}
		}
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-read
		cmd.Wait()
		clear(profile)
	})
	var url string
	select {
	case url = <-lines:
	case <-time.After(patience):
	}
	if url == "" {
		t.Fatalf("%s said no DevTools address", program)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ws, _, err := websocket.DefaultDialer.DialContext(ctx, url, nil)
	if err != nil {
		t.Fatalf("connect to %s: %v", program, err)
	}
	b.conn = newConn(ws)
	return b
}

func find() (string, error) {
	if program := os.Getenv("SELVAGE_CHROMIUM"); program != "" {
		return exec.LookPath(program)
	}
	return exec.LookPath("chromium")
}

// listen sends the DevTools address that Chromium prints, and reads on so that it is never held up.
func listen(stderr interface{ Read([]byte) (int, error) }, url chan<- string) {
	defer close(url)
	r := bufio.NewReader(stderr)
	for found := false; ; {
		line, err := r.ReadString('\n')
		if _, at, ok := strings.Cut(line, "DevTools listening on "); ok && !found {
			found = true
			url <- strings.TrimSpace(at)
		}
		if err != nil {
			return
		}
	}
}

// clear empties the profile, in which the last of the browser's processes may still be writing: what
// TempDir does by itself would fail then.
func clear(profile string) {
	for range 100 {
		names, _ := filepath.Glob(filepath.Join(profile, "*"))
		hidden, _ := filepath.Glob(filepath.Join(profile, ".*"))
		left := false
		for _, name := range append(names, hidden...) {
			left = os.RemoveAll(name) != nil || left
		}
		if !left {
			return
		}
		<-time.After(10 * time.Millisecond)
	}
}
