package leaktest

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// recorder is a testing.TB that keeps what it is told.
type recorder struct {
	testing.TB
	errors  []string
	cleanup []func()
}

func (r *recorder) Helper()          {}
func (r *recorder) Cleanup(f func()) { r.cleanup = append(r.cleanup, f) }
func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

func (r *recorder) end() {
	for i := len(r.cleanup) - 1; i >= 0; i-- {
		r.cleanup[i]()
	}
}

func TestCheckNamesALeak(t *testing.T) {
	r := &recorder{TB: t}
	check(r, 20*time.Millisecond)
	release := make(chan struct{})
	defer close(release)
	go lingers(release)
	r.end()
	if len(r.errors) != 1 || !strings.Contains(r.errors[0], "leaktest.lingers") {
		t.Errorf("want one error that names lingers, got %q", r.errors)
	}
}

func TestCheckWaitsForAGoroutineOnItsWayOut(t *testing.T) {
	r := &recorder{TB: t}
	Check(r)
	release := make(chan struct{})
	go lingers(release)
	time.AfterFunc(10*time.Millisecond, func() { close(release) })
	r.end()
	if len(r.errors) != 0 {
		t.Errorf("want no error, got %q", r.errors)
	}
}

func TestCheckLeavesOldGoroutinesAlone(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	go lingers(release)
	r := &recorder{TB: t}
	check(r, 20*time.Millisecond)
	r.end()
	if len(r.errors) != 0 {
		t.Errorf("want no error, got %q", r.errors)
	}
}

func TestCheckRunsLast(t *testing.T) {
	r := &recorder{TB: t}
	Check(r)
	release := make(chan struct{})
	go lingers(release)
	r.Cleanup(func() { close(release) })
	r.end()
	if len(r.errors) != 0 {
		t.Errorf("want no error, got %q", r.errors)
	}
}

func lingers(release <-chan struct{}) { <-release }
