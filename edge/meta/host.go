package meta

import (
	"sync/atomic"
	"time"

	"selvage/edge/agent"
	"selvage/edge/health"
)

// Info is the value of the lane info of /host.
type Info struct {
	Name    string    `recon:"name"`
	Version string    `recon:"version"`
	Started time.Time `recon:"started"` // ms since 1970
	URI     string    `recon:"uri"`     // what WARP clients connect to
}

// Condition is an entry of the lane conditions of /host, under the condition's code.
type Condition struct {
	Text     string    `recon:"text"`
	Remedy   string    `recon:"remedy,omitempty"`
	Severity string    `recon:"severity"`
	Since    time.Time `recon:"since"` // ms since 1970
}

func setupHost(a *agent.Agent, info Info) error {
	agent.Value(a, "info", info).Transient().ReadOnly()
	shown := agent.Map[string, Condition](a, "conditions").Transient().ReadOnly()
	show := func() {
		active := map[string]bool{}
		for _, c := range a.Health().Active() {
			active[c.Code] = true
			now := conditionOf(c)
			if was, ok := shown.Get(c.Code); !ok || was != now {
				shown.Set(c.Code, now)
			}
		}
		for code := range shown.All() {
			if !active[code] {
				shown.Remove(code)
			}
		}
	}
	show()
	var due atomic.Bool
	a.OnClose(a.Health().Watch(func() {
		if !due.Swap(true) {
			a.Wake(func() { due.Store(false); show() })
		}
	}))
	return nil
}

func conditionOf(c health.Condition) Condition {
	return Condition{Text: c.Text, Remedy: c.Remedy, Severity: c.Severity.String(), Since: c.Since.Truncate(time.Millisecond)}
}
