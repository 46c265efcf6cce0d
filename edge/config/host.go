package config

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"reflect"
	"strconv"
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
	host := reflect.ValueOf(&p.plan.Host).Elem()
	var fs fields
	fs.add(host)
	p.doc.fill(t, fs)
	p.doc.check(host, t)
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
	if problem, remedy := checkListen(h.Listen); problem != "" {
		fault("listen", problem, remedy)
	}
}

func checkListen(listen string) (problem, remedy string) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Sprintf("listen wants host:port, got %q", listen), `write "127.0.0.1:9001"`
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Sprintf("listen wants a port from 0 to 65535, got %q", port), `write "127.0.0.1:9001"`
	}
	if addr, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !addr.IsLoopback()) {
		return "only loopback addresses may be listened on until access control is configured",
			fmt.Sprintf("there is no login yet; write %q", net.JoinHostPort("127.0.0.1", port))
	}
	return "", ""
}

var _ checker = (*Host)(nil)
