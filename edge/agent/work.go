package agent

import (
	"context"
	"fmt"
	"runtime/debug"

	"selvage/edge/health"
)

// maxWorks bounds how many works of one agent run at a time; more wait.
const maxWorks = 16

// works are what one agent has going on outside of turns.
type works struct {
	ctx     context.Context
	running int
	waiting []func(context.Context) func()
	end     func()
}

// Go runs work on a goroutine of its own, for what may block, such as a request to another server.
// What it returns is run as a turn, unless it is nil; that is how the result gets back. work must not
// touch the agent. ctx ends with the agent, which then has no use for the result any more. At most 16
// works of an agent run at a time, more wait for one of these to end.
func (a *Agent) Go(work func(ctx context.Context) (then func())) {
	r := a.more()
	if r.works == nil {
		ctx, cancel := context.WithCancel(context.Background())
		w := &works{ctx: ctx}
		forget := a.opens(cancel)
		w.end = func() { cancel(); forget(); r.works = nil }
		r.works = w
	}
	w := r.works
	if w.running == maxWorks {
		w.waiting = append(w.waiting, work)
		return
	}
	w.running++
	a.rt.Work(func() { a.work(w, work) })
}

func (a *Agent) work(w *works, work func(context.Context) func()) {
	then := a.attempt(w.ctx, work)
	a.rt.Wake(func() {
		if w.ctx.Err() != nil {
			return
		}
		w.running--
		if len(w.waiting) > 0 {
			next := w.waiting[0]
			w.waiting = w.waiting[1:]
			w.running++
			a.rt.Work(func() { a.work(w, next) })
		}
		if w.running == 0 {
			w.end()
		}
		if then != nil {
			then()
		}
	})
}

// attempt runs work; if it panics, that is a condition of the agent, which goes on.
func (a *Agent) attempt(ctx context.Context, work func(context.Context) func()) (then func()) {
	code := "work." + string(a.uri)
	defer func() {
		p := recover()
		if p == nil {
			a.rt.Health().Clear(code)
			return
		}
		a.Log().Error("panic in Go", "cause", fmt.Sprint(p), "stack", string(debug.Stack()))
		a.rt.Health().Raise(health.Condition{
			Code:     code,
			Text:     fmt.Sprintf("agent %s: what it does beside its turns ended: panic: %v", a.uri, p),
			Remedy:   "the agent goes on without the result; the log has the place, and its author would like to know",
			Severity: health.Failure,
		})
		then = nil
	}()
	return work(ctx)
}
