package web

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"selvage/edge/agent"
	"selvage/edge/clock"
	"selvage/edge/health"
	"selvage/edge/host"
	"selvage/edge/leaktest"
	"selvage/edge/recon"
	"selvage/edge/route"
	"selvage/edge/store"
)

// A bench is a server on a free port over a real host and store.
type bench struct {
	*Server
	url   string // http://127.0.0.1:port
	stall chan struct{}
	hold  chan struct{}
}

// start serves agents of the kind box at /box/:id. The lane stall of a
// box takes a command that says so on stall and lasts until hold is closed.
func start(t *testing.T, o Options) *bench {
	t.Helper()
	leaktest.Check(t)
	c := clock.System()
	kept, err := store.Open(store.Options{Dir: t.TempDir(), Clock: c})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{stall: make(chan struct{}, 1), hold: make(chan struct{})}
	o.Host = host.New(host.Options{Clock: c, Health: health.NewBoard(), Log: quiet, Store: kept})
	pattern, err := route.ParsePattern("/box/:id")
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Host.Route(pattern, agent.NewKind("box", struct{}{}, b.setup), nil, nil); err != nil {
		t.Fatal(err)
	}
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o.Version, o.Log = "test", quiet
	b.Server = Start(l, o)
	b.url = "http://" + l.Addr().String()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		select {
		case <-b.hold:
		default:
			close(b.hold)
		}
		if err := errors.Join(b.Stop(ctx), o.Host.Stop(ctx), kept.Close()); err != nil {
			t.Error(err)
		}
	})
	return b
}

func (b *bench) setup(a *agent.Agent, _ struct{}) error {
	agent.Value(a, "shown", 1).ReadOnly()
	agent.Value(a, "level", 1.5).OnSet(func(_, now float64) error {
		if now > 100 {
			return errors.New("more than 100 does not fit")
		}
		return nil
	})
	agent.Value(a, "passing", 0).Transient()
	agent.Value(a, "any", recon.Value{})
	agent.Map[string, int](a, "stock")
	agent.List[recon.Value](a, "queue")
	agent.Command(a, "stall", func(recon.Value) error {
		b.stall <- struct{}{}
		<-b.hold
		return nil
	})
	agent.Command(a, "burst", func(recon.Value) error { panic("burst") })
	return nil
}

