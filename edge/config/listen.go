package config

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
)

// beyond faults a host that others could reach while nobody has a login, or where a login could be
// overheard.
func (p *planner) beyond(host, policy *table) {
	at, problem, _ := listenAddress(p.plan.Host.Listen, "")
	if problem != "" || at.Addr().IsLoopback() || !host.readable("listen") {
		return
	}
	e, loopback := host.get("listen"), onLoopback(p.plan.Host.Listen)
	switch c := p.plan.Policy; {
	case policy != nil && (!policy.readable("user") || !policy.readable("insecure")):
	case c == nil || len(c.Users) == 0:
		p.doc.faultIn(e, "only loopback addresses may be listened on while nobody has a login", fmt.Sprintf("write %q, or add a user: [policy.user.NAME]", loopback))
	case !c.Insecure:
		p.doc.faultIn(e, "passwords and tokens would cross the network in plain text", fmt.Sprintf("write %q and let a proxy on this machine speak TLS for it, or allow it: insecure = true in [policy]", loopback))
	}
}

func onLoopback(listen string) string {
	_, port, _ := net.SplitHostPort(listen)
	return net.JoinHostPort("127.0.0.1", port)
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
	switch host {
	case "localhost":
		host = "127.0.0.1" // what net.Listen takes it for first
	case "":
		host = "::" // all addresses
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return at, fmt.Sprintf("listen wants an address of this machine, got the name %q", host),
			fmt.Sprintf("write %q, or \"0.0.0.0:%s\" for all addresses", net.JoinHostPort("127.0.0.1", port), port)
	}
	return netip.AddrPortFrom(addr.Unmap().WithZone(""), uint16(number)), "", ""
}
