// Package aggregate shows what several lanes read now, as one: their mean, least, greatest, sum and number.
//
//	[agent."/house/air"]
//	kind  = "aggregate"
//	lanes = ["/room/*/temperature", "warp://10.0.0.7:9001/device/air temperature"]
//	stale = "10m"            # a source that has been silent for that long is left out
//
// Its lanes, the first seven of which are readings like those of a twin:
//
//	mean, min, max, sum   over the sources that are good, in their unit
//	count                 how many sources there are
//	good                  how many of them have a usable reading that is up to date
//	stale                 how many are not up to date: silent, away, or not seen yet
//	sources               a map: node URI and lane of each, and what it read last
//
// While some sources are left out, or one is uncertain, what is over them is uncertain; while all are, it is bad. Of
// conditions, which are 0 or 1, sum is how many hold. Texts are left out. Readings of different units are not
// mixed: then all is bad, and the host's conditions say whose they are.
package aggregate

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"selvage/edge/agent"
	"selvage/edge/device"
	"selvage/edge/health"
	"selvage/edge/route"
)

func init() { agent.Register("aggregate", Config{}, setup) }

// pulse is how often it is looked which sources are stale.
const pulse = time.Second

// aggregate is the state of one agent.
type aggregate struct {
	Config
	agent   *agent.Agent
	sources *agent.JoinValueLane[string, device.Reading]
	heard   map[string]time.Time // of each source its newest reading; zero before there is one
	lanes   map[string]*agent.ValueLane[device.Reading]
	stale   int  // how many sources were when it was looked last
	due     bool // it is to be looked
}

func setup(a *agent.Agent, c Config) error {
	g := &aggregate{
		Config: c, agent: a,
		sources: agent.JoinValue[string, device.Reading](a, "sources").Transient().ReadOnly(),
		heard:   map[string]time.Time{},
		lanes:   map[string]*agent.ValueLane[device.Reading]{},
	}
	for _, name := range []string{"mean", "min", "max", "sum", "count", "good", "stale"} {
		g.lanes[name] = agent.Value(a, name, device.Reading{}).Transient().ReadOnly()
	}
	g.sources.OnUpdate(func(key string, _, _ device.Reading) error {
		g.heard[key] = time.Now()
		g.look()
		return nil
	})
	for _, s := range c.Lanes {
		p, err := parse(s)
		if err != nil {
			return err
		}
		if p.lane != "" {
			g.source(route.NodeURI(p.node), route.LaneName(p.lane), true)
		} else if err := a.Watch(p.node, g.source); err != nil {
			return err
		}
	}
	a.Every(pulse, func() {
		if g.countStale() != g.stale {
			g.look()
		}
	})
	a.OnClose(func() { a.Health().Clear(g.code()) })
	g.look()
	return nil
}

// source begins or ends to follow a lane.
func (g *aggregate) source(node route.NodeURI, lane route.LaneName, there bool) {
	key := string(node) + " " + string(lane)
	switch _, known := g.heard[key]; {
	case there && !known:
		g.heard[key] = time.Time{}
		g.sources.Link(key, string(node), string(lane))
	case !there:
		delete(g.heard, key)
		g.sources.Unlink(key)
	}
	g.look()
}

// look has show run once all readings that have come so far are taken in.
func (g *aggregate) look() {
	if g.due {
		return
	}
	g.due = true
	g.agent.After(0, func() {
		g.due = false
		g.show()
	})
}

func (g *aggregate) isStale(key string) bool {
	at := g.heard[key]
	return at.IsZero() || g.sources.IsStale(key) || g.Stale > 0 && time.Since(at) >= g.Stale
}

func (g *aggregate) countStale() (n int) {
	for key := range g.heard {
		if g.isStale(key) {
			n++
		}
	}
	return n
}

func (g *aggregate) show() {
	var (
		good, sum = 0, 0.0
		low, high = math.Inf(1), math.Inf(-1)
		units     = map[device.Unit]string{} // and a source of each
		doubt     bool
	)
	for key, r := range g.sources.All() {
		if g.isStale(key) || r.Bad() || r.Form == device.Text {
			continue
		}
		if r.Form == device.Boolean {
			r.Unit = "1"
		}
		units[r.Unit] = key
		good++
		sum, low, high = sum+r.Value, min(low, r.Value), max(high, r.Value)
		doubt = doubt || r.Quality != device.Good
	}
	g.stale = g.countStale()
	all := len(g.heard)

	g.mark(units)
	now := device.Reading{At: g.agent.Now()}
	switch {
	case all == 0:
		now.Quality, now.Reason = device.Bad, "there are no sources yet"
	case len(units) > 1:
		now.Quality, now.Reason = device.Bad, "the sources have different units"
	case good == 0:
		now.Quality, now.Reason = device.Bad, fmt.Sprintf("none of %d sources is good", all)
	case good < all:
		now.Quality, now.Reason = device.Uncertain, fmt.Sprintf("%d of %d sources are left out", all-good, all)
	case doubt:
		now.Quality, now.Reason = device.Uncertain, "a reading in it is uncertain"
	}
	if !now.Bad() {
		for unit := range units {
			now.Unit = unit
		}
	} else {
		sum, low, high = 0, 0, 0
	}
	for name, v := range map[string]float64{"mean": sum / max(float64(good), 1), "min": low, "max": high, "sum": sum} {
		now.Value = v
		g.lanes[name].Set(now)
	}
	for name, n := range map[string]int{"count": all, "good": good, "stale": g.stale} {
		if l := g.lanes[name]; l.Get().IsZero() || l.Get().Value != float64(n) {
			l.Set(device.Reading{Value: float64(n), Unit: "1", At: now.At})
		}
	}
}

func (g *aggregate) code() string { return "aggregate." + string(g.agent.URI()) }

// mark shows which sources have different units.
func (g *aggregate) mark(units map[device.Unit]string) {
	if len(units) < 2 {
		g.agent.Health().Clear(g.code())
		return
	}
	var each []string
	for _, unit := range slices.Sorted(maps.Keys(units)) {
		each = append(each, fmt.Sprintf("%s in %q", units[unit], unit))
	}
	g.agent.Health().Raise(health.Condition{
		Code:   g.code(),
		Text:   fmt.Sprintf("%s cannot mix readings of different units: %s", g.agent.URI(), strings.Join(each, ", ")),
		Remedy: "leave some out, or convert them first with an agent of kind filter",
	})
}
