package config

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"selvage/edge/policy"
	"selvage/edge/route"
)

// policyTable is the table [policy].
type policyTable struct {
	_        struct{}                `doc:"Who may do what on this host. Without it this machine may do everything, and no other anything."`
	Loopback string                  `doc:"all, when this machine itself may do everything without a login, or login; say login if a proxy on this machine serves others and sends no X-Forwarded-For"`
	Proxy    bool                    `doc:"a proxy on this machine passes on what others ask, with X-Forwarded-For to say for whom; without this such requests are refused"`
	Hosts    []string                `doc:"names by which browsers reach this host; its addresses need no naming" example:"[\"greenhouse.local\"]"`
	Insecure bool                    `doc:"let passwords and tokens cross the network in plain text; listening on other than loopback takes it"`
	Audit    bool                    `doc:"show in /host/audit also what is commanded without a login"`
	User     map[string]policyUser   `doc:"Somebody who can log in, by a password, a token or either." example:"anna"`
	Uplink   map[string]policyUplink `doc:"What may be commanded through the uplink of that name; without it nothing." example:"broker"`
	Role     map[string]policyRole   `doc:"What the users of a role may do. Lanes are given as \"/room/*/target\", each * one segment and the last one the lane, or as \"/room/**\": /room and all below it." example:"operator"`
}

// policyUser is a table [policy.user.NAME].
type policyUser struct {
	Password string   `doc:"what selvage hash prints, or where that is: file:/path or env:NAME" example:"-"`
	Token    string   `doc:"the hash of a token that selvage token prints, or where that or the token itself is: file:/path or env:NAME" example:"sha256$0ae48e2df9bcf9d4a1d7e3aa4f3a22e3ad2a9b9ad9c2a1ce9ee0d6b1cf1b8cd2"`
	Roles    []string `doc:"the user may do what any of these roles may" example:"[\"operator\"]"`
}

// policyUplink is a table [policy.uplink.NAME].
type policyUplink struct {
	Roles []string `doc:"who commands through it may do what any of these roles may" example:"[\"operator\"]"`
}

// policyRole is a table [policy.role.NAME].
type policyRole struct {
	Read    []string `doc:"lanes to see, by HTTP and links; \"/host/*\" are those with which the page finds all others, what all agents log takes \"/**\"" example:"[\"/host/*\", \"/room/**\"]"`
	Link    []string `doc:"lanes to see by links only"`
	Command []string `doc:"lanes to send commands to" example:"[\"/room/*/target\"]"`
}

const (
	loopbackAll   = "all"
	loopbackLogin = "login"
)

// policy reads [policy].
func (p *planner) policy(t *table) {
	raw := policyTable{Loopback: loopbackAll}
	p.section(t, &raw)
	c := &policy.Config{Login: raw.Loopback == loopbackLogin, Hosts: raw.Hosts, Proxy: raw.Proxy, Insecure: raw.Insecure, Audit: raw.Audit}
	p.plan.Policy = c
	for _, name := range tablesIn(t, "role") {
		r := raw.Role[name]
		p.partRight("role", name, t.find("role."+name).value.table, "operator")
		c.Roles = append(c.Roles, policy.Role{Name: name, Read: r.Read, Link: r.Link, Command: r.Command})
	}
	for _, name := range tablesIn(t, "uplink") {
		from := raw.Uplink[name]
		p.roles(t.find("uplink."+name).value.table, from.Roles, raw.Role)
		c.Uplinks = append(c.Uplinks, policy.User{Name: name, Roles: from.Roles})
	}
	by := map[policy.Token]string{}
	for _, name := range tablesIn(t, "user") {
		of := t.find("user." + name).value.table
		p.partRight("user", name, of, "anna")
		from := raw.User[name]
		u := policy.User{Name: name, Roles: from.Roles}
		u.Password, u.Token = p.password(of, from.Password), p.token(of, from)
		p.roles(of, from.Roles, raw.Role)
		if other, taken := by[u.Token]; taken && u.Token != (policy.Token{}) {
			p.doc.fault(of.at, fmt.Sprintf("user %s has the token of %s", name, other), "make another one: selvage token "+name)
		}
		by[u.Token] = name
		c.Users = append(c.Users, u)
	}
	if c.Login && len(c.Users) == 0 && t.readable("user") && t.readable("loopback") {
		p.doc.faultIn(t.get("loopback"), "nobody could log in: there is no user", `add one: [policy.user.NAME], or write "all"`)
	}
}

