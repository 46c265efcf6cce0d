package agent

import (
	"fmt"
	"math"
	"time"
)

const never time.Duration = math.MaxInt64

// Every has fn run as a turn each d from now on. A turn that comes late does not put off those after
// it, and those that it overtakes are left out. The timer ends with the agent.
func (a *Agent) Every(d time.Duration, fn func()) {
	if d <= 0 {
		panic(fmt.Sprintf("agent %s: Every(%v) wants a time above zero", a.uri, d))
	}
	over := false // only turns ask, or what comes after the last
	due := time.Now().Add(d)
	var t *time.Timer
	t = time.AfterFunc(never, func() {
		a.rt.Wake(func() {
			if over {
				return
			}
			if late := time.Since(due); late >= 0 {
				due = due.Add(late.Truncate(d) + d)
			}
			t.Reset(time.Until(due))
			fn()
		})
	})
	t.Reset(d) // not given to AfterFunc: the timer must not fire before t is set
	a.opens(func() { over = true; t.Stop() })
}

// After has fn run as a turn once, d from now. The returned function, called in a turn, cancels it.
func (a *Agent) After(d time.Duration, fn func()) (cancel func()) {
	over := false // only turns ask, or what comes after the last
	var forget func()
	t := time.AfterFunc(never, func() {
		a.rt.Wake(func() {
			if !over {
				cancel()
				fn()
			}
		})
	})
	cancel = func() {
		over = true
		t.Stop()
		forget()
	}
	forget = a.opens(cancel)
	t.Reset(d)
	return cancel
}
