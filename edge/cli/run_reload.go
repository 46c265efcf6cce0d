package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"selvage/edge/agent"
	"selvage/edge/config"
	"selvage/edge/health"
	"selvage/edge/recon"
)

// maxAsked bounds the reloads that wait.
const maxAsked = 16

// Outcome is what became of a config file.
type Outcome string

const (
	done    Outcome = "done"    // the host runs by it
	partly  Outcome = "partly"  // by most of it
	refused Outcome = "refused" // by the one before
)

// Loaded is the value of the lane config of /host: what became of the config file when it was read last.
type Loaded struct {
	File    string    `recon:"file"`
	At      time.Time `recon:"at"` // ms since 1970
	Outcome Outcome   `recon:"outcome"`
	Said    string    `recon:"said"` // what was done, or all that is wrong
	By      string    `recon:"by,omitempty"`
}

// lanes gives /host its lanes config, and reload: a command to it has the config file read again, and its
// text, if it has one, stands in the lane config when that is done.
func (r *running) lanes(a *agent.Agent) {
	shown := agent.Value(a, "config", *r.loaded.Load()).Transient().ReadOnly()
	show := func() { a.Wake(func() { shown.Set(*r.loaded.Load()) }) }
	r.show.Store(&show)
	agent.Command(a, "reload", func(v recon.Value) error {
		by, _ := v.Text()
		select {
		case r.asked <- by:
			return nil
		default:
			return errors.New("so many reloads are asked for already; see the lane config")
		}
	})
}

// serve waits for ctx to end and reloads the config when that is asked for. It returns, too, when the
// terminal that the host was started from has been closed.
func (r *running) serve(ctx context.Context, calls *calls, file *watched, watch bool) {
	var look <-chan time.Time
	if watch {
		t := time.NewTicker(lookTime)
		defer t.Stop()
		look = t.C
	}
	for {
		by, alone := "", false
		select {
		case <-ctx.Done():
			return
		case <-calls.hangups:
			if calls.terminalClosed() {
				return
			}
		case by = <-r.asked:
		case <-look:
			if !file.changed() {
				continue
			}
			alone = true
		}
		file.note()
		r.reload(ctx, by, alone)
	}
}

// reload reads the config file and has the host run by it. What is wrong, or takes a restart, is a
// condition until a later reload finds that it is over. Alone is set when nobody asked for it: then it takes
// away no rules, since a file may be seen half written or without what another tool is about to put back.
func (r *running) reload(ctx context.Context, by string, alone bool) {
	plan, err := config.Load(r.path)
	if err == nil && asked(plan) == "" && asked(r.plan) != "" {
		err = config.Faults{{File: r.path, Problem: "it asks for no device and no agent: a host of it would do nothing",
			Remedy: "is it the right file, and all of it? A host that is to do nothing is best stopped"}}
	}
	if faults := (config.Faults)(nil); errors.As(err, &faults) {
		r.tell(refused, faults.Tell("nothing was changed."), by)
		r.wrong(faults, "the config was not taken over, all runs as before")
		return
	}
	var faults config.Faults
	if alone && plan.Policy == nil && r.plan.Policy != nil {
		plan.Policy = r.plan.Policy
		faults = append(faults, config.Fault{File: r.path, Problem: "[policy] is not there any more; its rules stay, since nobody has asked for a reload",
			Remedy: "put it back, or, if it is to go: " + program() + " reload"})
	}
	c := config.Diff(r.plan, plan)
	left := r.apply(ctx, plan, c)
	var places []config.Pos
	for _, u := range left {
		if u.pos == (config.Pos{}) {
			faults = append(faults, config.Fault{File: r.path, Problem: u.err.Error()})
			continue
		}
		faults, places = append(faults, u.pos.Fault("", u.err.Error(), "")), append(places, u.pos)
	}
	r.plan = config.Applied(r.plan, plan).Without(places)

	said := "reloaded " + r.path + ": " + summary(&c, plan)
	if len(c.Fixed) > 0 {
		said += "; only a restart changes " + strings.Join(c.Fixed, ", ")
	}
	r.restartDue(c.Fixed)
	if len(faults) > 0 {
		r.tell(partly, faults.Tell("all else was done: ")+said, by)
		r.wrong(faults, "the config was taken over but for this")
		return
	}
	r.host.Health.Clear(reloadCode)
	r.tell(done, said, by)
}

// Codes of what is wrong with the config that the host runs by.
const (
	reloadCode  = "config.reload"
	restartCode = "config.restart"
)

// wrong shows what is wrong with the file until it is read again.
func (r *running) wrong(faults config.Faults, outcome string) {
	f := faults[0]
	text := f.Problem
	if f.Line > 0 {
		text = fmt.Sprintf("line %d: %s", f.Line, text)
	}
	if more := len(faults) - 1; more > 0 {
		text += fmt.Sprintf(", and %s", count(more, "more fault"))
	}
	r.host.Health.Raise(health.Condition{
		Code: reloadCode, Text: fmt.Sprintf("%s: %s: %s", r.path, outcome, text),
		Remedy:   "mend the file, look at it with: " + program() + " check " + r.path + ", then: " + program() + " reload",
		Severity: health.Failure,
	})
}

// restartDue shows what the file says that the host does not run by before it is started again.
func (r *running) restartDue(keys []string) {
	if len(keys) == 0 {
		r.host.Health.Clear(restartCode)
		return
	}
	r.host.Health.Raise(health.Condition{
		Code: restartCode, Text: fmt.Sprintf("%s was changed in what is read at a start only: %s", r.path, strings.Join(keys, ", ")),
		Remedy: "stop the host and start it again when that suits; until then these are as they were",
	})
}

// tell prints what became of the file, and shows it in the lane config.
func (r *running) tell(o Outcome, said, by string) {
	out := r.env.out
	if o != done {
		out = r.env.err
	}
	for line := range strings.Lines(said) {
		fmt.Fprintln(out, printable(strings.TrimSuffix(line, "\n")))
	}
	r.loaded.Store(&Loaded{File: r.path, At: time.Now().Truncate(time.Millisecond), Outcome: o, Said: said, By: by})
	(*r.show.Load())()
}
