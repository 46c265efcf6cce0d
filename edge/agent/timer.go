package agent

import (
	"fmt"
	"time"
)

// Every has fn run as a turn each d from now on. A turn that comes late does not put off those after
// it, and those that it overtakes are left out. The timer ends with the agent.
func (a *Agent) Every(d time.Duration, fn func()) {
	if d <= 0 {
		panic(fmt.Sprintf("agent %s: Every(%v) wants a time above zero", a.uri, d))
	}
	var t *time.Timer
	a.opens("Every", func() { t.Stop() })
	due := time.Now().Add(d)
	t = time.AfterFunc(d, a.later(func() {
		if late := time.Since(due); late >= 0 {
			due = due.Add(late.Truncate(d) + d)
		}
		t.Reset(time.Until(due))
		fn()
	}))
}

// After has fn run as a turn once, d from now. The returned function, called in a turn, cancels it.
func (a *Agent) After(d time.Duration, fn func()) (cancel func()) {
	over := false
	var t *time.Timer
	forget := a.opens("After", func() { t.Stop() })
	cancel = func() {
		over = true
		t.Stop()
		forget()
	}
	t = time.AfterFunc(d, a.later(func() {
		if !over {
			cancel()
			fn()
		}
	}))
	return cancel
}