// IsUser reports whether a user may have that name.
func IsUser(name string) bool { return isName(name) }

// partRight checks the name of a user or role, which stands in logs.
func (p *planner) partRight(what, name string, t *table, example string) {
	if !isName(name) {
		p.doc.fault(t.at, fmt.Sprintf("a %s's name has small letters, digits and - only, got %q", what, name), suggestName("policy."+what, name, example))
	}
}

// tablesIn returns the names of the tables below one, in order.
func tablesIn(t *table, key string) []string {
	e := t.get(key)
	if e == nil || e.value.kind != group {
		return nil
	}
	var names []string
	for _, below := range e.value.table.entries {
		if below.value.kind == group {
			names = append(names, below.key)
		}
	}
	slices.Sort(names)
	return names
}

// roles faults roles that are not there.
func (p *planner) roles(t *table, has []string, roles map[string]policyRole) {
	e := t.get("roles")
	if e == nil || e.bad || e.value.kind != list {
		return
	}
	var known []string
	for name := range roles {
		known = append(known, name)
	}
	slices.Sort(known)
	for i, name := range has {
		if slices.Contains(known, name) || i >= len(e.value.items) {
			continue
		}
		remedy := didYouMean(name, known)
		if remedy == "" {
			remedy = fmt.Sprintf("add a table [policy.role.%s]", quoteKey(name))
		}
		p.doc.fault(e.value.items[i].at, fmt.Sprintf("there is no role %s", quoteShort(name)), remedy)
	}
}

const makeHash, makeToken = "print one: selvage hash", "print one and its hash: selvage token NAME"

// password reads the hash that a user's table has.
func (p *planner) password(t *table, said string) policy.Password {
	text, _, _ := p.secret(t, "password", said)
	if text == "" {
		return policy.Password{}
	}
	hash, err := policy.ParsePassword(strings.TrimSpace(text))
	if err != nil {
		p.doc.faultIn(t.get("password"), fmt.Sprintf("password does not have the hash of a password: %v", err), makeHash)
	}
	return hash
}

func (p *planner) token(t *table, u policyUser) policy.Token {
	text, elsewhere, public := p.secret(t, "token", u.Token)
	if text == "" {
		return policy.Token{}
	}
	read := policy.ParseToken
	if elsewhere {
		read = policy.ReadToken
	}
	text = strings.TrimSpace(text)
	hash, err := read(text)
	switch {
	case err != nil:
		p.doc.faultIn(t.get("token"), fmt.Sprintf("token does not have a token's hash: %v", err), makeToken)
	case public && text != hash.String():
		p.doc.faultIn(t.get("token"), "everybody on this machine may read that token", "let only the user that runs selvage read the file, chmod 600, or put the token's hash there")
	}
	return hash
}

// Check finds what is wrong with the table's values.
func (t *policyTable) Check(fault func(key, problem, remedy string)) {
	if t.Loopback != loopbackAll && t.Loopback != loopbackLogin {
		fault("loopback", fmt.Sprintf("loopback is %q", t.Loopback), `write "all", or "login" if this machine needs one too`)
	}
	for _, host := range t.Hosts {
		_, err := netip.ParseAddr(host)
		if host == "" || err == nil || strings.ToLower(host) != host || strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789-._") != "" {
			fault("hosts", fmt.Sprintf("hosts has names in small letters without a port, got %q", host), `write ["greenhouse.local"]`)
			return
		}
	}
}

// Check finds what is wrong with the table's values.
func (u *policyUser) Check(fault func(key, problem, remedy string)) {
	if u.Password == "" && u.Token == "" {
		fault("", "this user could not log in", `add password = "…" (selvage hash) or token = "…" (selvage token)`)
	}
}

// Check finds what is wrong with the table's values.
func (r *policyRole) Check(fault func(key, problem, remedy string)) {
	for key, patterns := range map[string][]string{"read": r.Read, "link": r.Link, "command": r.Command} {
		for _, text := range patterns {
			_, err := policy.ParsePattern(text)
			var wrong *route.SyntaxError
			if errors.As(err, &wrong) {
				fault(key, fmt.Sprintf("%s: %q is no pattern of lanes: %s", key, text, wrong.Why), `write "/room/*/target", or "/room/**" for everything below`)
				break
			}
		}
	}
}

var (
	_ checker = (*policyTable)(nil)
	_ checker = (*policyUser)(nil)
	_ checker = (*policyRole)(nil)
)
