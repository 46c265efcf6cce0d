package web

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"selvage/edge/agent"
	"selvage/edge/host"
	"selvage/edge/meta"
	"selvage/edge/peer"
	"selvage/edge/policy"
	"selvage/edge/recon"
	"selvage/edge/route"
)

// A talk is a WARP connection of a client that sends what it likes.
type talk struct {
	*testing.T
	*websocket.Conn
}

func (b *bench) talk(t *testing.T, headers ...string) *talk {
	t.Helper()
	h := http.Header{}
	for _, one := range headers {
		name, value, _ := strings.Cut(one, ": ")
		h.Add(name, value)
	}
	ws, _, err := websocket.DefaultDialer.Dial("ws"+b.url[4:]+"/", h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ws.Close() })
	ws.SetReadDeadline(time.Now().Add(30 * time.Second))
	return &talk{t, ws}
}

func (c *talk) say(send string, want ...string) {
	c.Helper()
	if err := c.WriteMessage(websocket.TextMessage, []byte(send)); err != nil {
		c.Fatal(err)
	}
	c.hear(want...)
}

func (c *talk) hear(want ...string) {
	c.Helper()
	for _, w := range want {
		_, got, err := c.ReadMessage()
		if err != nil {
			c.Fatalf("want %s, read %v", w, err)
		}
		if string(got) != w {
			c.Errorf("got %s, want %s", got, w)
		}
	}
}

// closed reads on to the end of the connection, which comes with that reason.
func (c *talk) closed(reason string) {
	c.Helper()
	for {
		_, _, err := c.ReadMessage()
		var end *websocket.CloseError
		if err == nil {
			continue
		}
		if !errors.As(err, &end) || end.Code != websocket.ClosePolicyViolation || end.Text != reason {
			c.Errorf("the connection ends with %v, want 1008 %s", err, reason)
		}
		return
	}
}

const (
	level  = `node:"/box/1",lane:level`
	other  = `node:"/box/1",lane:any`
	annaIs = `@auth{user:anna,password:"correct horse"}`
)

func TestPolicyOfWARP(t *testing.T) {
	b := start(t, Options{Policy: strict(t)})
	boardIs := fmt.Sprintf("@auth{token:%q}", boardSecret)
	shown := []string{"@linked(" + level + ")", "@event(" + level + ") 1.5", "@synced(" + level + ")"}

	c := b.talk(t)
	c.say("@sync("+level+")", "@unlinked("+level+")")
	c.say("@link("+level+")", "@unlinked("+level+")")
	c.say(boardIs, "@authed{user:board}")
	c.say("@sync("+level+")", shown...)
	c.say("@sync("+other+")", "@unlinked("+other+")")
	c.say(`@sync(node:"/box/%31",lane:"%6cevel")`, shown[1:]...) // the link there is
	c.say(`@sync(node:"/box/1?x/../../2",lane:level)`, shown[1:]...)
	for _, spelled := range []string{"/box/2", "/box//1", "/box/1/", "/box%2f1", "/box/1/../2", "//x/box/2", "warp://elsewhere/box/2", "box/2", "../box/2",
		"swim:meta:host", "swim:meta:edge", "swim:meta:node/%2fbox%2f1", "swim:meta:node/%2fbox%2f2/lane/level", "/host", "/host/audit"} {
		if err := c.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, "@sync(node:%q,lane:level)", spelled)); err != nil {
			t.Fatal(err)
		}
		if _, got, err := c.ReadMessage(); err != nil || !strings.HasPrefix(string(got), "@unlinked(") {
			t.Errorf("%s: %s, %v", spelled, got, err)
		}
	}
	c.say("@command(" + level + ") 5")
	c.closed("Forbidden")

	c = b.talk(t)
	c.say("@command(" + level + ") 5")
	c.closed("Forbidden")

	c = b.talk(t)
	c.say(annaIs, "@authed{user:anna}")
	c.say("@sync("+level+")", shown...)
	c.say("@command("+level+") 5", "@event("+level+") 5")
	c.say("@deauth", "@deauthed", "@unlinked("+level+")")
	c.say("@sync("+other+")", "@unlinked("+other+")")
	c.say("@command(" + level + ") 6")
	c.closed("Forbidden")

	c = b.talk(t, asAnna)
	c.say("@command(" + level + ") 7")
	c.say("@sync("+level+")", shown[0], "@event("+level+") 7", shown[2])
	c = b.talk(t, asBoard())
	c.say("@sync("+level+")", shown[0], "@event("+level+") 7", shown[2])
	c.say("@sync("+other+")", "@unlinked("+other+")")

	for _, wrong := range []string{"Authorization: Bearer x", "Cookie: " + b.cookie + "=x"} {
		name, value, _ := strings.Cut(wrong, ": ")
		ws, resp, err := websocket.DefaultDialer.Dial("ws"+b.url[4:]+"/", http.Header{name: {value}})
		if name == "Authorization" && (err == nil || resp.StatusCode != 401) {
			t.Errorf("%s: %v", wrong, err)
		}
		if name == "Cookie" { // as good as none
			if err != nil {
				t.Fatal(err)
			}
			(&talk{t, ws}).say("@sync("+level+")", "@unlinked("+level+")")
			ws.Close()
		}
	}
	for _, origin := range []string{"https://evil.example", "null"} {
		if _, resp, err := websocket.DefaultDialer.Dial("ws"+b.url[4:]+"/", http.Header{"Origin": {origin}, "Authorization": {asAnna[len("Authorization: "):]}}); err == nil || resp.StatusCode != 403 {
			t.Errorf("a socket of a page from %s: %v", origin, err)
		}
	}
}

