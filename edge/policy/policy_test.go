package policy

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"selvage/edge/route"
)

// of makes a policy in which the user u has one role.
func of(t *testing.T, r Role) Who {
	t.Helper()
	r.Name = "r"
	p, err := New(&Config{Users: []User{{Name: "u", Roles: []string{"r"}}}, Roles: []Role{r}})
	if err != nil {
		t.Fatal(err)
	}
	return Who{policy: p, user: p.users["u"]}
}

// An uplink may do what its table asks for where there is no policy, and otherwise what its roles may. It cannot log in.
func TestUplink(t *testing.T) {
	none, err := New(nil)
	if err != nil {
		t.Fatal(err)
	}
	if !none.Uplink("broker").May(Command, "/room/a", "target") {
		t.Error("without a policy an uplink is refused")
	}
	p, err := New(&Config{
		Uplinks: []User{{Name: "broker", Roles: []string{"r"}}, {Name: "idle"}},
		Roles:   []Role{{Name: "r", Command: []string{"/room/*/target"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		uplink, node, lane string
		want               bool
	}{{"broker", "/room/a", "target", true}, {"broker", "/room/a", "mode", false}, {"idle", "/room/a", "target", false}, {"other", "/room/a", "target", false}} {
		if got := p.Uplink(tt.uplink).May(Command, route.NodeURI(tt.node), route.LaneName(tt.lane)); got != tt.want {
			t.Errorf("%v: %v", tt, got)
		}
	}
	if p.HasUsers() {
		t.Error("an uplink counts as somebody who can log in")
	}
	if _, err := New(&Config{Uplinks: []User{{Name: "broker", Roles: []string{"x"}}}}); err == nil {
		t.Error("a role that is not there is taken")
	}
}

func TestPatterns(t *testing.T) {
	tests := []struct {
		pattern    string
		node, lane string
		want       bool
	}{
		{"/room/*/target", "/room/air", "target", true},
		{"/room/*/target", "/room/air", "heating", false},
		{"/room/*/target", "/room", "target", false},
		{"/room/*/target", "/room/a/b", "target", false},
		{"/room/*/target", "/room/", "target", false},
		{"/room/*/target", "/Room/air", "target", false},
		{"/room/air/*", "/room/air", "any", true},
		{"/room/air/*", "/room/air/x", "any", false},
		{"/room/a%2fb/x", "/room/a%2fb", "x", true},
		{"/room/a%2fb/x", "/room/a/b", "x", false},
		{"/room/**", "/room", "x", true},
		{"/room/**", "/room/a", "x", true},
		{"/room/**", "/room/a/b/c", "x", true},
		{"/room/**", "/room/", "x", true},
		{"/room/**", "/rooms", "x", false},
		{"/room/**", "/roo", "room", false},
		{"/room/**", "/", "room", false},
		{"/room/**", "//room", "x", false},
		{"/room/**", "/room%2fa", "x", false},
		{"/room/*/**", "/room", "x", false},
		{"/room/*/**", "/room/a", "x", true},
		{"/room/*/**", "/room//a", "x", false},
		{"/room/*/**", "/room/a/b", "x", true},
		{"/**", "/", "x", true},
		{"/**", "/any/thing", "x", true},
		{"/**", "swim:other", "x", false},
		{"/**", "warp://far/unit", "x", false},
		{"/*/x", "/a", "x", true},
		{"/*/x", "/", "x", false},
		{"/room/*/target", "/room/air", "target/history", true}, // who may see a lane may see what it was, and else nobody
		{"/room/*/target", "/room/air", "heating/history", false},
		{"/room/*/target/history", "/room/air", "target/history", false},
		{"/room/*/history", "/room/air", "target/history", false},
		{"/room/*/history", "/room/air", "/history", false},
		{"/room/*/target", "/room/air", "target/history/history", false},
		{"/room/air/*", "/room/air", "any/history", true},
	}
	for _, tt := range tests {
		who := of(t, Role{Command: []string{tt.pattern}})
		if got := who.May(Command, route.NodeURI(tt.node), route.LaneName(tt.lane)); got != tt.want {
			t.Errorf("%s: %s %s: %v, want %v", tt.pattern, tt.node, tt.lane, got, tt.want)
		}
		if who.May(Read, route.NodeURI(tt.node), route.LaneName(tt.lane)) || who.May(Link, route.NodeURI(tt.node), route.LaneName(tt.lane)) {
			t.Errorf("%s: who may command may see, too", tt.pattern)
		}
	}
	for _, bad := range []string{"", "room/*/x", "/room", "/", "**", "/a/**/b", "/a**", "/**/x", "swim:meta:host/*", "//host/x/y", "/a/../b/x", "/a b/c", "/a?x/b", "***", "/***"} {
		if _, err := ParsePattern(bad); err == nil {
			t.Errorf("%q is a pattern", bad)
		}
	}
}

// Who may see an agent may see what swim:meta tells of it, and no more, however that is spelled.
func TestMeta(t *testing.T) {
	tests := []struct {
		link string
		node string
		want bool
	}{
		{"/room/**", "swim:meta:node/%2froom%2fa", true},
		{"/room/*/*", "swim:meta:node/%2froom%2fa", true},
		{"/room/*/target", "swim:meta:node/%2froom%2fa", false}, // its list of lanes and its log are about all of them
		{"/room/*/target", "swim:meta:node/%2froom%2fa/lane/target", true},
		{"/room/*/target", "swim:meta:node/%2froom%2fa/record/1", false},
		{"/room/**", "swim:meta:node/%2froom%2fa/record/1", true},
		{"/room/**", "swim:meta:node/%2fsafe%2fa/record/1", false},
		{"/room/**", "swim:meta:node/%2froom%2fa/record/1/node/%2fsafe", false},
		{"/room/*/target", "swim:meta:node/%2froom%2fa/lane/heating", false},
		{"/room/*/target", "swim:meta:node/%2froom%2fa/lane/target%2fhistory", true},
		{"/room/*/target", "swim:meta:node/%2froom%2fa/lane/heating%2fhistory", false},
		{"/room/*/target", "swim:meta:host//node/%2froom%2fa/lane/target", true},
		{"/room/*/target", "swim:meta:edge/mesh//part//host//node/%2froom%2fa/lane/target", true},
		{"/room/**", "swim:meta:node/%2fsafe%2fa", false},
		{"/room/**", "swim:meta:node/%2froom%2f..%2fsafe", true}, // no such node: keys are not resolved
		{"/room/**", "swim:meta:node/%2fsafe/lane/x", false},
		{"/room/**", "swim:meta:node/%2froom%2fa/node/%2fsafe", false},
		{"/room/**", "swim:meta:node/%2froom%2fa/lane/x/node/%2fsafe", false},
		{"/room/**", "swim:meta:node/%2froom%2fa/lane/", false},
		{"/room/**", "swim:meta:node/%2froom%2fa/lane", false},
		{"/room/**", "swim:meta:node/", false},
		{"/room/**", "swim:meta:node", false},
		{"/room/**", "swim:meta:host", false},
		{"/room/**", "swim:meta:edge", false},
		{"/host/*", "swim:meta:host", true},
		{"/host/*", "swim:meta:ps/uri/10/", true},
		{"/room/**", "swim:meta:ps/uri/10/%2froom%2f*", false},
		{"/host/info", "swim:meta:host", false},
		{"/host/*", "swim:meta:edge", true},
		{"/host/*", "swim:meta:edge/mesh//part/swim/host/", true},
		{"/host/*", "swim:meta:node/%2froom%2fa", false},
		{"/host/*", "swim:meta:host/node/node/%2froom%2fa", false},
		{"/host/*", "swim:meta:edge/node/%2froom%2fa", false},
		{"/**", "swim:meta:node/swim:meta:host", false},
		{"/**", "swim:meta:node/warp:%2f%2ffar%2fx", false},
		{"/**", "swim:meta:unknown", false},
		{"/**", "swim:meta:", false},
		{"/**", "swim:meta", false},
		{"/**", "swim:other", false},
		{"/**", "swim:meta:node/%2", false},
	}
	for _, tt := range tests {
		who := of(t, Role{Link: []string{tt.link}, Command: []string{"/**"}})
		if got := who.May(Link, route.NodeURI(tt.node), "pulse"); got != tt.want {
			t.Errorf("%s: %s: %v, want %v", tt.link, tt.node, got, tt.want)
		}
		if who.May(Command, route.NodeURI(tt.node), "pulse") {
			t.Errorf("%s takes commands", tt.node)
		}
	}
}

func TestRoles(t *testing.T) {
	p, err := New(&Config{
		Users: []User{{Name: "both", Roles: []string{"see", "do"}}, {Name: "none"}, {Name: "linker", Roles: []string{"link"}}},
		Roles: []Role{{Name: "see", Read: []string{"/a/x"}}, {Name: "do", Command: []string{"/b/y"}}, {Name: "link", Link: []string{"/a/x"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		user   string
		action Action
		node   string
		lane   string
		want   bool
	}{
		{"both", Read, "/a", "x", true}, {"both", Link, "/a", "x", true}, {"both", Command, "/a", "x", false},
		{"both", Command, "/b", "y", true}, {"both", Read, "/b", "y", false}, {"both", Read, "/a", "", false},
		{"linker", Link, "/a", "x", true}, {"linker", Read, "/a", "x", false},
		{"none", Read, "/a", "x", false}, {"none", Command, "/b", "y", false},
	}
	for _, tt := range tests {
		who := Who{policy: p, user: p.users[tt.user]}
		if got := who.May(tt.action, route.NodeURI(tt.node), route.LaneName(tt.lane)); got != tt.want || !who.Known() {
			t.Errorf("%s may %v %s %s: %v, want %v", tt.user, tt.action, tt.node, tt.lane, got, tt.want)
		}
	}
	if (Who{}).Known() || (Who{}).May(Read, "/a", "x") || (Who{}).MayAll(Read, "/a") {
		t.Error("nobody may do something")
	}
	for _, c := range []Config{
		{Users: []User{{Name: "a", Roles: []string{"none"}}}},
		{Users: []User{{Name: "a"}, {Name: "a"}}},
		{Users: []User{{Name: "a", Token: Token{1}}, {Name: "b", Token: Token{1}}}},
		{Users: []User{{Name: "a", Roles: []string{"r"}}}, Roles: []Role{{Name: "r", Read: []string{"x"}}}},
		{Login: true},
	} {
		if _, err := New(&c); err == nil {
			t.Errorf("New(%+v) makes a policy", c)
		}
	}
}

// On a host without users this machine may do everything, and nobody else anything.
func TestDefault(t *testing.T) {
	p, err := New(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []Action{Read, Link, Command} {
		if !p.Here(true).May(a, "/any", "x") || p.Here(false).May(a, "/any", "x") {
			t.Errorf("%v: this machine %v, others %v", a, p.Here(true).May(a, "/any", "x"), p.Here(false).May(a, "/any", "x"))
		}
	}
}

// What is allowed is named by a rule, whatever is asked for: the rule is matched here a second time, on
// the segments themselves.
func TestDefaultDeny(t *testing.T) {
	words := []string{"", "a", "b", "room", "%2f", "a%2fb", "*", "**", "..", "swim:meta:node", "%2froom%2fa", "lane", "host", "é"}
	pick := func(r *rand.Rand) string { return words[r.IntN(len(words))] }
	path := func(r *rand.Rand, most int) string {
		var parts []string
		for range 1 + r.IntN(most) {
			parts = append(parts, pick(r))
		}
		return strings.Join(parts, "/")
	}
	r := rand.New(rand.NewPCG(1, 2))
	allowed := 0
	for range 50_000 {
		rule := "/" + path(r, 3)
		if _, err := ParsePattern(rule); err != nil {
			continue
		}
		who := of(t, Role{Command: []string{rule}})
		node, lane := "/"+path(r, 3), pick(r)
		if r.IntN(10) == 0 {
			node = node[1:]
		}
		got := who.May(Command, route.NodeURI(node), route.LaneName(lane))
		if want := named(rule, node, lane); got != want {
			t.Fatalf("%s: %q %q: %v, want %v", rule, node, lane, got, want)
		}
		if got {
			allowed++
		}
	}
	if allowed < 100 {
		t.Errorf("only %d requests were allowed", allowed)
	}
}

func named(rule, node, lane string) bool {
	if lane == "" || !strings.HasPrefix(node, "/") {
		return false
	}
	rules, nodes := strings.Split(rule, "/")[1:], strings.Split(node, "/")[1:]
	last := rules[len(rules)-1]
	rules = rules[:len(rules)-1]
	if last == "**" && len(nodes) < len(rules) || last != "**" && len(nodes) != len(rules) || last != "**" && last != "*" && last != lane {
		return false
	}
	for i, want := range rules {
		if want == "*" && nodes[i] == "" || want != "*" && want != nodes[i] {
			return false
		}
	}
	return true
}

func BenchmarkMay(b *testing.B) {
	r := Role{Name: "r"}
	for i := range 10 {
		r.Command = append(r.Command, fmt.Sprintf("/room-%d/*/target", i))
	}
	p, err := New(&Config{Users: []User{{Name: "u", Roles: []string{"r"}}}, Roles: []Role{r}})
	if err != nil {
		b.Fatal(err)
	}
	who := Who{policy: p, user: p.users["u"]}
	b.ReportAllocs()
	for b.Loop() {
		if !who.May(Command, "/room-9/kitchen", "target") {
			b.Fatal("refused")
		}
	}
}
