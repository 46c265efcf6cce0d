// Package leaktest finds goroutines that a test has started and not stopped.
package leaktest

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

// patience bounds how long stopped goroutines may take to leave. It is spent only on a leak.
const patience = 5 * time.Second

// Check makes t fail if goroutines that are not there yet still run at its end, and names
// their stacks. Call it first: clean-ups run last in, first out, so everything the test
// closes in its own is closed by then. Goroutines of parallel tests would be counted too, so
// it has no place in those; and none in a synctest bubble, which finds its leaks itself.
func Check(t testing.TB) {
	check(t, patience)
}

func check(t testing.TB, patience time.Duration) {
	t.Helper()
	before := stacks()
	t.Cleanup(func() {
		t.Helper()
		left := leaked(before)
		deadline := time.Now().Add(patience)
		for pause := time.Millisecond; len(left) > 0 && time.Now().Before(deadline); pause *= 2 {
			runtime.Gosched()
			<-time.After(pause) // a goroutine told to stop may still be on its way out
			left = leaked(before)
		}
		for _, stack := range left {
			t.Errorf("this goroutine still runs at the end of the test; stop it and wait for it:\n%s", stack)
		}
	})
}

// leaked returns the stacks of goroutines that are not in before.
func leaked(before map[string]string) []string {
	var left []string
	for id, stack := range stacks() {
		if _, old := before[id]; !old && !ours(stack) {
			left = append(left, stack)
		}
	}
	return left
}

// ours reports whether a goroutine belongs to the testing package or the runtime, which start
// some late and keep them.
func ours(stack string) bool {
	for _, mark := range []string{
		"testing.(*T).Run",      // a test, or a parent waiting for its subtests
		"os/signal.",            // the process's one receiver, started by the first Notify
		"runtime.ensureSigM",    // likewise
		"runtime.runFinalizers", // shown while one runs
		"runtime.runCleanups",   // likewise
	} {
		if strings.Contains(stack, mark) {
			return true
		}
	}
	return false
}

// stacks returns the stack of every goroutine but the caller's under its number.
func stacks() map[string]string {
	buf := make([]byte, 1<<16)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			buf = buf[:n]
			break
		}
		buf = make([]byte, 2*len(buf))
	}
	all := strings.Split(string(buf), "\n\n")
	byID := make(map[string]string, len(all))
	for _, stack := range all[1:] { // the caller's comes first
		id, _, _ := strings.Cut(strings.TrimPrefix(stack, "goroutine "), " ")
		byID[id] = strings.TrimSpace(stack)
	}
	return byID
}
