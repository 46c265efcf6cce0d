// Package policy says who may do what on a host: users, their roles, and which lanes a role may see
// and command. It knows no protocol; the web server asks it for HTTP and for WARP.
//
// A Policy is what the config says and never changes. A Gate is what stands at the doors while the
// host runs: it holds the policy of the moment, who is logged in, and how often somebody tried.
//
// There are only rules that allow. What no rule of any of a user's roles speaks of is refused, so
// neither the order of rules matters, nor how somebody spells what he may not do.
package policy

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"selvage/edge/route"
)

// Config is what a Policy is made of. Equal configs make equal policies.
type Config struct {
	Login    bool     // is needed on loopback too
	Hosts    []string // names by which browsers reach this host, in small letters
	Proxy    bool     // one on this machine passes on what others ask, and says for whom
	Insecure bool     // passwords and tokens may cross a network in plain text
	Audit    bool     // note also what is done without a login
	Users    []User
	Uplinks  []User // what uplinks may do; they do not log in
	Roles    []Role
}

// User is who can log in, with a password, a token or either.
type User struct {
	Name     string
	Password Password
	Token    Token
	Roles    []string
}

// Role is what its users may do, as texts of patterns (see ParsePattern).
type Role struct {
	Name    string
	Read    []string // see a lane by any protocol: HTTP GET, link and sync
	Link    []string // see it by links only
	Command []string // send it commands
}

// Action is what somebody wants to do with a lane.
type Action uint8

const (
	Read    Action = iota // see it once, by HTTP
	Link                  // link to it or sync it
	Command               // send it a command
)

func (a Action) String() string { return [...]string{"read", "link", "command"}[a] }

// Policy is immutable. The one without users, which New makes of nil, lets everybody do everything on
// loopback and nobody anything from elsewhere.
type Policy struct {
	config  *Config // nil without a table [policy]
	users   map[string]*user
	uplinks map[string]*user
	tokens  map[Token]*user
	decoy   Password // to be tried for users that are not there; no other has more iterations
}

type user struct {
	name     string
	password Password
	token    Token
	may      [Command + 1][]Pattern
}

// Who is somebody at a door. The zero Who is nobody, and may do nothing.
type Who struct {
	policy *Policy // which says so
	user   *user
	free   bool // on this machine, where no login is needed
}

// New makes a policy. Without a config it is the one of a host that has no table [policy].
func New(c *Config) (*Policy, error) {
	p := &Policy{users: map[string]*user{}, uplinks: map[string]*user{}, tokens: map[Token]*user{}, decoy: decoy}
	if c == nil {
		return p, nil
	}
	own := *c
	p.config = &own
	most := 0 // iterations of a password
	roles := map[string]*Role{}
	for i := range c.Roles {
		roles[c.Roles[i].Name] = &c.Roles[i]
	}
	for _, from := range c.Uplinks {
		u := &user{name: "uplink/" + from.Name}
		if err := u.become(from.Roles, roles); err != nil {
			return nil, err
		}
		p.uplinks[from.Name] = u
	}
	for _, from := range c.Users {
		u := &user{name: from.Name, password: from.Password, token: from.Token}
		if err := u.become(from.Roles, roles); err != nil {
			return nil, err
		}
		if p.users[u.name] != nil {
			return nil, fmt.Errorf("there are two users %s", u.name)
		}
		p.users[u.name] = u
		if u.token != (Token{}) {
			if p.tokens[u.token] != nil {
				return nil, fmt.Errorf("users %s and %s have the same token", p.tokens[u.token].name, u.name)
			}
			p.tokens[u.token] = u
		}
		most = max(most, u.password.iterations)
	}
	p.decoy.iterations = cmp.Or(most, Iterations)
	if c.Login && len(p.users) == 0 {
		return nil, errors.New("a login is needed, and there is no user")
	}
	return p, nil
}

