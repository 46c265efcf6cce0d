// Package agenttest runs agents for a test: on a real host, in virtual time, between readings and outputs
// that the test plays.
//
// A test is a story. It says what the config says, what the sensors read and what people command, lets time
// pass, and says what it wants to see:
//
//	func TestFrost(t *testing.T) {
//		agenttest.Run(t, func(w *agenttest.World) {
//			w.Output("/device/heater", "set")
//			w.Config(`
//				[agent."/room/air"]
//				kind   = "climate"
//				sensor = "/device/air"
//				heater = "/device/heater"
//			`)
//			w.Reading("/device/air", "temperature", 19.5, "Cel")
//			w.Want("/room/air", "heating", true)
//			w.Told("/device/heater", "set", false, true)
//			w.Command("/room/air", "target", 18)
//			w.Want("/room/air", "heating", false)
//			w.Sleep(time.Hour)
//			w.Told("/device/heater", "set", false)
//		})
//	}
//
// # Time
//
// Run plays in a bubble of testing/synctest: time stands still while anything runs, jumps while all sleeps, and
// begins at midnight UTC of 1 January 2000. So an hour takes no time, and a test gives the same result each time it is run. Each call
// of World returns when everything it has caused is done. SetTime moves the wall clock alone, as a time
// server does.
//
// # What is real
//
// Lanes, links, commands, timers and panics are those of edge/host; after Keep, what agents store goes to a store on
// disk, from which Restart brings it back. Sensors and outputs are agents of the test's own: Reading and Set make
// them as they need them, and Output takes commands and notes them for Told.
//
// A test that fails says what was expected, what was seen and when:
//
//	climate_test.go:31: at 12m30s: /room/air heating is true, want false
package agenttest

import (
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/agent"
	"selvage/edge/clock"
	"selvage/edge/config"
	"selvage/edge/health"
	"selvage/edge/host"
	"selvage/edge/route"
	"selvage/edge/store"
)

// World is one host and what the test plays around it. Its methods are called by the test's own goroutine.
type World struct {
	T *testing.T // of the bubble

	began   time.Time
	clock   *clock.Clock
	dir     string // of the store; "" without one
	store   *store.Store
	health  *health.Board
	host    *host.Host // nil while it is stopped
	members []member
	things  map[string]*thing
}

// member is an agent under test, as it is added again by Start.
type member struct {
	uri     route.NodeURI // "" for
	pattern route.Pattern
	kind    agent.Kind
	config  any
}

// Run runs fn in a bubble of virtual time, with a host that has no agents yet, and stops the host at its end.
func Run(t *testing.T, fn func(w *World)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &World{T: t, began: time.Now(), things: map[string]*thing{}}
		// A clock that no kernel vouches for, told the time by the test: so SetTime can move it.
		w.clock = clock.New("agenttest", func() bool { return false })
		w.clock.Learn(w.began)
		w.Start()
		defer w.Stop()
		fn(w)
	})
}

// Keep gives the host a store on disk, so that what agents store survives Restart. It comes before what it
// should keep.
func (w *World) Keep() {
	w.T.Helper()
	w.Stop()
	w.dir = w.T.TempDir()
	w.Start()
}

// LoseTime takes away the right time: from the next Start on the clock shows a time that cannot be trusted, until
// SetTime. That is a board without a clock chip after a power cut; its boot is another one.
func (w *World) LoseTime() {
	w.clock = clock.New("agenttest, rebooted", func() bool { return false })
}

// SetTime moves the wall clock to t, as a time server does, and has it trusted. Timers do not mind.
func (w *World) SetTime(t time.Time) {
	w.clock.Learn(t)
	synctest.Wait()
}

// Time returns the wall time as agents see it.
func (w *World) Time() time.Time { return w.clock.Now().Time() }

// Sleep lets time pass.
func (w *World) Sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// SleepUntil lets time pass until the wall clock shows t.
func (w *World) SleepUntil(t time.Time) {
	w.T.Helper()
	d := t.Sub(w.Time())
	if d < 0 {
		w.T.Fatalf("%s: %s has passed: it is %s", w.at(), t, w.Time())
	}
	w.Sleep(d)
}

