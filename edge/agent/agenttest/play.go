package agenttest

import (
	"errors"
	"strings"
	"sync"
	"testing/synctest"

	"selvage/edge/agent"
	"selvage/edge/device"
	"selvage/edge/health"
	"selvage/edge/host"
	"selvage/edge/recon"
	"selvage/edge/route"
)

// thing is an agent that the test plays: it shows what it is told to show and notes what it is commanded.
type thing struct {
	uri    string
	handle *host.Handle // nil while the host is stopped

	// Used in its turns only.
	readings map[string]device.Reading
	values   map[string]recon.Value
	shows    map[string]*agent.ValueLane[device.Reading]
	holds    map[string]*agent.ValueLane[recon.Value]

	mu    sync.Mutex          // a turn that a timer brings about knows nothing of what the test did before
	heard map[string][]string // commands since the last Told, as Recon, by lane
}

func (w *World) thing(node string) *thing {
	w.T.Helper()
	th := w.things[node]
	if th == nil {
		th = &thing{
			uri: node, readings: map[string]device.Reading{}, values: map[string]recon.Value{},
			heard: map[string][]string{},
		}
		w.things[node] = th
		w.running()
		w.play(th)
	}
	return th
}

// play adds a thing to the host.
func (w *World) play(th *thing) {
	w.T.Helper()
	kind := agent.NewKind("played by the test", struct{}{}, func(a *agent.Agent, _ struct{}) error {
		th.shows = map[string]*agent.ValueLane[device.Reading]{}
		th.holds = map[string]*agent.ValueLane[recon.Value]{}
		for lane, r := range th.readings {
			th.show(a, lane, r)
		}
		for lane, v := range th.values {
			th.hold(a, lane, v)
		}
		th.mu.Lock()
		defer th.mu.Unlock()
		for lane := range th.heard {
			th.hear(a, lane)
		}
		return nil
	})
	handle, err := w.host.Add(route.NodeURI(th.uri), host.Things, kind, nil)
	if err != nil {
		w.T.Fatalf("%s: %v", w.at(), err)
	}
	th.handle = handle
	synctest.Wait()
}

func (th *thing) show(a *agent.Agent, lane string, r device.Reading) {
	if l := th.shows[lane]; l != nil {
		l.Set(r)
		return
	}
	th.shows[lane] = agent.Value(a, lane, r).Transient().ReadOnly()
}

func (th *thing) hold(a *agent.Agent, lane string, v recon.Value) {
	if l := th.holds[lane]; l != nil {
		l.Set(v)
		return
	}
	th.holds[lane] = agent.Value(a, lane, v).Transient()
}

func (th *thing) hear(a *agent.Agent, lane string) {
	agent.Command(a, lane, func(v recon.Value) error {
		th.mu.Lock()
		defer th.mu.Unlock()
		th.heard[lane] = append(th.heard[lane], v.String())
		return nil
	})
}

// turn runs fn as a turn of the agent that is played at node.
func (w *World) turn(node string, fn func(*thing, *agent.Agent)) {
	w.T.Helper()
	w.running()
	th := w.thing(node)
	if err := th.handle.Do(w.T.Context(), func() { fn(th, th.handle.Agent()) }); err != nil {
		w.T.Fatalf("%s: %s: %v", w.at(), node, err)
	}
	synctest.Wait()
}

// Reading has a sensor read a value now. Unit is a UCUM code. The sensor's agent and lane are made by their first
// reading.
func (w *World) Reading(node, lane string, value float64, unit device.Unit) {
	w.T.Helper()
	w.Show(node, lane, device.Reading{Value: value, Unit: unit})
}

// Bad has a sensor say that it has no usable value, and why.
func (w *World) Bad(node, lane, reason string) {
	w.T.Helper()
	w.Show(node, lane, device.Reading{Quality: device.Bad, Reason: reason})
}

// Show has a sensor show a reading as it is, but for its time, which is now if it has none.
func (w *World) Show(node, lane string, r device.Reading) {
	w.T.Helper()
	if r.At.IsZero() {
		r.At = w.clock.Now()
	}
	w.turn(node, func(th *thing, a *agent.Agent) {
		th.readings[lane] = r
		th.show(a, lane, r)
	})
}

