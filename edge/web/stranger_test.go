package web

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"selvage/edge/agent"
	"selvage/edge/host"
	"selvage/edge/meta"
	"selvage/edge/policy"
	"selvage/edge/route"
)

// far is a listener to which all connections come from one address elsewhere.
type far struct {
	net.Listener
	from netip.Addr
}

type farConn struct {
	net.Conn
	from netip.Addr
}

func (l far) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return farConn{c, l.from}, err
}

func (c farConn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(netip.AddrPortFrom(c.from, 1)) }

// startFar is start for clients who come from another machine.
func startFar(t *testing.T, o Options) *bench {
	t.Helper()
	inner := start(t, Options{})
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Listener = far{l.Listener, netip.MustParseAddr("192.0.2.7")}
	o.Host, o.Log, o.Version = inner.Host, quiet, "test"
	b := &bench{Server: Start(l, o), url: "http://" + l.Addr().String()}
	t.Cleanup(func() {
		if err := b.Stop(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	return b
}

// Strangers from one address have but a quarter of all connections, those who have shown a login more.
func TestOneNeighbourhoodOfStrangers(t *testing.T) {
	b := startFar(t, Options{Policy: strict(t), Connections: 8})
	taken := func() bool {
		t.Helper()
		c, err := net.Dial("tcp", b.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(10 * time.Second))
		fmt.Fprint(c, "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
		r, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			return false
		}
		r.Body.Close()
		if !r.Close {
			t.Error("a stranger's connection stays open for a next request")
		}
		return true
	}
	settled := func(strangers int) { // the server notes the end of a connection after its client
		t.Helper()
		end := time.Now().Add(10 * time.Second)
		for counted := -1; counted != strangers; runtime.Gosched() {
			counted = 0
			b.mu.Lock()
			for _, n := range b.strangers {
				counted += n
			}
			b.mu.Unlock()
			if time.Now().After(end) {
				t.Fatalf("%d strangers are counted, want %d", counted, strangers)
			}
		}
	}
	first, second := b.talk(t), b.talk(t)
	if taken() {
		t.Error("a third connection of strangers at one address was taken")
	}
	first.say(annaIs, "@authed{user:anna}")
	second.say(annaIs, "@authed{user:anna}")
	if !taken() {
		t.Error("a stranger was turned away because of users at his address")
	}
	settled(0)
	for range 3 {
		b.talk(t, asAnna).say("@link("+level+")", "@linked("+level+")")
	}
	if status, _, header := b.do(t, "GET", "/box/1?lane=level", "", asAnna); status != 200 || header.Get("Connection") != "" {
		t.Errorf("a user is answered %d, Connection: %s", status, header.Get("Connection"))
	}
	first.say("@deauth", "@deauthed")
	settled(1)
	b.talk(t)
	if taken() {
		t.Error("one who gave up who he was is no stranger")
	}
}

func TestStrangersMessagesAreSmall(t *testing.T) {
	b := start(t, Options{Policy: strict(t)})
	long := "@command(" + other + ") " + strings.Repeat("x", maxLogin)
	c := b.talk(t)
	c.WriteMessage(websocket.TextMessage, []byte(long))
	if _, _, err := c.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseMessageTooBig) {
		t.Errorf("a stranger's long message: %v", err)
	}
	c = b.talk(t)
	for range 101 {
		if err := c.WriteMessage(websocket.TextMessage, []byte("@link("+level+")")); err != nil {
			t.Fatal(err)
		}
	}
	c.closed(unauthorized)
	c = b.talk(t, asAnna)
	c.WriteMessage(websocket.TextMessage, []byte(long))
	c.closed("Forbidden")
}

// A login that was not looked at is told so.
func TestBusyLoginByWARP(t *testing.T) {
	b := start(t, Options{Policy: strict(t)})
	for range 50 {
		if status, _, _ := b.do(t, "GET", "/", "", "Authorization: Bearer x"); status == 429 {
			break
		}
	}
	c := b.talk(t)
	if err := c.WriteMessage(websocket.TextMessage, []byte(annaIs)); err != nil {
		t.Fatal(err)
	}
	if _, got, err := c.ReadMessage(); err != nil || !strings.HasPrefix(string(got), `@deauthed"too many failed logins; try again in `) {
		t.Errorf("%s, %v", got, err)
	}
	c.closed(unauthorized)
}

// What was refused is told whatever else happens, and no name fills the audit.
func TestAuditKeepsRefusals(t *testing.T) {
	b := start(t, Options{Policy: strict(t)})
	long := strings.Repeat("é", 2000)
	b.do(t, "POST", "/"+long+"?lane=any", "1", asAnna)
	for i := range 2 * maxAudit {
		b.audit.Load().add(policy.Event{Who: "anna", What: "command", Node: "/box/1", Lane: []route.LaneName{"a", "b"}[i%2], OK: true})
	}
	c := b.talk(t, asAnna)
	c.say(`@link(node:"/host/audit",lane:recent)`, `@linked(node:"/host/audit",lane:recent)`)
	for n := 0; n < maxAudit; { // until they are shown
		_, got, err := c.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(got), "@update") {
			n++
		}
	}
	_, refused, _ := b.do(t, "GET", "/host/audit?lane=refused", "", asAnna)
	if !strings.Contains(refused, "ok:false") || !strings.Contains(refused, "what:command") || len(refused) > 1000 {
		t.Errorf("of what was refused, %d bytes are shown: %.300s", len(refused), refused)
	}
	if _, recent, _ := b.do(t, "GET", "/host/audit?lane=recent", "", asAnna); strings.Contains(recent, "ok:false") || strings.Count(recent, "ok:true") != maxAudit {
		t.Errorf("of commands %d are shown, want %d", strings.Count(recent, "ok:true"), maxAudit)
	}
}

// What all agents log is for who may see all of them.
func TestHostLogIsForWhoMaySeeAll(t *testing.T) {
	for read, want := range map[string]string{"/host/*": "@unlinked", "/**": "@linked"} {
		b := start(t, Options{Policy: strict(t, func(c *policy.Config) { c.Roles[1].Read = []string{"/host/*", "/box/1/level", read} })})
		if err := meta.Add(b.Host, meta.Info{Name: "test"}); err != nil {
			t.Fatal(err)
		}
		c := b.talk(t, asBoard())
		at := `(node:"swim:meta:host",lane:infoLog)`
		c.say("@link"+at, want+at)
		at = `(node:"swim:meta:ps/uri/10/",lane:agents)`
		c.say("@link"+at, "@linked"+at)
	}
}

// What a lane serves is no page of this host.
func TestContentIsSandboxed(t *testing.T) {
	b := start(t, Options{Policy: strict(t)})
	k := agent.NewKind("web", struct{}{}, func(a *agent.Agent, _ struct{}) error {
		agent.HTTP(a, "doc", agent.Handlers{Get: func(*agent.Request) (any, error) {
			return agent.Content{Type: "text/html", Body: []byte("<script>1</script>")}, nil
		}})
		return nil
	})
	if _, err := b.Host.Add("/web", host.Agents, k, nil); err != nil {
		t.Fatal(err)
	}
	_, _, h := b.do(t, "GET", "/web?lane=doc", "", asAnna)
	if h.Get("Content-Security-Policy") != "sandbox" || h.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("the header is %v", h)
	}
}
