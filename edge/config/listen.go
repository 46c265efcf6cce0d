package config

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
)

// broker reads [broker]. A port belongs to one of it and the host, whose table was read before.
func (p *planner) broker(t, host *table) {
	b := &Broker{Listen: "127.0.0.1:1883"}
	p.plan.Broker = b
	p.section(t, b)
	if !t.readable("listen") || !host.readable("listen") {
		return
	}
	ours, problem, _ := listenAddress(b.Listen, "")
	theirs, otherProblem, _ := listenAddress(p.plan.Host.Listen, "")
	if problem != "" || otherProblem != "" || ours != theirs || ours.Port() == 0 {
		return
	}
	const remedy = "give one of them another port"
	if e := t.get("listen"); e != nil {
		p.doc.faultIn(e, fmt.Sprintf("[host] listens on %s already", p.plan.Host.Listen), remedy)
		return
	}
	p.doc.faultIn(host.get("listen"), fmt.Sprintf("[broker] listens on %s already", b.Listen), remedy) // the defaults differ
}

// Check finds what is wrong with the table's values.
func (b *Broker) Check(fault func(key, problem, remedy string)) {
	if _, problem, remedy := listenAddress(b.Listen, "127.0.0.1:1883"); problem != "" {
		fault("listen", problem, remedy)
	}
}

// listenAddress reads what a key listen holds, or says what is wrong with it. example is what
// would be right.
func listenAddress(listen, example string) (at netip.AddrPort, problem, remedy string) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return at, fmt.Sprintf("listen wants host:port, got %q", listen), fmt.Sprintf("write %q", example)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return at, fmt.Sprintf("listen wants a port from 0 to 65535, got %q", port), fmt.Sprintf("write %q", example)
	}
	name := host
	if name == "localhost" {
		name = "127.0.0.1" // what net.Listen takes it for first
	}
	addr, err := netip.ParseAddr(name)
	if err != nil || !addr.IsLoopback() {
		return at, "only loopback addresses may be listened on until access control is configured",
			fmt.Sprintf("there is no login yet; write %q", net.JoinHostPort("127.0.0.1", port))
	}
	return netip.AddrPortFrom(addr.Unmap().WithZone(""), uint16(number)), "", ""
}

var _ checker = (*Broker)(nil)
