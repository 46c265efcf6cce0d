package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"selvage/edge/agent"
	"selvage/edge/config"
	"selvage/edge/host"
	"selvage/edge/policy"
	"selvage/edge/route"
	"selvage/edge/web"
	"selvage/uplink"
)

// uplinks are the ways out there are. Only the goroutine that runs the host changes them.
type uplinks struct {
	host   *host.Host
	broker *embedded
	policy atomic.Pointer[policy.Policy]

	mu   sync.Mutex
	ways []*way // in the order they were opened
}

// way is one uplink and the agents it has made.
type way struct {
	*uplink.Line
	*holdings
}

// holdings is the host as one uplink sees it. It notes which agents are the uplink's, and hands over those
// of the one before it, whose links stay.
type holdings struct {
	uplink.Host
	name   string
	host   *host.Host
	broker *embedded
	policy *atomic.Pointer[policy.Policy]

	mu   sync.Mutex
	made map[route.NodeURI]uplink.Agent
	left map[route.NodeURI]uplink.Agent // by the uplink before
}

func (g *holdings) Add(node route.NodeURI, k agent.Kind) (a uplink.Agent, err error) {
	g.mu.Lock()
	a, took := g.left[node]
	delete(g.left, node)
	g.mu.Unlock()
	if took {
		err = g.host.Replace(node, k, nil)
	} else {
		a, err = g.Host.Add(node, k)
	}
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.made[node] = a
	return a, nil
}

// Command implements uplink.Host.
func (g *holdings) Command(ctx context.Context, node route.NodeURI, lane route.LaneName, body []byte) error {
	if !g.policy.Load().Uplink(g.name).May(policy.Command, node, lane) {
		g.host.Health.Add("policy.refused", 1)
		return &uplink.Fault{
			Err:    fmt.Errorf("the policy lets the uplink %s send no commands to the lane %s of %s", g.name, lane, node),
			Remedy: fmt.Sprintf("if it should, give [policy.uplink.%s] a role with command = [\"%s/%s\"]", g.name, node, lane),
		}
	}
	return g.Host.Command(ctx, node, lane, body)
}

// Remove implements uplink.Host.
func (g *holdings) Remove(ctx context.Context, node route.NodeURI) error {
	g.mu.Lock()
	delete(g.made, node)
	g.mu.Unlock()
	return g.Host.Remove(ctx, node)
}

// Origin implements uplink.Host.
func (g *holdings) Origin(client string, id uint16) (o uplink.Origin, known bool) {
	if b := g.broker.broker.Load(); b != nil {
		from, known := b.Origin(client, id)
		return uplink.Origin(from), known
	}
	return o, false
}

// give lets go of an agent that another is to take the place of, nil if it is none of the uplink's.
func (g *holdings) give(node route.NodeURI) *host.Handle {
	g.mu.Lock()
	defer g.mu.Unlock()
	a, _ := g.made[node].(*host.Handle)
	delete(g.made, node)
	return a
}

func (g *holdings) holds() map[route.NodeURI]uplink.Agent {
	g.mu.Lock()
	defer g.mu.Unlock()
	return maps.Clone(g.made)
}

func (g *holdings) has(node route.NodeURI) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.made[node] != nil
}

// drop takes away the agents of the uplink before that were not made again.
func (g *holdings) drop(ctx context.Context) error {
	g.mu.Lock()
	left := slices.Sorted(maps.Keys(g.left))
	g.left = nil
	g.mu.Unlock()
	var errs []error
	for _, node := range left {
		errs = append(errs, g.host.Remove(ctx, node))
		if name, ok := strings.CutPrefix(string(node), "/device/"); ok {
			g.host.Health.Clear("device." + name)
		}
	}
	return errors.Join(errs...)
}

// open makes an uplink and its agent, which does not connect yet. Before is the one whose place it
// takes, nil for none.
func (u *uplinks) open(s uplink.Spec, before *way) (*way, error) {
	g := &holdings{Host: u.host.Uplinks(), name: s.Name, host: u.host, broker: u.broker, policy: &u.policy, made: map[route.NodeURI]uplink.Agent{}}
	if before != nil {
		g.left = before.holds()
	}
	line, err := uplink.Open(g, s)
	if err != nil {
		return nil, err
	}
	w := &way{line, g}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.ways = append(u.ways, w)
	return w, nil
}

// openAll is open for what a plan asks for at the start.
func (u *uplinks) openAll(plan []config.Uplink) error {
	var faults config.Faults
	for _, p := range plan {
		if _, err := u.open(p.Spec, nil); err != nil {
			faults = append(faults, p.Pos.Fault("", err.Error(), ""))
		}
	}
	if len(faults) > 0 {
		return faults
	}
	return nil
}

// end stops an uplink and forgets it, if there is one of that name. Its agents stay.
func (u *uplinks) end(ctx context.Context, name string) (*way, error) {
	u.mu.Lock()
	i := slices.IndexFunc(u.ways, func(w *way) bool { return w.Name == name })
	if i < 0 {
		u.mu.Unlock()
		return nil, nil
	}
	w := u.ways[i]
	u.ways = slices.Delete(slices.Clone(u.ways), i, i+1)
	u.mu.Unlock()
	return w, w.Stop(ctx)
}

// remove takes the agents of an uplink that has ended away, and what people were told of it.
func (u *uplinks) remove(ctx context.Context, w *way) error {
	if w == nil {
		return nil
	}
	err := (&holdings{host: u.host, left: w.holds()}).drop(ctx)
	w.Forget()
	return err
}

// readyTime bounds how long an uplink that takes another's place may take for the setup of its agent.
const readyTime = time.Second

// settle takes away what an uplink has not taken over of the one before it.
func (u *uplinks) settle(ctx context.Context, w *way) error {
	ready, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	if w.Ready(ready) != nil {
		return nil // it makes its agents later, and may want them all
	}
	return w.drop(ctx)
}

func (u *uplinks) all() []*way {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.ways)
}

// holding finds the uplink that has made an agent.
func (u *uplinks) holding(node route.NodeURI) *way {
	for _, w := range u.all() {
		if w.has(node) {
			return w
		}
	}
	return nil
}

func (u *uplinks) stop(ctx context.Context) error {
	var err error
	for _, w := range slices.Backward(u.all()) {
		err = errors.Join(err, half(w.Stop)(ctx))
	}
	return err
}

func (u *uplinks) metrics(m *web.Metrics) {
	var lines []*uplink.Line
	for _, w := range u.all() {
		lines = append(lines, w.Line)
	}
	uplinkMetrics(lines)(m)
}

var _ uplink.Host = (*holdings)(nil)
