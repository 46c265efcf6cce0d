package agent

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"selvage/edge/health"
)

// maxWorks bounds how many works of one agent run at a time, maxWaiting how many more wait.
const (
	maxWorks   = 16
	maxWaiting = 1024
)

// ErrBusy is what Go returns for a work that is one too many.
var ErrBusy = errors.New("the agent has too much to do beside its turns; try again later")

// works are what one agent has going on outside of turns.
type works struct {
	ctx     context.Context
	running int
	waiting []func(context.Context) func()
	full    bool // a condition says so
	end     func()
}

// Go runs work on a goroutine of its own, for what may block, such as a request to another server.
// What it returns is run as a turn, unless it is nil; that is how the result gets back. work must not
// touch the agent. ctx ends with the agent, which then has no use for the result any more. At most 16
// works of an agent run at a time, and 1024 more wait for one of these to end. One that comes then is not
// done: Go returns ErrBusy, which the handler of a command may return in turn, and the host shows it.
func (a *Agent) Go(work func(ctx context.Context) (then func())) error {
	a.inTurn("Go")
	r := a.more()
	if r.works == nil {
		ctx, cancel := context.WithCancel(context.Background())
		forget := a.opens("Go", cancel)
		r.works = &works{ctx: ctx, end: func() { cancel(); forget(); r.works = nil }}
	}
	w := r.works
	switch {
	case w.running < maxWorks:
		a.work(w, work)
	case len(w.waiting) < maxWaiting:
		w.waiting = append(w.waiting, work)
	default:
		a.rt.Health().Add("work.refused", 1)
		if !w.full {
			w.full = true
			a.rt.Health().Raise(health.Condition{
				Code:     a.fullCode(),
				Text:     fmt.Sprintf("agent %s: %d works that it does beside its turns run and %d wait: more are refused", a.uri, maxWorks, maxWaiting),
				Remedy:   "see what they wait for, or send the agent less",
				Severity: health.Failure,
			})
		}
		return ErrBusy
	}
	return nil
}

func (a *Agent) work(w *works, work func(context.Context) func()) {
	w.running++
	run := a.run.Load()
	a.rt.Work(func() {
		var then func()
		returned := false
		defer func() {
			var failed *Panicked
			if !returned {
				failed = panicked(recover())
				a.Log().Error("panic in Go", "cause", fmt.Sprint(failed.Cause), "stack", string(failed.Stack))
			}
			a.rt.Wake(Mail{Run: run, Do: func() {
				a.worked(w)
				a.judge(reflect.ValueOf(work).Pointer(), failed)
				if then != nil {
					then()
				}
			}})
		}()
		then = work(w.ctx)
		returned = true
	})
}

// worked is the turn after a work.
func (a *Agent) worked(w *works) {
	w.running--
	if len(w.waiting) > 0 {
		next := w.waiting[0]
		w.waiting[0] = nil
		w.waiting = w.waiting[1:]
		a.work(w, next)
	}
	if w.full && len(w.waiting) <= maxWaiting/2 {
		w.full = false
		a.rt.Health().Clear(a.fullCode())
	}
	if w.running == 0 {
		w.end()
	}
}

// judge makes a condition of the agent of works that have panicked. It is over when one of the same place in
// the code has come to its end for each of them: others say nothing of what is wrong.
func (a *Agent) judge(place uintptr, failed *Panicked) {
	r := a.more()
	switch {
	case failed != nil:
		if r.failed == nil {
			r.failed = map[uintptr]bool{}
		}
		r.failed[place] = true
		a.rt.Health().Raise(health.Condition{
			Code:     a.workCode(),
			Text:     fmt.Sprintf("agent %s: what it does beside its turns ended: %v", a.uri, failed),
			Remedy:   "the agent goes on without the result; the log has the place, and its author would like to know",
			Severity: health.Failure,
		})
	case r.failed[place]:
		if delete(r.failed, place); len(r.failed) == 0 {
			a.rt.Health().Clear(a.workCode())
		}
	}
}

// stopWorking is called when the agent ends: its works are told by their ctx.
func (r *rare) stopWorking(a *Agent) {
	if len(r.failed) > 0 {
		a.rt.Health().Clear(a.workCode())
	}
	if r.works != nil && r.works.full {
		a.rt.Health().Clear(a.fullCode())
	}
	r.failed, r.works = nil, nil
}

func (a *Agent) workCode() string { return "work." + string(a.uri) }
func (a *Agent) fullCode() string { return a.workCode() + ".full" }