// Whatever claims look like, they get nobody in, and the server goes on.
func TestMalformedClaims(t *testing.T) {
	b := start(t, Options{Policy: strict(t)})
	claims := []string{"", " ", "{}", "{user:anna}", "{password:x}", "{user:{anna},password:{}}", "{user:anna,password:true}", "{token:}", "{token:{}}",
		"{token:1}", "@token", "anna", "{user:anna,password", "{{{{{{{{", `"`, "{token:x,user:anna,password:\"correct horse\"}", "{user:anna,user:anna,password:x}",
		"(user:anna)", "@a@b@c{user:anna}", "{user:\"\\u0000\",password:\"\"}", strings.Repeat("{", 5000), "{user:" + strings.Repeat("a", 100_000) + ",password:x}", "{password:" + strings.Repeat("a", 100_000) + ",user:anna}"}
	r := rand.New(rand.NewPCG(1, 1))
	for range 100 {
		text := []byte(`{user:anna,password:"correct horse"}`)
		for range 1 + r.IntN(3) {
			text[r.IntN(len(text))] = byte(' ' + r.IntN(95))
		}
		if v, err := recon.Parse(text); err == nil {
			user, _ := v.Get("user").Text()
			password, _ := v.Get("password").Text()
			if user == "anna" && password == "correct horse" {
				continue
			}
		}
		claims = append(claims, string(text))
	}
	for _, claim := range claims {
		c := b.talk(t)
		if err := c.WriteMessage(websocket.TextMessage, []byte("@auth"+claim)); err != nil {
			t.Fatal(err)
		}
		for {
			_, got, err := c.ReadMessage()
			if err != nil {
				want := websocket.ClosePolicyViolation
				if len(claim) > maxLogin {
					want = websocket.CloseMessageTooBig
				}
				if !websocket.IsCloseError(err, want) {
					t.Errorf("%.60q: %v", claim, err)
				}
				break
			}
			if !strings.HasPrefix(string(got), "@deauthed") {
				t.Errorf("%.60q is answered %s", claim, got)
			}
		}
		c.Close()
	}
	if status, _, _ := b.do(t, "GET", "/box/1?lane=level", "", asBoard()); status != 200 {
		t.Errorf("after all that a token is answered %d", status)
	}
}

