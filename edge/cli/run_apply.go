package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"selvage/edge/config"
	"selvage/edge/host"
	"selvage/edge/policy"
	"selvage/edge/route"
	"selvage/edge/twin"
)

// undone is what could not be done, at the table that asks for it if that still stands in the file.
type undone struct {
	pos config.Pos
	err error
}

// changeTime bounds how long a reload waits for what stops: drivers, agents, connections.
const changeTime = 5 * time.Second

// apply makes all changes to plan that take no restart, and returns what could not be done. First stops
// what goes or changes, from the ways out to the wires, then comes what is new, the other way round.
func (r *running) apply(ctx context.Context, plan *config.Plan, c config.Changes) []undone {
	ctx, cancel := context.WithTimeout(ctx, changeTime)
	defer cancel()
	var left []undone
	note := func(pos config.Pos, err error) { left = append(left, undone{pos, err}) }
	nowhere := config.Pos{}

	if c.Policy { // first, so that nothing new is seen by those who may not
		rules, err := policy.New(plan.Policy)
		if err == nil {
			r.uplinks.policy.Store(rules)
			r.server.SetPolicy(rules)
		}
		note(nowhere, err)
	}
	if c.History {
		r.host.Store.SetRules(rules(plan.History))
		r.host.KeepAnew()
	}
	if c.Buses {
		r.devices.manager.SetLines(plan.Lines())
	}
	if c.Wear {
		note(nowhere, r.host.Replace(wearNode, r.meter.Kind(), plan.Wear))
	}
	for _, p := range c.Uplinks.Removed {
		w, err := r.uplinks.end(ctx, p.Name)
		note(nowhere, err)
		note(nowhere, r.uplinks.remove(ctx, w))
	}
	opens := r.opens(plan, &c)
	before := map[string]*way{}
	for _, p := range opens {
		w, err := r.uplinks.end(ctx, p.Name)
		note(nowhere, err)
		if w != nil {
			before[p.Name] = w
		}
	}
	for _, p := range c.Agents.Removed {
		note(nowhere, r.removeAgent(ctx, p))
	}
	left = append(left, r.devices.change(ctx, c.Devices, func(p *config.Device) *host.Handle {
		return give(before, twin.Node(p.Name))
	})...)
	for _, p := range c.Agents.Changed {
		note(p.Pos, r.changeAgent(p))
	}
	for _, p := range c.Agents.Added {
		if p.URI == "" {
			note(p.Pos, r.addAgent(p))
			continue
		}
		give(before, p.URI)
		note(p.Pos, r.changeAgent(p))
	}
	if c.Broker {
		note(nowhere, r.broker.set(ctx, plan.Broker))
	}
	for _, p := range opens {
		w, err := r.uplinks.open(p.Spec, before[p.Name])
		if err != nil {
			note(p.Pos, err)
			note(nowhere, r.uplinks.remove(ctx, before[p.Name]))
			continue
		}
		note(nowhere, r.uplinks.settle(ctx, w))
		w.Start()
	}
	r.broker.keep(keepers(plan.Broker, r.uplinks.all())) // now: what waits for an uplink that was opened again still does
	var real []undone
	for _, u := range left {
		if u.err != nil {
			real = append(real, u)
		}
	}
	return real
}

// opens returns the uplinks that are to be opened, or opened again: those whose tables are new or
// changed, and those that have made an agent for which there is a table now.
func (r *running) opens(plan *config.Plan, c *config.Changes) []config.Uplink {
	opens := map[string]bool{}
	for _, p := range append(c.Uplinks.Changed, c.Uplinks.Added...) {
		opens[p.Name] = true
	}
	makesWay := func(node route.NodeURI) {
		if w := r.uplinks.holding(node); w != nil {
			opens[w.Name] = true
		}
	}
	for _, p := range c.Devices.Added {
		makesWay(twin.Node(p.Name))
	}
	for _, p := range c.Agents.Added {
		makesWay(p.URI)
	}
	var all []config.Uplink
	for _, p := range plan.Uplinks {
		if opens[p.Name] {
			all = append(all, p)
		}
	}
	return all
}

// give finds the agent at a node among those of uplinks that are about to be opened again.
func give(before map[string]*way, node route.NodeURI) *host.Handle {
	for _, w := range before {
		if a := w.give(node); a != nil {
			return a
		}
	}
	return nil
}

// summary says what changes to plan do, in a few words.
func summary(c *config.Changes, plan *config.Plan) string {
	var did []string
	say := func(what, name, how string) { did = append(did, what+" "+name+" "+how) }
	for _, p := range c.Devices.Changed {
		say("device", p.Name, "changed")
	}
	for _, p := range c.Devices.Added {
		say("device", p.Name, "added")
	}
	for _, p := range c.Devices.Removed {
		say("device", p.Name, "removed")
	}
	for _, p := range c.Agents.Changed {
		say("agent", p.Name(), "restarted")
	}
	for _, p := range c.Agents.Added {
		say("agent", p.Name(), "added")
	}
	for _, p := range c.Agents.Removed {
		say("agent", p.Name(), "removed")
	}
	for _, p := range c.Uplinks.Changed {
		say("uplink", p.Name, "restarted")
	}
	for _, p := range c.Uplinks.Added {
		say("uplink", p.Name, "added")
	}
	for _, p := range c.Uplinks.Removed {
		say("uplink", p.Name, "removed")
	}
	if c.Buses {
		did = append(did, "pins of buses changed")
	}
	if c.Broker {
		did = append(did, "broker changed")
	}
	if c.History {
		did = append(did, "history changed")
	}
	if c.Wear {
		did = append(did, "wear changed")
	}
	switch {
	case c.Policy && plan.Policy == nil:
		did = append(did, "policy removed")
	case c.Policy:
		did = append(did, "policy changed")
	}
	if len(did) == 0 {
		return "nothing has changed"
	}
	if more := len(did) - mostAtOnce; more > 0 {
		did = append(did[:mostAtOnce:mostAtOnce], count(more, "more change"))
	}
	return fmt.Sprintf("%s, %d unchanged", strings.Join(did, ", "), c.Devices.Same+c.Agents.Same+c.Uplinks.Same)
}