func (u *user) become(names []string, roles map[string]*Role) error {
	for _, name := range names {
		r := roles[name]
		if r == nil {
			return fmt.Errorf("user %s: there is no role %q", u.name, name)
		}
		if err := u.grant(r); err != nil {
			return fmt.Errorf("role %s: %w", name, err)
		}
	}
	return nil
}

func (u *user) grant(r *Role) error {
	for _, one := range []struct {
		texts []string
		to    []Action
	}{{r.Read, []Action{Read, Link}}, {r.Link, []Action{Link}}, {r.Command, []Action{Command}}} {
		for _, text := range one.texts {
			pattern, err := ParsePattern(text)
			if err != nil {
				return err
			}
			for _, a := range one.to {
				u.may[a] = append(u.may[a], pattern)
			}
		}
	}
	return nil
}

// Audits reports whether to note what somebody does whom the policy lets do it.
func (p *Policy) Audits(who Who) bool { return who.user != nil || p.Config().Audit }

// Config returns what the policy was made of, the zero Config for nil. It must not be altered.
func (p *Policy) Config() Config {
	if p.config == nil {
		return Config{}
	}
	return *p.config
}

// IsNone reports whether this is the policy of a host that has no table [policy].
func (p *Policy) IsNone() bool { return p.config == nil }

// HasUsers reports whether anybody can log in.
func (p *Policy) HasUsers() bool { return len(p.users) > 0 }

// Here returns who somebody is that has not logged in. local tells whether he is on this machine.
func (p *Policy) Here(local bool) Who { return Who{policy: p, free: local && !p.Config().Login} }

// Uplink returns who an uplink of this host is, for what comes in by it. Without a policy it may do what its table asks
// for; with one, what that says.
func (p *Policy) Uplink(name string) Who {
	return Who{policy: p, user: p.uplinks[name], free: p.IsNone()}
}

// HasHost reports whether browsers may reach this host by a name, which is in small letters.
func (p *Policy) HasHost(name string) bool { return slices.Contains(p.Config().Hosts, name) }

// Name returns the name of a user, "" of somebody who is none.
func (w Who) Name() string {
	if w.user == nil {
		return ""
	}
	return w.user.name
}

// Known reports whether the policy gives somebody any rights at all.
func (w Who) Known() bool { return w.user != nil || w.free }

// Free reports whether somebody may do everything, being on this machine.
func (w Who) Free() bool { return w.free }

// May reports whether somebody may do that with a lane. Node and lane are the keys the host knows them
// by. A node of swim:meta may be seen by who may see what it tells of: of the host as a whole, who may see
// all of the node /host, but its log only who may see everything. The history of a lane may be seen by who may see
// the lane.
func (w Who) May(a Action, node route.NodeURI, lane route.LaneName) bool {
	if of, is := route.HistoryOf(lane); is {
		lane = of
	}
	switch {
	case w.free:
		return true
	case w.user == nil || lane == "":
		return false
	case strings.HasPrefix(string(node), "/"):
		return slices.ContainsFunc(w.user.may[a], func(p Pattern) bool { return p.Match(node, lane) })
	case a == Command:
		return false
	}
	about, of, ok := metaSubject(node)
	switch {
	case !ok:
		return false
	case of != "":
		return w.May(a, about, of)
	case about != "":
		return w.MayAll(a, about)
	case strings.HasSuffix(string(lane), "Log"): // what all agents log
		return slices.ContainsFunc(w.user.may[a], func(p Pattern) bool { return p.text == deep })
	}
	return w.MayAll(a, "/host")
}

// MayAll reports whether somebody may do that with every lane a node has or will have.
func (w Who) MayAll(a Action, node route.NodeURI) bool {
	if w.free {
		return true
	}
	return w.user != nil && strings.HasPrefix(string(node), "/") &&
		slices.ContainsFunc(w.user.may[a], func(p Pattern) bool { return p.MatchAll(node) })
}
