package agent

import (
	"log/slog"
	"slices"
	"sync"
	"testing"

	"selvage/edge/clock"
	"selvage/edge/health"
	"selvage/edge/route"
)

// loop is the smallest host: it runs turns when told to, on the test's own goroutine.
type loop struct {
	t      *testing.T
	agents map[route.NodeURI]*Agent
	mu     sync.Mutex // guards mail: timers post it too
	mail   []posted
	health *health.Board
	sent   []string
	saves  int
	kept   []string // lanes with a history
	past   func(lane route.LaneName, newest int) (Past, error)
	saving bool // what Hurry says
}

type posted struct {
	to *Agent
	m  Mail
}

func newLoop(t *testing.T) *loop {
	return &loop{t: t, agents: map[route.NodeURI]*Agent{}, health: health.NewBoard()}
}

// add starts an agent whose setup is fn.
func (o *loop) add(uri string, fn func(a *Agent)) *Agent {
	o.t.Helper()
	a := o.make(uri, fn)
	if err := a.Start(); err != nil {
		o.t.Fatalf("Start(%s): %v", uri, err)
	}
	return a
}

func (o *loop) make(uri string, fn func(a *Agent)) *Agent {
	kind := NewKind("test", struct{}{}, func(a *Agent, _ struct{}) error { fn(a); return nil })
	rt := &loopRuntime{loop: o}
	rt.agent = New(route.NodeURI(uri), &Options{Kind: kind}, rt)
	o.agents[rt.agent.uri] = rt.agent
	return rt.agent
}

// do runs fn as a turn of a, then whatever came of it.
func (o *loop) do(a *Agent, fn func()) error {
	err := a.Step(Mail{Do: fn})
	o.run()
	return err
}

func (o *loop) command(a *Agent, lane, body string) error {
	err := a.Step(Mail{Lane: route.LaneName(lane), Body: []byte(body)})
	o.run()
	return err
}

func (o *loop) run() {
	for {
		o.mu.Lock()
		if len(o.mail) == 0 {
			o.mu.Unlock()
			return
		}
		p := o.mail[0]
		o.mail = o.mail[1:]
		o.mu.Unlock()
		if !p.to.Expects(p.m) {
			continue
		}
		if err := p.to.Step(p.m); err != nil {
			o.t.Logf("turn of %s: %v", p.to.uri, err)
		}
	}
}

func (o *loop) conditions() []string {
	var codes []string
	for _, c := range o.health.Active() {
		codes = append(codes, c.Code)
	}
	slices.Sort(codes)
	return codes
}

type loopRuntime struct {
	loop  *loop
	agent *Agent
}

var testClock = clock.New("test-boot", func() bool { return true })

func (o *loop) post(to *Agent, m Mail) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.mail = append(o.mail, posted{to, m})
}

func (r *loopRuntime) Post(m Mail) error {
	r.loop.post(r.agent, m)
	return nil
}
func (r *loopRuntime) Wake(m Mail) { r.Post(m) }
func (r *loopRuntime) Send(node route.NodeURI, lane route.LaneName, body []byte) error {
	r.loop.sent = append(r.loop.sent, string(node)+" "+string(lane)+" "+string(body))
	return nil
}
func (r *loopRuntime) Join(node route.NodeURI, w *Wait) {
	to := r.loop.agents[node]
	if to == nil {
		w.Join(nil, ErrNoLane)
		return
	}
	r.loop.post(to, Mail{Do: func() { to.Offer(w) }})
}
func (r *loopRuntime) Leave(node route.NodeURI, w *Wait) {
	if to := r.loop.agents[node]; to != nil {
		r.loop.post(to, Mail{Do: func() { to.Withdraw(w) }})
	}
}
func (r *loopRuntime) Made(*Lane)            {}
func (r *loopRuntime) Keeps(l *Lane) bool    { return slices.Contains(r.loop.kept, string(l.name)) }
func (r *loopRuntime) Hurry() bool           { return r.loop.saving }
func (r *loopRuntime) Work(do func())        { go do() }
func (r *loopRuntime) End()                  {}
func (r *loopRuntime) Changed()              { r.loop.saves++ }
func (r *loopRuntime) Clock() *clock.Clock   { return testClock }
func (r *loopRuntime) Health() *health.Board { return r.loop.health }
func (r *loopRuntime) Log() *slog.Logger     { return slog.New(slog.DiscardHandler) }

// reader counts its wakes.
type reader struct{ wakes int }

func (r *reader) Wake() { r.wakes++ }

// drain takes all events that a tail has.
func drain(t *Tail) (bodies []string) {
	for {
		b, ok := t.Next()
		if !ok {
			return bodies
		}
		bodies = append(bodies, string(b))
	}
}

func all(next func() ([]byte, bool)) (bodies []string) {
	for {
		b, ok := next()
		if !ok {
			return bodies
		}
		bodies = append(bodies, string(b))
	}
}
