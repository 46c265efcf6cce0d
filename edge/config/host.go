package config

import (
	"fmt"
	"os"
	"time"
)

func (p *planner) host(t *table) {
	p.plan.Host = Host{
		Data:   "/var/lib/selvage",
		Listen: "127.0.0.1:9001",
		Commit: 250 * time.Millisecond,
		Agents: 10000,
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
	if h.Agents < 1 {
		fault("agents", fmt.Sprintf("agents is at least 1, got %d", h.Agents), "write 10000, or leave it out")
	}
	if _, problem, remedy := listenAddress(h.Listen, "127.0.0.1:9001"); problem != "" {
		fault("listen", problem, remedy)
	}
}

var _ checker = (*Host)(nil)
