package config

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"selvage/edge/policy"
)

// Broker is the table [broker].
type Broker struct {
	Listen string // without TLS; "" for nowhere
	TLS    BrokerTLS
	Users  []BrokerUser // by their names

	Clients int // connected at one time
}

// BrokerTLS is the table [broker.tls].
type BrokerTLS struct {
	Listen  string `doc:"host:port for MQTT with TLS" example:"0.0.0.0:8883"`
	Cert    string `doc:"PEM file of the certificate, and of those that vouch for it; it is read again when it has changed" example:"/etc/selvage/broker.crt"`
	Key     string `doc:"PEM file of its key, likewise" example:"/etc/selvage/broker.key"`
	Clients string `doc:"PEM file of those by which certificates of clients are signed; then every client has to have one, and one that gives no user name logs in as the user whose name its certificate has as common name" example:"/etc/selvage/clients.crt"`
}

// BrokerUser is a table [broker.user.NAME].
type BrokerUser struct {
	Name               string
	Password           policy.Password // the zero Password is for who comes with a certificate
	Publish, Subscribe []string
}

// brokerTable is the table [broker] as it stands in the file.
type brokerTable struct {
	_         struct{}              `doc:"An MQTT broker in this host, off unless the table is there. It speaks MQTT 3.1.1. Retained messages are kept in the store, sessions in memory."`
	Listen    string                `doc:"host:port for MQTT without TLS; \"\" if there is only TLS"`
	Anonymous bool                  `doc:"let everybody in who reaches the broker, from other machines too, and do everything; without this it takes users, or certificates of clients, to listen on other than loopback" example:"-"`
	Clients   int                   `doc:"how many may be connected at one time, uplinks of this host among them"`
	Insecure  bool                  `doc:"let passwords cross the network in plain text; listening without TLS on other than loopback takes it"`
	TLS       *BrokerTLS            `toml:"tls" doc:"Where it listens with TLS, which is 1.2 at least."`
	User      map[string]brokerUser `doc:"Somebody who can log in. Without any user everybody may do everything who can reach the broker: this machine alone, or who has a certificate." example:"sensors"`
}

// brokerUser is a table [broker.user.NAME].
type brokerUser struct {
	Password  string   `doc:"what selvage hash prints, or where that is: file:/path or env:NAME" unset:"only a certificate will do" example:"pbkdf2-sha256$600000$c2FtcGxlIHNhbHQgMTIzNA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"`
	Publish   []string `doc:"topics to publish to, with + and # as in subscriptions; {user} stands for the name of the user, {client} for the client id" example:"[\"sensors/{client}/#\"]"`
	Subscribe []string `doc:"topics to receive, likewise; a subscription to more than these brings these" example:"[\"#\"]"`
}

const (
	defaultBroker  = "127.0.0.1:1883"
	defaultClients = 100
	mostClients    = 10_000
)

// broker reads [broker]. A port belongs to one of it and the host, whose table was read before.
func (p *planner) broker(t, host *table) {
	raw := brokerTable{Listen: defaultBroker, Clients: defaultClients}
	p.section(t, &raw)
	b := &Broker{Listen: raw.Listen, Clients: raw.Clients}
	if b.Clients < 1 || b.Clients > mostClients {
		p.doc.faultIn(t.get("clients"), fmt.Sprintf("clients is from 1 to %d, got %d", mostClients, b.Clients), "write 100, or leave it out")
	}
	if raw.TLS != nil {
		b.TLS = *raw.TLS
	}
	p.plan.Broker = b
	for _, name := range tablesIn(t, "user") {
		b.Users = append(b.Users, p.brokerUser(name, t.find("user."+name).value.table, raw.User[name], &b.TLS))
	}
	for _, path := range []*string{&b.TLS.Cert, &b.TLS.Key, &b.TLS.Clients} {
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(p.doc.folder(), *path)
		}
	}
	p.brokerPort(t, host, "listen", b.Listen)
	if raw.TLS != nil {
		p.brokerPort(t, host, "tls.listen", b.TLS.Listen)
	}
	p.brokerDoors(t, &raw)
}

// brokerUser reads [broker.user.NAME].
func (p *planner) brokerUser(name string, t *table, raw brokerUser, certs *BrokerTLS) BrokerUser {
	if name == "" || len(name) > 64 || strings.ContainsAny(name, "+#/{}") || strings.ContainsFunc(name, unicode.IsControl) {
		p.doc.fault(t.at, fmt.Sprintf("a user of the broker has a name without + # / { }, of at most 64 bytes, got %s", quoteShort(name)), "write a name such as [broker.user.sensors]")
	}
	if raw.Password == "" && t.get("password") == nil && !t.broken && certs.Clients == "" {
		p.doc.fault(t.at, "this user could not log in", `add password = "…" (selvage hash)`)
	}
	if len(raw.Publish)+len(raw.Subscribe) == 0 && t.readable("publish") && t.readable("subscribe") {
		p.doc.fault(t.at, "this user may do nothing", `add publish = ["…"], or subscribe = ["#"] for everything`)
	}
	return BrokerUser{Name: name, Password: p.password(t, raw.Password), Publish: raw.Publish, Subscribe: raw.Subscribe}
}