// Crash has an agent panic in its next turn.
func (w *World) Crash(node string) {
	w.T.Helper()
	w.mail(node, func() { panic("the test has it panic") })
	synctest.Wait()
}

// Clog keeps an agent from its turns, and its mailbox full, until free is called.
func (w *World) Clog(node string) (free func()) {
	w.T.Helper()
	block := make(chan struct{})
	w.mail(node, func() { <-block })
	synctest.Wait()
	for range 5000 { // more than there is room for
		w.mail(node, func() {})
	}
	return sync.OnceFunc(func() {
		close(block)
		synctest.Wait()
	})
}

func (w *World) mail(node string, fn func()) {
	w.T.Helper()
	a, ok := w.running().Node(route.NodeURI(node))
	if !ok {
		w.T.Fatalf("%s: there is no agent %s", w.at(), node)
	}
	a.Wake(fn)
}

// Set has an agent of the test's own hold a value in a value lane. Both are made as needed.
func (w *World) Set(node, lane string, v any) {
	w.T.Helper()
	value := w.value(v)
	w.turn(node, func(th *thing, a *agent.Agent) {
		th.values[lane] = value
		th.hold(a, lane, value)
	})
}

// Output makes an agent with a lane that takes every command, and notes them for Told.
func (w *World) Output(node, lane string) {
	w.T.Helper()
	w.turn(node, func(th *thing, a *agent.Agent) {
		th.mu.Lock()
		th.heard[lane] = nil
		th.mu.Unlock()
		th.hear(a, lane)
	})
}

// Told checks what an Output was told since it was asked last.
func (w *World) Told(node, lane string, want ...any) {
	w.T.Helper()
	th := w.things[node]
	if th == nil {
		w.T.Fatalf("%s: nothing is known of %s; Output comes first", w.at(), node)
	}
	texts := make([]string, len(want))
	for i, v := range want {
		texts[i] = w.value(v).String()
	}
	th.mu.Lock()
	got := th.heard[lane]
	th.heard[lane] = nil
	th.mu.Unlock()
	same := len(got) == len(texts)
	for i := 0; same && i < len(got); i++ {
		same = alike(w.parse(got[i]), w.parse(texts[i]))
	}
	if !same {
		w.T.Errorf("%s: %s %s was told %s, want %s", w.at(), node, lane, list(got), list(texts))
	}
}

func list(texts []string) string {
	if len(texts) == 0 {
		return "nothing"
	}
	return strings.Join(texts, ", then ")
}

// Command sends a command, which must be accepted.
func (w *World) Command(node, lane string, v any) {
	w.T.Helper()
	if err := w.command(node, lane, v); err != nil {
		w.T.Errorf("%s: %s %s refused %s: %v", w.at(), node, lane, w.value(v), err)
	}
}

// Refused sends a command that must be refused, with an error that has these words in it.
func (w *World) Refused(node, lane string, v any, words string) {
	w.T.Helper()
	switch err := w.command(node, lane, v); {
	case err == nil:
		w.T.Errorf("%s: %s %s took %s, want it refused", w.at(), node, lane, w.value(v))
	case !strings.Contains(err.Error(), words):
		w.T.Errorf("%s: %s %s refused %s with %q, want %q in it", w.at(), node, lane, w.value(v), err, words)
	}
}

func (w *World) command(node, lane string, v any) error {
	w.T.Helper()
	err := w.running().Do(w.T.Context(), route.NodeURI(node), route.LaneName(lane), []byte(w.value(v).String()))
	if errors.Is(err, agent.ErrNoLane) || errors.Is(err, host.ErrNoNode) {
		w.T.Fatalf("%s: command to %s %s: %v; %s", w.at(), node, lane, err, w.known(node))
	}
	synctest.Wait()
	return err
}

// Health returns the conditions that the host shows.
func (w *World) Health() []health.Condition { return w.health.Active() }
