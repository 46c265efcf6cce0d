// Package board shows how the host itself does, as lanes like those of a device.
//
//	[agent."/board"]
//	kind  = "board"
//	every = "10s"
//
// Its lanes: state, which is ok, warning or failure, and text, which says what is worst and what to try, change at
// once; failures and warnings, how many there are; counters, what the host has counted, such as refused mail; and, every
// so often, memory and goroutines of this process, and its uptime, from the start of this agent on. What is measured are readings, so it can be uplinked, watched by
// alarms and shown like any other. All conditions are in the lane conditions of /host.
package board

import (
	"runtime"
	"runtime/metrics"
	"sync/atomic"
	"time"

	"selvage/edge/agent"
	"selvage/edge/device"
	"selvage/edge/health"
)

func init() { agent.Register("board", Config{Every: 10 * time.Second}, setup) }

// Config is one [agent."/…"] table of kind board.
type Config struct {
	_     struct{}      `doc:"Shows how the host itself does, as lanes like those of a device." example:"/board"`
	Every time.Duration `toml:"every" doc:"how often it is measured; what goes wrong shows at once"`
}

// Check names what is wrong with a table.
func (c Config) Check(fault func(key, problem, remedy string)) {
	if c.Every < time.Second {
		fault("every", "every is a second or longer", `"10s" is a common one`)
	}
}

func setup(a *agent.Agent, c Config) error {
	// Transient: what the host was before says nothing about now, and the host's health is no reason to wear its flash.
	state := agent.Value(a, "state", "ok").Transient().ReadOnly()
	text := agent.Value(a, "text", "").Transient().ReadOnly()
	counters := agent.Map[string, int64](a, "counters").Transient().ReadOnly()
	measured := func(name string, unit device.Unit) func(float64) {
		l := agent.Value(a, name, device.Reading{}).Transient().ReadOnly()
		return func(v float64) { l.Set(device.Reading{Value: v, Unit: unit, At: a.Now()}) }
	}
	failures, warnings := measured("failures", "1"), measured("warnings", "1")
	uptime, memory, goroutines := measured("uptime", "s"), measured("memory", "By"), measured("goroutines", "1")

	look := func() {
		active := a.Health().Active() // the worst first
		count := 0
		for _, h := range active {
			if h.Severity == health.Failure {
				count++
			}
		}
		worst, words := "ok", ""
		if len(active) > 0 {
			worst, words = active[0].Severity.String(), active[0].Text
			if active[0].Remedy != "" {
				words += "; " + active[0].Remedy
			}
		}
		if worst != state.Get() {
			state.Set(worst)
		}
		if words != text.Get() {
			text.Set(words)
		}
		failures(float64(count))
		warnings(float64(len(active) - count))
	}
	began := time.Now()
	measure := func() {
		for code, n := range a.Health().Counters() {
			if was, ok := counters.Get(code); !ok || was != n {
				counters.Set(code, n)
			}
		}
		uptime(time.Since(began).Seconds())
		memory(held())
		goroutines(float64(runtime.NumGoroutine()))
	}
	look()
	measure()
	a.Every(c.Every, measure)

	var due atomic.Bool // one look is enough for what happens until it comes
	a.OnClose(a.Health().Watch(func() {
		if !due.Swap(true) {
			a.Wake(func() { due.Store(false); look() })
		}
	}))
	return nil
}

// held returns the bytes of memory that Go's runtime holds. ReadMemStats would stop all agents meanwhile.
func held() float64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return float64(samples[0].Value.Uint64() - samples[1].Value.Uint64())
}