// A client of ours logs in with its claims.
func TestClientLogsIn(t *testing.T) {
	b := start(t, Options{Policy: strict(t)})
	c, err := peer.Dial(t.Context(), "ws"+b.url[4:], peer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(websocket.CloseNormalClosure, "")
	if err := c.Authenticate([]byte(fmt.Sprintf("{token:%q}", boardSecret))); err != nil {
		t.Fatal(err)
	}
	f := make(follower, 10)
	if _, err := c.Follow("/box/1", "level", true, f); err != nil {
		t.Fatal(err)
	}
	if got := <-f; got != "1.5" {
		t.Errorf("the level is %s", got)
	}
}

type follower chan string

func (f follower) Event(body []byte) { f <- string(body) }
func (f follower) Synced()           {}
func (f follower) Ended(err error)   { f <- fmt.Sprint("ended: ", err) }

// A login's end is that of its connections.
func TestLogoutEndsConnections(t *testing.T) {
	b := start(t, Options{Policy: strict(t)})
	j := b.browser(t)
	shown := func() string {
		c := j.send(t, "POST", "/login", login("anna", "correct horse"), isForm).Cookies()[0]
		return "Cookie: " + c.Name + "=" + c.Value
	}
	first, second := shown(), shown()
	one, two := b.talk(t, first), b.talk(t, second)
	one.say("@link("+level+")", "@linked("+level+")")
	two.say("@link("+level+")", "@linked("+level+")")
	j.send(t, "POST", "/logout", "", first)
	one.closed(loggedOut)
	two.say("@command("+level+") 3", "@event("+level+") 3")
}

// Another policy is in force at once, and those whom it may concern come again.
func TestSetPolicy(t *testing.T) {
	b := start(t, Options{Policy: strict(t, onLoopback)})
	local, anna := b.talk(t), b.talk(t, asAnna)
	local.say("@command(" + other + ") 1")
	local.say("@link("+level+")", "@linked("+level+")")
	anna.say("@link("+level+")", "@linked("+level+")")
	b.SetPolicy(strict(t, onLoopback, func(c *policy.Config) { c.Users = c.Users[1:] }))
	anna.closed(newPolicy)
	local.say("@command("+level+") 2", "@event("+level+") 2")
	if status, _, _ := b.do(t, "GET", "/box/1?lane=level", "", asAnna); status != 401 {
		t.Errorf("a user who is gone is answered %d", status)
	}
	b.SetPolicy(strict(t))
	local.closed(newPolicy)
	if status, _, _ := b.do(t, "GET", "/box/1?lane=level", ""); status != 401 {
		t.Errorf("this machine is answered %d where it needs a login", status)
	}
	b.SetPolicy(nil)
	if status, _, _ := b.do(t, "GET", "/box/1?lane=level", ""); status != 200 {
		t.Errorf("without a policy this machine is answered %d", status)
	}

	plain := start(t, Options{})
	free := plain.talk(t)
	free.say("@link("+level+")", "@linked("+level+")")
	plain.SetPolicy(strict(t))
	free.closed(newPolicy)
}

func TestNobodyStaysNot(t *testing.T) {
	b := start(t, Options{Policy: strict(t)})
	b.authTime = time.Millisecond
	b.talk(t).closed(unauthorized)
}

// The audit tells who did what, and nothing of what was said.
func TestAudit(t *testing.T) {
	b := start(t, Options{Policy: strict(t)})
	c, err := peer.Dial(t.Context(), "ws"+b.url[4:], peer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(websocket.CloseNormalClosure, "")
	if err := c.Authenticate([]byte(annaIs[len("@auth"):])); err != nil {
		t.Fatal(err)
	}
	f := make(follower, 100)
	for _, lane := range []string{"recent", "refused"} {
		if _, err := c.Follow(string(auditNode), lane, true, f); err != nil {
			t.Fatal(err)
		}
	}
	b.do(t, "POST", "/box/1?lane=level", "42", asAnna)
	b.do(t, "POST", "/box/1?lane=level", "43", asAnna)
	b.do(t, "POST", "/box/1?lane=any", "44", asAnna)
	b.do(t, "GET", "/box/1?lane=any", "", asBoard())
	b.do(t, "GET", "/box/1?lane=level", "", asAnna)
	if err := c.Command("/box/1", "level", []byte("45")); err != nil {
		t.Fatal(err)
	}
	b.do(t, "POST", "/login", login("anna", "hunter2hunter2"), isForm)
	want := map[string]int64{
		"anna login true": 1, "anna command /box/1 level true": 3, "anna command /box/1 any false": 1, "board read /box/1 any false": 1, "anna login false": 1,
	}
	got := map[string]int64{}
	for sum := int64(0); sum < 7; {
		text := <-f
		v, err := recon.ParseString(text)
		if err != nil || strings.Contains(text, "hunter") || v.Get("from").String() != `"127.0.0.1"` {
			t.Fatalf("%s, %v", text, err)
		}
		var what []string
		for _, key := range []string{"who", "what", "node", "lane", "ok"} {
			if field, ok := v.Get(key).Text(); ok {
				what = append(what, field)
			} else if v.Get(key).String() != "" {
				what = append(what, v.Get(key).String())
			}
		}
		times, _ := v.Get("times").Int()
		got[strings.Join(what, " ")] += times
		sum += max(times, 1)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the audit is %v, want %v", got, want)
	}
	if status, text, _ := b.do(t, "POST", "/host/audit?lane=recent", "@clear", asAnna); status != 403 {
		t.Errorf("the audit can be cleared: %d %s", status, text)
	}
}

// Who may link to the boxes only is shown no node of swim:meta that tells of anything else, as edge/meta
// itself understands them.
func TestMetaIsJudgedByWhatItTells(t *testing.T) {
	p := strict(t, func(c *policy.Config) {
		c.Roles[1] = policy.Role{Name: "viewer", Link: []string{"/box/**"}}
	})
	b := start(t, Options{Policy: p})
	if err := meta.Add(b.Host, meta.Info{Name: "test"}); err != nil {
		t.Fatal(err)
	}
	secret := agent.NewKind("secret", struct{}{}, func(a *agent.Agent, _ struct{}) error {
		agent.Value(a, "level", 1)
		return nil
	})
	for _, node := range []route.NodeURI{"/secret", "/box", "/boxes/1", "/box/1"} {
		if _, err := b.Host.Add(node, host.Agents, secret, nil); err != nil {
			t.Fatal(err)
		}
	}
	who, err := b.gate.Token(address(&http.Request{RemoteAddr: "127.0.0.1:1"}, false), boardSecret)
	if err != nil {
		t.Fatal(err)
	}
	words := []string{"edge", "mesh", "part", "host", "node", "lane", "", "swim", "%2fbox%2f1", "%2fsecret", "%2fbox", "%2fboxes%2f1", "level", "%6cevel", "/secret", "..", "%2fbox%2f..%2fsecret"}
	r := rand.New(rand.NewPCG(3, 4))
	shown := 0
	for range 100_000 {
		var steps []string
		for range 1 + r.IntN(7) {
			steps = append(steps, words[r.IntN(len(words))])
		}
		spelled := "swim:meta:" + strings.Join(steps, "/")
		node, _, err := route.Node("/", spelled)
		if err != nil || !who.May(policy.Link, node, "pulse") {
			continue
		}
		if strings.Contains(string(node), "secret") || strings.Contains(string(node), "boxes") || !strings.Contains(string(node), "%2fbox") {
			if _, err := b.Host.Read(context.Background(), node, "pulse"); err == nil {
				t.Errorf("%s is shown", node)
			}
			continue
		}
		shown++
	}
	if shown == 0 {
		t.Error("nothing of the boxes was shown")
	}
}

// A command of who needs no login costs what it did, and of others little more.
func BenchmarkDoorkeeper(b *testing.B) {
	for name, who := range map[string]bool{"free": true, "user": false} {
		b.Run(name, func(b *testing.B) {
			p, err := policy.New(&policy.Config{
				Users: []policy.User{{Name: "board", Token: boardHash, Roles: []string{"r"}}},
				Roles: []policy.Role{{Name: "r", Command: []string{"/a/*/b", "/box/*/level"}}},
			})
			if err != nil {
				b.Fatal(err)
			}
			s := &Server{gate: policy.NewGate(p, policy.Options{})}
			d := &doorkeeper{server: s, visitor: visitor{who: p.Here(true)}}
			if !who {
				if d.who, err = s.gate.Token(address(&http.Request{RemoteAddr: "127.0.0.1:1"}, false), boardSecret); err != nil {
					b.Fatal(err)
				}
			}
			c := new(peer.Conn)
			b.ReportAllocs()
			for b.Loop() {
				if !d.Command(c, "/box/1", "level") {
					b.Fatal("refused")
				}
			}
		})
	}
}
