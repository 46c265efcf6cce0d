package alarm

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"selvage/edge/agent"
	"selvage/edge/health"
)

// retry is how long a responder may take to show the job it was given before it is told again.
const retry = 10 * time.Second

// crew is all responders of a list.
type crew struct {
	list     *list
	assigned *agent.MapLane[string, string] // responders by alarm
	all      []*responder                   // by name
	due      bool                           // it is to be looked who should be where
	late     bool                           // patience with what was not heard from since the start is over
}

// responder is the state of one of them.
type responder struct {
	Responder
	crew   *crew
	name   string
	link   *agent.ValueDownlink[string]
	known  bool   // it was heard from since the start
	gone   bool   // it is counted out
	asked  string // the job it was given and does not show yet, "" if it does
	cancel func() // of retry
}

func muster(l *list, c Config) *crew {
	w := &crew{list: l, assigned: agent.Map[string, string](l.agent, "assigned").Transient().ReadOnly()}
	for _, name := range slices.Sorted(maps.Keys(c.Responder)) {
		w.all = append(w.all, enlist(w, name, c.Responder[name], c.Patience))
	}
	for _, s := range l.from {
		s.link.OnSynced(func() {
			s.known = true
			w.look()
		})
	}
	l.agent.After(c.Patience, func() {
		w.late = true
		w.look()
	})
	return w
}

func enlist(w *crew, name string, c Responder, patience time.Duration) *responder {
	a := w.list.agent
	r := &responder{Responder: c, crew: w, name: name, link: agent.LinkValue[string](a, c.Node, c.Lane), cancel: func() {}}
	if r.Idle == "" {
		r.Idle = "none"
	}
	r.link.OnSet(func(_, now string) {
		if now == r.asked {
			r.settle()
		}
		w.look()
	})
	r.link.OnSynced(func() {
		r.known, r.gone = true, false
		r.settle() // what was sent before may be lost
		w.look()
	})
	r.link.OnLost(func(error) {
		a.After(patience, func() {
			r.gone = r.gone || !r.link.IsSynced()
			w.look()
		})
	})
	a.OnClose(func() { a.Health().Clear(r.code()) })
	return r
}

// look has assign run once everything that has come so far is taken in.
func (w *crew) look() {
	if w == nil || w.due {
		return
	}
	w.due = true
	w.list.agent.After(0, func() {
		w.due = false
		w.assign()
	})
}

// assign sets free who is done, and sends who is free to the most urgent alarms.
func (w *crew) assign() {
	at := map[string]string{} // responders by alarm
	for _, r := range w.all {
		job := r.job()
		switch {
		case r.gone || job == r.Idle || !w.isOurs(job):
		case at[job] != "" || w.isOver(job):
			r.send(r.Idle)
		default:
			at[job] = r.name
		}
	}
	if w.isReady() {
		for _, alarm := range w.urgent() {
			if at[alarm] != "" {
				continue
			}
			if i := slices.IndexFunc(w.all, func(r *responder) bool { return r.isFree() && r.takes(alarm) }); i >= 0 {
				w.all[i].send(alarm)
				at[alarm] = w.all[i].name
			}
		}
	}
	for alarm := range w.assigned.All() {
		if at[alarm] == "" {
			w.assigned.Remove(alarm)
		}
	}
	for _, alarm := range w.urgent() {
		if was, _ := w.assigned.Get(alarm); at[alarm] != was {
			w.assigned.Set(alarm, at[alarm])
		}
	}
}

// isReady reports whether all there is to know before somebody is sent out is known.
func (w *crew) isReady() bool {
	if w.late {
		return true
	}
	for _, s := range w.list.from {
		if !s.known {
			return false
		}
	}
	return !slices.ContainsFunc(w.all, func(r *responder) bool { return !r.known })
}

// isOurs reports whether a job is the name of one of the list's alarms, active or not.
func (w *crew) isOurs(job string) bool {
	_, own := w.list.own[job]
	return own || w.list.sourceOf(job) != nil
}

// isOver reports whether an alarm is known not to need anybody.
func (w *crew) isOver(alarm string) bool {
	if e, on := w.list.active.Get(alarm); on {
		return e.Over
	}
	s := w.list.sourceOf(alarm)
	return s == nil || s.link.IsSynced()
}

// urgent lists the alarms that somebody should be at, the most urgent first.
func (w *crew) urgent() []string {
	active := maps.Collect(w.list.active.All())
	maps.DeleteFunc(active, func(_ string, e Active) bool { return e.Over })
	return slices.SortedFunc(maps.Keys(active), func(x, y string) int {
		return cmp.Or(
			cmp.Compare(active[x].Severity, active[y].Severity), // failure, warning
			active[x].Since.Compare(active[y].Since),
			cmp.Compare(x, y),
		)
	})
}

// job is what the responder does as far as is known.
func (r *responder) job() string {
	switch {
	case r.asked != "":
		return r.asked
	case r.known:
		return r.link.Get()
	}
	return r.Idle
}

func (r *responder) isFree() bool {
	return r.link.IsSynced() && r.asked == "" && r.link.Get() == r.Idle
}

func (r *responder) takes(alarm string) bool {
	if s := r.crew.list.sourceOf(alarm); s != nil {
		alarm = alarm[len(s.before):]
	}
	return len(r.Takes) == 0 || slices.Contains(r.Takes, alarm)
}

func (r *responder) code() string {
	return fmt.Sprintf("alarm.%s.%s", r.crew.list.agent.URI(), r.name)
}

// send gives the responder a job, unless it has been given one just now or is out of reach.
func (r *responder) send(job string) {
	if r.asked != "" || !r.link.IsSynced() {
		return
	}
	a := r.crew.list.agent
	if err := r.link.Set(job); err != nil {
		a.Health().Raise(health.Condition{
			Code:   r.code(),
			Text:   fmt.Sprintf("%s cannot send %s to %s: %v", a.URI(), r.name, job, err),
			Remedy: "it is tried again; see what there is with: selvage ls " + r.Node,
		})
	} else {
		a.Health().Clear(r.code())
	}
	r.asked = job
	r.cancel = a.After(retry, func() {
		r.settle()
		r.crew.look()
	})
}

// settle has what the responder shows count.
func (r *responder) settle() {
	r.cancel()
	r.cancel, r.asked = func() {}, ""
}