// brokerPort faults a port that the host has.
func (p *planner) brokerPort(t, host *table, key, listen string) {
	if e := t.find(key); e != nil && (e.bad || e.value.kind == unread) || e == nil && t.broken || !host.readable("listen") {
		return
	}
	ours, problem, _ := listenAddress(listen, "")
	theirs, otherProblem, _ := listenAddress(p.plan.Host.Listen, "")
	if problem != "" || otherProblem != "" || ours != theirs || ours.Port() == 0 {
		return
	}
	const remedy = "give one of them another port"
	if e := t.find(key); e != nil {
		p.doc.faultIn(e, fmt.Sprintf("[host] listens on %s already", p.plan.Host.Listen), remedy)
		return
	}
	p.doc.faultIn(host.get("listen"), fmt.Sprintf("[broker] listens on %s already", listen), remedy) // the defaults differ
}

// brokerDoors faults a broker that others could reach while it has no users, or where their passwords could be
// overheard.
func (p *planner) brokerDoors(t *table, raw *brokerTable) {
	for _, key := range []string{"user", "anonymous", "insecure", "tls"} {
		if !t.readable(key) {
			return // what it says is not known
		}
	}
	if raw.Anonymous && len(raw.User) > 0 {
		p.doc.faultIn(t.get("anonymous"), "there are users, so nobody comes in without a login", "take away this key, or all of [broker.user.NAME]")
		return
	}
	const user = "add a user: [broker.user.NAME]"
	if e := t.get("listen"); e != nil && !e.bad && reaches(raw.Listen) {
		loopback := onLoopback(raw.Listen)
		switch {
		case len(raw.User) == 0 && !raw.Anonymous:
			p.doc.faultIn(e, "everybody in the network could do everything here: the broker has no users", fmt.Sprintf("write %q, or %s", loopback, user))
		case len(raw.User) > 0 && !raw.Insecure:
			p.doc.faultIn(e, "passwords would cross the network in plain text", fmt.Sprintf("write %q and listen for others in [broker.tls], or allow it: insecure = true in [broker]", loopback))
		}
	}
	if tls := raw.TLS; tls != nil && reaches(tls.Listen) && tls.Clients == "" && len(raw.User) == 0 && !raw.Anonymous {
		if e := t.find("tls.listen"); e != nil && !e.bad {
			p.doc.faultIn(e, "everybody in the network could do everything here: the broker has no users", user+`, or have clients show certificates: clients = "…"`)
		}
	}
}

// reaches tells whether other machines may reach an address.
func reaches(listen string) bool {
	at, problem, _ := listenAddress(listen, "")
	return listen != "" && problem == "" && !at.Addr().IsLoopback()
}

// Check finds what is wrong with the table's values.
func (b *brokerTable) Check(fault func(key, problem, remedy string)) {
	if b.Listen == "" {
		if b.TLS == nil {
			fault("listen", "the broker listens nowhere", fmt.Sprintf("write %q", defaultBroker))
		}
		return
	}
	at, problem, remedy := listenAddress(b.Listen, defaultBroker)
	if problem != "" {
		fault("listen", problem, remedy)
		return
	}
	if b.TLS == nil {
		return
	}
	if with, problem, _ := listenAddress(b.TLS.Listen, ""); problem == "" && at == with && at != (netip.AddrPort{}) && at.Port() != 0 {
		fault("tls.listen", fmt.Sprintf("[broker] listens on %s without TLS already", b.Listen), `write port 8883, or listen = "" in [broker] for TLS alone`)
	}
}

// Check finds what is wrong with the table's values.
func (b *BrokerTLS) Check(fault func(key, problem, remedy string)) {
	if _, problem, remedy := listenAddress(b.Listen, "0.0.0.0:8883"); problem != "" {
		fault("listen", problem, remedy)
	}
	for _, file := range []struct{ key, path string }{{"cert", b.Cert}, {"key", b.Key}} {
		if file.path == "" {
			fault(file.key, fmt.Sprintf("TLS takes a certificate and its key; %s names no file", file.key), fmt.Sprintf("add %s = \"…\", a PEM file", file.key))
		}
	}
}

// Check finds what is wrong with the table's values.
func (u *brokerUser) Check(fault func(key, problem, remedy string)) {
	for key, filters := range map[string][]string{"publish": u.Publish, "subscribe": u.Subscribe} {
		if i := slices.IndexFunc(filters, func(f string) bool { return !isFilter(f) }); i >= 0 {
			fault(key, fmt.Sprintf("%s: %q is no topic filter", key, filters[i]), `write "sensors/#", "+/state" or "{user}/{client}/#": + and # are levels of their own, # the last one`)
		}
	}
}

// isFilter tells whether f is a filter of MQTT [MQTT 3.1.1, 4.7.1], in which {user} and {client} may stand.
func isFilter(f string) bool {
	if f == "" || strings.ContainsAny(strings.NewReplacer("{user}", "", "{client}", "").Replace(f), "{}\x00") {
		return false
	}
	levels := strings.Split(f, "/")
	for i, level := range levels {
		if strings.ContainsAny(level, "+#") && level != "+" && (level != "#" || i < len(levels)-1) {
			return false
		}
	}
	return true
}

var (
	_ checker = (*brokerTable)(nil)
	_ checker = (*BrokerTLS)(nil)
	_ checker = (*brokerUser)(nil)
)
