package config

import (
	"fmt"
	"os"
	"time"
)

func (p *planner) host(t *table) {
	p.plan.Host = Host{
		Data:    "/var/lib/selvage",
		Listen:  "127.0.0.1:9001",
		Commit:  250 * time.Millisecond,
		History: 2_000_000_000,
		Agents:  10000,
		Turn:    time.Second,
		WARP:    WARP{Connections: 1024, Message: 1_100_000, Links: 65_536, Pending: 1_000_000},
	}
	if name, err := os.Hostname(); err == nil {
		p.plan.Host.Name = name
	}
	p.section(t, &p.plan.Host)
}

// Check finds what is wrong with the table's values.
func (h *Host) Check(fault func(key, problem, remedy string)) {
	if h.Name == "" {
		fault("name", "the host needs a name", `write name = "…" with a name that tells this machine from others`)
	}
	if h.Data == "" {
		fault("data", "data names the folder for what is kept", `write "/var/lib/selvage"`)
	}
	if h.Commit <= 0 {
		fault("commit", "commit must be longer than 0", `write "250ms", the longest a value may wait for the disk`)
	}
	if h.History < 10_000_000 {
		fault("history", fmt.Sprintf("history is 10MB at least, got %d bytes", h.History), `write "2GB", or leave it out`)
	}
	if h.Agents < 1 {
		fault("agents", fmt.Sprintf("agents is at least 1, got %d", h.Agents), "write 10000, or leave it out")
	}
	if h.Passivate < 0 || h.Passivate > 0 && h.Passivate < time.Second {
		fault("passivate", "passivate is a second at least", `write "1h", or leave it out to keep agents in memory`)
	}
	if h.Turn < 10*time.Millisecond {
		fault("turn", "turn is at least 10ms", `write "1s", or leave it out`)
	}
	h.WARP.check(fault)
	if _, problem, remedy := listenAddress(h.Listen, "127.0.0.1:9001"); problem != "" {
		fault("listen", problem, remedy)
	}
}

func (w *WARP) check(fault func(key, problem, remedy string)) {
	if w.Connections < 1 {
		fault("warp.connections", fmt.Sprintf("connections is at least 1, got %d", w.Connections), "write 1024, or leave it out")
	}
	if w.Message < 4_000 || w.Message > 1_000_000_000 {
		fault("warp.message", fmt.Sprintf("message is from 4kB to 1GB, got %d bytes", w.Message), `write "1MB", or leave it out`)
	}
	if w.Links < 1 {
		fault("warp.links", fmt.Sprintf("links is at least 1, got %d", w.Links), "write 65536, or leave it out")
	}
	if w.Pending < 1_000 || w.Pending > 1_000_000_000 {
		fault("warp.pending", fmt.Sprintf("pending is from 1kB to 1GB, got %d bytes", w.Pending), `write "1MB", or leave it out`)
	}
}

var _ checker = (*Host)(nil)
