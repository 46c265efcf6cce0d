// Package bench is the agent that speed is measured with: an ordinary agent, on the ordinary path.
package bench

import (
	"selvage/edge/agent"
	"selvage/edge/recon"
)

func init() { agent.Register("bench", Config{Stored: true}, setup) }

// Config is one [agent."/…"] table of kind bench.
type Config struct {
	_      struct{} `doc:"Has one lane of several kinds, to measure speed with."`
	Stored bool     `toml:"stored" doc:"whether its lanes are remembered over a restart"`
	Plain  bool     `toml:"plain" doc:"whether it has the value lanes info and count alone"`
}

// setup makes the lanes that a WARP load generator drives: info takes commands itself; set is a
// command lane that sets info and counts, set1 one that only sets info; map is a map lane.
func setup(a *agent.Agent, c Config) error {
	info := agent.Value(a, "info", recon.Value{})
	count := agent.Value(a, "count", 0)
	if !c.Stored {
		info.Transient()
		count.Transient()
	}
	if c.Plain {
		return nil
	}
	entries := agent.Map[recon.Value, recon.Value](a, "map")
	if !c.Stored {
		entries.Transient()
	}
	agent.Command(a, "set", func(v recon.Value) error {
		info.Set(v)
		count.Set(count.Get() + 1)
		return nil
	})
	agent.Command(a, "set1", func(v recon.Value) error {
		info.Set(v)
		return nil
	})
	return nil
}
