package meta

import (
	"math"
	"time"

	"selvage/edge/agent"
	"selvage/edge/host"
)

// Pulse is the value of the lane pulse. What is zero is left out, as in SwimOS; a rate is of the time
// since the look before, and not known at the first.
type Pulse struct {
	MeshCount int     `recon:"meshCount,omitempty"`
	PartCount int     `recon:"partCount,omitempty"`
	HostCount int     `recon:"hostCount,omitempty"`
	NodeCount int     `recon:"nodeCount,omitempty"`
	Agents    Agents  `recon:"agents,omitempty"`
	Downlinks Traffic `recon:"downlinks,omitempty"`
	Uplinks   Traffic `recon:"uplinks,omitempty"`
	System    System  `recon:"system,omitempty"`
}

// Agents says how busy agents are.
type Agents struct {
	AgentCount int   `recon:"agentCount,omitempty"`
	ExecRate   int64 `recon:"execRate,omitempty"` // ns a second
	ExecTime   int64 `recon:"execTime,omitempty"` // ns in turns since they were made
}

// Traffic is what goes over links. Rates are a second.
type Traffic struct {
	LinkCount    int    `recon:"linkCount,omitempty"`
	EventRate    int64  `recon:"eventRate,omitempty"`
	EventCount   uint64 `recon:"eventCount,omitempty"`
	CommandRate  int64  `recon:"commandRate,omitempty"`
	CommandCount uint64 `recon:"commandCount,omitempty"`
}

// System is about the machine. What the operating system does not tell is left out.
type System struct {
	CPUUsage  int64     `recon:"cpuUsage,omitempty"` // %, of
	CPUTotal  int64     `recon:"cpuTotal,omitempty"` // 100 for each processor
	MemUsage  int64     `recon:"memUsage,omitempty"` // bytes that cannot be had, of
	MemTotal  int64     `recon:"memTotal,omitempty"`
	DiskUsage int64     `recon:"diskUsage,omitempty"` // bytes of the root file system, of
	DiskTotal int64     `recon:"diskTotal,omitempty"`
	StartTime time.Time `recon:"startTime,omitempty"` // of the host, ms since 1970
}

// sample is what has been counted up to a time.
type sample struct {
	at            time.Time
	nodes, agents int
	busy          time.Duration
	up, down      agent.Traffic
}

func (s *sample) add(l host.Load) {
	s.agents++
	s.busy += l.Busy
	sum(&s.up, l.Up)
	sum(&s.down, l.Down)
}

func sum(to *agent.Traffic, t agent.Traffic) {
	to.Links += t.Links
	to.Events += t.Events
	to.Commands += t.Commands
}

func (v *view) pulse() {
	l := agent.Value(v.a, "pulse", Pulse{}).Transient().ReadOnly()
	v.keep(&l.Lane, func() {
		if now := v.measure(); now != l.Get() {
			l.Set(now)
		}
	})
}

// measure looks how the place does.
func (v *view) measure() (p Pulse) {
	now := v.look()
	switch v.level {
	case atEdge:
		p = Pulse{MeshCount: 1, PartCount: 2, HostCount: 2, NodeCount: now.nodes}
	case atMesh:
		p = Pulse{PartCount: 2, HostCount: 2, NodeCount: now.nodes}
	case atPart:
		p = Pulse{HostCount: 1, NodeCount: now.nodes}
	case atHost:
		p = Pulse{NodeCount: now.nodes}
	}
	if v.level != atEdge && v.level != atNode {
		p.System = v.system()
	}
	was := v.was
	v.was = now
	if was.at.IsZero() {
		was = now
	}
	past := now.at.Sub(was.at)
	p.Agents = Agents{AgentCount: now.agents, ExecRate: rate(now.busy-was.busy, past), ExecTime: int64(now.busy)}
	p.Uplinks = traffic(was.up, now.up, past)
	p.Downlinks = traffic(was.down, now.down, past)
	return p
}

// look counts. The nodes of this package count as nodes of the edge and the mesh, and of their part, but
// what they do is not looked at.
func (v *view) look() (s sample) {
	s.at = time.Now()
	if v.level == atNode {
		if l, ok := v.host.Load(v.node); ok {
			s.add(l)
		}
		return s
	}
	app := place{}
	for a, l := range v.host.Loads() {
		agents := app.has(a.URI())
		if v.has(a.URI()) || v.level < atPart && !a.URI().IsFar() {
			s.nodes++
			if agents {
				s.add(l)
			}
		}
	}
	return s
}

func traffic(was, now agent.Traffic, past time.Duration) Traffic {
	return Traffic{
		LinkCount:    now.Links,
		EventRate:    rate(now.Events-was.Events, past),
		EventCount:   now.Events,
		CommandRate:  rate(now.Commands-was.Commands, past),
		CommandCount: now.Commands,
	}
}

// rate is n a second.
func rate[N uint64 | time.Duration](n N, past time.Duration) int64 {
	if past <= 0 {
		return 0
	}
	return int64(math.Round(float64(n) / past.Seconds()))
}
