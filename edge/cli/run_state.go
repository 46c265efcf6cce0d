package cli

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"selvage/edge/agent"
	"selvage/edge/config"
	"selvage/edge/host"
	"selvage/edge/wear"
	"selvage/edge/web"
)

// running is a host that runs by a config, and may be asked to run by a newer one. One goroutine does all
// that changes it, so one reload is made at a time, and none while the host stops.
type running struct {
	env     *env
	path    string       // of the config file
	plan    *config.Plan // what it runs by
	host    *host.Host
	devices *devices
	uplinks uplinks
	broker  embedded
	meter   *wear.Meter
	server  *web.Server // nil before it serves

	asked  chan string // who asked for a reload by the lane reload
	loaded atomic.Pointer[Loaded]
	show   atomic.Pointer[func()] // has the lane config follow
}

func newRunning(e *env, path string, plan *config.Plan, h *host.Host, d *devices) *running {
	r := &running{env: e, path: path, plan: plan, host: h, devices: d, asked: make(chan string, maxAsked)}
	r.uplinks.host, r.uplinks.broker, r.broker.host, r.broker.log = h, &r.broker, h, h.Log
	nothing := func() {}
	r.show.Store(&nothing)
	r.loaded.Store(&Loaded{File: path, At: time.Now().Truncate(time.Millisecond), Outcome: done, Said: "started with " + path})
	return r
}

// addAgents makes the agents that a plan asks for at the start.
func (r *running) addAgents(plan []config.Agent) error {
	var faults config.Faults
	for _, p := range plan {
		if err := r.addAgent(p); err != nil {
			faults = append(faults, p.Pos.Fault("", err.Error(), ""))
		}
	}
	if len(faults) > 0 {
		return faults
	}
	return nil
}

func kindOf(p config.Agent) (agent.Kind, error) {
	kind, ok := agent.KindOf(p.Kind, p.Config)
	if !ok {
		return kind, fmt.Errorf("there is no kind %q", p.Kind)
	}
	return kind, nil
}

func (r *running) addAgent(p config.Agent) error {
	kind, err := kindOf(p)
	switch {
	case err != nil:
	case p.URI == "":
		err = r.host.Route(p.Pattern, kind, p.Config, nil)
	default:
		_, err = r.host.Add(p.URI, host.Agents, kind, p.Config)
	}
	return err
}

// changeAgent has agents go on as p says. An agent may be there already for which a table is new: one that
// was made by a pattern, or by an uplink.
func (r *running) changeAgent(p config.Agent) error {
	kind, err := kindOf(p)
	if err != nil {
		return err
	}
	if p.URI == "" {
		return r.host.Reroute(p.Pattern, kind, p.Config)
	}
	if err := r.host.Replace(p.URI, kind, p.Config); !errors.Is(err, host.ErrNoNode) {
		return err
	}
	return r.addAgent(p)
}

func (r *running) removeAgent(ctx context.Context, p config.Agent) error {
	if p.URI == "" {
		return r.host.Unroute(ctx, p.Pattern)
	}
	return r.host.Remove(ctx, p.URI)
}