// Config adds the agents of a host's config, given as TOML. It fails the test with the faults that
// selvage check would find. Tables of devices are not needed.
func (w *World) Config(toml string) {
	w.T.Helper()
	// Nodes below /device are the test's own: a table that answers for them keeps them from being missed.
	const table = "\n[agent.\"/device/:agenttest\"]\nkind = \"" + devicesKind + "\"\n"
	plan, err := config.Parse("config", []byte(toml+table))
	if err != nil {
		w.T.Fatalf("%s: the config has faults:\n%v", w.at(), err)
	}
	for _, a := range plan.Agents {
		if a.Kind == devicesKind {
			continue
		}
		kind, _ := agent.Lookup(a.Kind)
		w.add(member{a.URI, a.Pattern, kind, a.Config})
	}
}

// devices is the Config of the kind that stands for the devices of a test.
type devices struct {
	_ struct{} `doc:"Stands for the devices of a test."`
}

const devicesKind = "agenttest.device"

func init() {
	agent.Register(devicesKind, devices{}, func(*agent.Agent, devices) error { return nil })
}

// Add adds an agent of a registered kind. Its config is a value of the kind's Config type, nil for the
// defaults, and is not checked.
func (w *World) Add(uri, kind string, config any) {
	w.T.Helper()
	k, ok := agent.Lookup(kind)
	if !ok {
		w.T.Fatalf("%s: there is no agent kind %q; there are %q", w.at(), kind, agent.Kinds())
	}
	w.AddKind(uri, k, config)
}

// AddKind is Add for a kind that is not registered; agent.NewKind makes one.
func (w *World) AddKind(uri string, k agent.Kind, config any) {
	w.T.Helper()
	w.add(member{uri: route.NodeURI(uri), kind: k, config: config})
}

func (w *World) add(m member) {
	w.T.Helper()
	w.members = append(w.members, m)
	w.enter(m)
	synctest.Wait()
}

func (w *World) enter(m member) {
	w.T.Helper()
	var err error
	if m.uri == "" {
		err = w.running().Route(m.pattern, m.kind, m.config, nil)
	} else {
		_, err = w.running().Add(m.uri, host.Agents, m.kind, m.config)
	}
	if err != nil {
		w.T.Fatalf("%s: %v", w.at(), err)
	}
}

// Restart stops the host and starts it again.
func (w *World) Restart() {
	w.T.Helper()
	w.Stop()
	w.Start()
}

// Stop gives each agent its last turn and stops the host; time goes on. It may be called twice.
func (w *World) Stop() {
	w.T.Helper()
	if w.host == nil {
		return
	}
	if err := w.host.Stop(w.T.Context()); err != nil {
		w.T.Errorf("%s: the host does not stop: %v", w.at(), err)
	}
	w.host = nil
	for _, th := range w.things {
		th.handle = nil
	}
	if w.store != nil {
		if err := w.store.Close(); err != nil {
			w.T.Errorf("%s: the store does not close: %v", w.at(), err)
		}
		w.store = nil
	}
}

// Start starts a host that was stopped, with the same agents. Sensors show what they showed; what their agents
// know else is what was stored.
func (w *World) Start() {
	w.T.Helper()
	if w.host != nil {
		w.T.Fatalf("%s: the host runs", w.at())
	}
	w.health = health.NewBoard()
	quiet := slog.New(slog.DiscardHandler)
	if w.dir != "" {
		var err error
		if w.store, err = store.Open(store.Options{Dir: w.dir, Clock: w.clock, Health: w.health, Log: quiet}); err != nil {
			w.T.Fatalf("%s: %v", w.at(), err)
		}
	}
	w.host = host.New(host.Options{Clock: w.clock, Health: w.health, Log: quiet, Store: w.store})
	for _, th := range w.things {
		w.play(th)
	}
	for _, m := range w.members {
		w.enter(m)
	}
	synctest.Wait()
}

func (w *World) running() *host.Host {
	w.T.Helper()
	if w.host == nil {
		w.T.Fatalf("%s: the host is stopped; Start comes first", w.at())
	}
	return w.host
}

// at is the virtual time since the test began, as failures show it.
func (w *World) at() string { return fmt.Sprintf("at %v", time.Since(w.began)) }