// do sends a request with headers given as "Name: value" and returns the status and body.
func (b *bench) do(t *testing.T, method, path, body string, headers ...string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequest(method, b.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			req.Host = value
		} else {
			req.Header.Add(name, value)
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, strings.TrimSuffix(string(text), "\n"), resp.Header
}

func TestLanes(t *testing.T) {
	b := start(t, Options{})
	const (
		recons = "Content-Type: application/recon"
		jsons  = "Content-Type: application/json"
		asJSON = "Accept: application/json"
	)
	// The rows build on each other.
	tests := []struct {
		name, method, path, body string
		headers                  []string
		status                   int
		want                     string // all of the answer, or with … at the end its beginning
	}{
		{name: "start value", method: "GET", path: "/box/1?lane=level", status: 200, want: "1.5"},
		{name: "set", method: "POST", path: "/box/1?lane=level", body: "21.5", headers: []string{recons}, status: 200, want: "ok"},
		{name: "read back", method: "GET", path: "/box/1?lane=level", status: 200, want: "21.5"},
		{name: "no content type", method: "POST", path: "/box/1?lane=level", body: " 22 ", status: 200, want: "ok"},
		{name: "set JSON", method: "POST", path: "/box/1?lane=any", body: `{"a":[1,null,"two words"]}`, headers: []string{jsons}, status: 200, want: "ok"},
		{name: "get Recon", method: "GET", path: "/box/1?lane=any", status: 200, want: `{a:{1,,"two words"}}`},
		{name: "get JSON", method: "GET", path: "/box/1?lane=any", headers: []string{asJSON}, status: 200, want: `{"a":[1,null,"two words"]}`},
		{name: "empty map", method: "GET", path: "/box/1?lane=stock", status: 200, want: "{}"},
		{name: "update map", method: "POST", path: "/box/1?lane=stock", body: `@update(key:"two words") 7`, status: 200, want: "ok"},
		{name: "update map by JSON", method: "POST", path: "/box/1?lane=stock", body: `{"@update":{"key":"b"},"$1":8}`, headers: []string{jsons}, status: 200, want: "ok"},
		{name: "map", method: "GET", path: "/box/1?lane=stock", status: 200, want: `{b:8,"two words":7}`},
		{name: "map as JSON", method: "GET", path: "/box/1?lane=stock", headers: []string{asJSON}, status: 200, want: `{"b":8,"two words":7}`},
		{name: "empty list", method: "GET", path: "/box/1?lane=queue", status: 200, want: "{}"},
		{name: "empty list as JSON", method: "GET", path: "/box/1?lane=queue", headers: []string{asJSON}, status: 200, want: "[]"},
		{name: "append nothing", method: "POST", path: "/box/1?lane=queue", body: "@update(index:0,key:a)", status: 200, want: "ok"},
		{name: "list of nothing", method: "GET", path: "/box/1?lane=queue", status: 200, want: "{,}"},
		{name: "insert", method: "POST", path: "/box/1?lane=queue", body: "@update(index:0,key:b) 1", status: 200, want: "ok"},
		{name: "list that ends with nothing", method: "GET", path: "/box/1?lane=queue", status: 200, want: "{1,,}"},
		{name: "set JSON by key", method: "POST", path: "/box/1?lane=queue", body: `{"@update":{"index":9,"key":"a"},"$1":"two words"}`, headers: []string{jsons}, status: 200, want: "ok"},
		{name: "insert a tagged record", method: "POST", path: "/box/1?lane=queue", body: "@update(index:0,key:c) @t{x:1}", status: 200, want: "ok"},
		{name: "insert a record", method: "POST", path: "/box/1?lane=queue", body: "@update(index:1,key:d) {{n:1}}", status: 200, want: "ok"},
		{name: "move", method: "POST", path: "/box/1?lane=queue", body: "@move(from:0,to:3,key:c)", status: 200, want: "ok"},
		{name: "list", method: "GET", path: "/box/1?lane=queue", status: 200, want: `{{n:1},1,"two words",@t{x:1}}`},
		{name: "list as JSON", method: "GET", path: "/box/1?lane=queue", headers: []string{asJSON}, status: 200, want: `[{"n":1},1,"two words",{"@t":null,"x":1}]`},
		{name: "list refuses", method: "POST", path: "/box/1?lane=queue", body: "@update(index:9,key:z) 1", status: 400, want: "/box/1 queue: index 9 is beyond the end: …"},
		{name: "head", method: "HEAD", path: "/box/1?lane=level", status: 200},
		{name: "refused by agent", method: "POST", path: "/box/1?lane=level", body: "101", status: 400, want: "/box/1 level: more than 100 does not fit"},
		{name: "refused by type", method: "POST", path: "/box/1?lane=level", body: "abc", status: 400, want: "/box/1 level: …"},
		{name: "no Recon", method: "POST", path: "/box/1?lane=level", body: "{a:", status: 400, want: "/box/1 level: …"},
		{name: "no JSON", method: "POST", path: "/box/1?lane=level", body: "{", headers: []string{jsons}, status: 400, want: "…"},
		{name: "kept after refusals", method: "GET", path: "/box/1?lane=level", status: 200, want: "22"},
		{name: "form", method: "POST", path: "/box/1?lane=level", body: "3", headers: []string{"Content-Type: application/x-www-form-urlencoded"}, status: 415, want: "a command is…"},
		{name: "no agent", method: "POST", path: "/nobody?lane=level", body: "1", status: 404, want: "there is no agent /nobody"},
		{name: "no agent to read", method: "GET", path: "/nobody?lane=level", status: 404, want: "there is no agent /nobody"},
		{name: "not an authority", method: "GET", path: "//x/box/1?lane=level", status: 404, want: "…"},
		{name: "no lane", method: "POST", path: "/box/1?lane=none", body: "1", status: 404, want: "agent /box/1 has no lane none"},
		{name: "no lane to read", method: "GET", path: "/box/1?lane=none", status: 404, want: "agent /box/1 has no lane none"},
		{name: "no name", method: "GET", path: "/box/1?lane=", status: 400, want: "the lane's name is empty…"},
		{name: "lane that holds nothing", method: "GET", path: "/box/1?lane=stall", status: 405, want: "/box/1 stall takes commands and holds nothing to read"},
		{name: "bad lane", method: "GET", path: "/box/1?lane=%7B", status: 400, want: "…"},
		{name: "other method", method: "DELETE", path: "/box/1?lane=level", status: 405, want: "a lane is read…"},
		{name: "panic", method: "POST", path: "/box/2?lane=burst", status: 500, want: "…"},
		{name: "front page", method: "GET", path: "/", status: 200, want: "<!doctype html>…"},
		{name: "lane that is not set from outside", method: "POST", path: "/box/1?lane=shown", body: "5", status: 403, want: "/box/1 shown: this lane shows what the agent knows; it is not set from outside"},
		{name: "no page", method: "GET", path: "/x", status: 404, want: "there is no page here…"},
		{name: "too large", method: "POST", path: "/box/1?lane=any", body: strings.Repeat("a", int(b.Peer.Limits.Message)+1), status: 413, want: fmt.Sprintf("a command has at most %d bytes", b.Peer.Limits.Message)},
	}
	for _, tt := range tests {
		status, got, header := b.do(t, tt.method, tt.path, tt.body, tt.headers...)
		begin, open := strings.CutSuffix(tt.want, "…")
		if status != tt.status || got != tt.want && !(open && strings.HasPrefix(got, begin)) {
			t.Errorf("%s: %s %s = %d %q, want %d %q", tt.name, tt.method, tt.path, status, got, tt.status, tt.want)
		}
		if s := header.Get("Server"); s != "selvage/test" {
			t.Errorf("%s: Server: %s, want selvage/test", tt.name, s)
		}
	}
}

func TestAcceptHeader(t *testing.T) {
	tests := []struct{ accept, want string }{
		{"", reconType},
		{"*/*", reconType},
		{"application/json", jsonType},
		{"application/json;q=0, */*", reconType},
		{"application/recon, application/json", reconType},
		{"application/recon;q=0.1, application/json", jsonType},
		{"application/json;q=0.0, application/recon", reconType},
		{"text/html;q=0.8, application/json", jsonType},
		{"*/*, APPLICATION/JSON", jsonType},
		{"application/json;q=0.5, */*", reconType},
		{"application/*", reconType},
		{"application/recon;q=0", jsonType},
		{"text/html,application/xhtml+xml,*/*;q=0.8", "text/plain; charset=utf-8"},
	}
	for _, tt := range tests {
		if got := accepted([]string{tt.accept}, reconType); got != tt.want {
			t.Errorf("accepted(%q) = %s, want %s", tt.accept, got, tt.want)
		}
	}
}

// A command whose agent takes no more mail is told to come again.
func TestFullMailbox(t *testing.T) {
	b := start(t, Options{})
	post := func(lane, body string, answers chan<- string) {
		resp, err := http.Post(b.url+"/box/1?lane="+lane, "", strings.NewReader(body))
		if err != nil {
			answers <- err.Error()
			return
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		answers <- fmt.Sprint(resp.StatusCode, " ", resp.Header.Get("Retry-After"), " ", string(text), err)
	}
	stalled, answers := make(chan string, 1), make(chan string, 2)
	go post("stall", "go", stalled)
	<-b.stall
	most := strings.Repeat("a", 200<<10) // of what a mailbox holds
	for range 2 {
		go post("any", most, answers)
	}
	want := "503 1 /box/1: " + host.ErrFull.Error() + "\n<nil>"
	full := 0
	for range 2 {
		switch got := <-answers; {
		case got == want:
			if full++; full == 1 {
				close(b.hold)
			}
		case !strings.HasPrefix(got, "200 "):
			t.Errorf("POST to a full mailbox = %q, want %q", got, want)
		}
	}
	if full == 0 {
		t.Error("nobody was told that the mailbox is full")
	}
	<-stalled
}

func TestStopClosesConnections(t *testing.T) {
	b := start(t, Options{})
	ws, _, err := websocket.DefaultDialer.Dial("ws"+b.url[4:]+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	expect(t, ws, `@sync(node:"/box/1",lane:level)`, `@linked(node:"/box/1",lane:level)`, `@event(node:"/box/1",lane:level) 1.5`, `@synced(node:"/box/1",lane:level)`)
	silent, err := net.Dial("tcp", b.Addr().String()) // never sends a request
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()

	began := time.Now()
	if err := b.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("Stop took %v, want less than 1 s", took)
	}
	_, _, err = ws.ReadMessage()
	if !websocket.IsCloseError(err, websocket.CloseGoingAway) {
		t.Errorf("at the stop of the server a client reads %v, want close 1001", err)
	}
	if _, err := net.Dial("tcp", b.Addr().String()); err == nil {
		t.Error("a stopped server accepts connections")
	}
	if err := b.Stop(t.Context()); err != nil {
		t.Errorf("the second Stop = %v, want nil", err)
	}
}

func expect(t *testing.T, ws *websocket.Conn, send string, want ...string) {
	t.Helper()
	if err := ws.WriteMessage(websocket.TextMessage, []byte(send)); err != nil {
		t.Fatal(err)
	}
	ws.SetReadDeadline(time.Now().Add(10 * time.Second))
	for _, w := range want {
		_, got, err := ws.ReadMessage()
		if err != nil {
			t.Fatalf("want %s, read %v", w, err)
		}
		if string(got) != w {
			t.Errorf("after %s: got %s, want %s", send, got, w)
		}
	}
}

func TestConnectionLimit(t *testing.T) {
	b := start(t, Options{Connections: 2})
	for range 2 + spareSeats { // the spare ones are for this machine
		ws, _, err := websocket.DefaultDialer.Dial("ws"+b.url[4:], nil)
		if err != nil {
			t.Fatal(err)
		}
		defer ws.Close()
	}
	c, err := net.Dial("tcp", b.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if line, err := bufio.NewReader(c).ReadString('\n'); err == nil {
		t.Errorf("one connection too many was answered %q, want it closed", line)
	}
	if n := b.Host.Health.Count("web.refused"); n == 0 {
		t.Error("the refusal was not counted")
	}
	if c := b.Host.Health.Active(); len(c) != 1 || c[0].Code != "web.connections" {
		t.Errorf("conditions %v, want web.connections", c)
	}
}

func TestListenBusy(t *testing.T) {
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = Listen(l.Addr().String())
	if want := fmt.Sprintf("listen on %s: address already in use", l.Addr()); err == nil || err.Error() != want {
		t.Errorf("Listen on a port that is taken = %v, want %s", err, want)
	}
}
