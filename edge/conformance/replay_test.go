package conformance_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"selvage/edge/conformance"
	"selvage/edge/route"
	"selvage/edge/warp"
)

// turn is what the clients of a session did at one time, and all that came of it. The sessions were
// recorded with pauses of 80 ms, except where it matters that something was sent back to back.
type turn struct {
	do    []conformance.Step
	want  map[int][]string // by connection
	until int              // ms, when the last of it came
}

const together = 40 // ms

// What clients do but send.
const (
	aborts  = "client-abort"
	stops   = "client-stops-reading"
	resumes = "client-resumes-reading"
)

func turns(s conformance.Session) (all []*turn) {
	var now *turn
	left := map[int]bool{} // connections that the client dropped
	last := 0
	for _, step := range s.Steps {
		switch {
		case step.Client():
			if now == nil || len(now.want) > 0 || step.Ms-last > together {
				now = &turn{want: map[int][]string{}}
				all = append(all, now)
			}
			now.do = append(now.do, step)
			last = step.Ms
			if step.Event == "upgrade" || step.Event == "connect" {
				left[step.Conn] = false
			}
			if step.Event == "upgrade" {
				now.want[step.Conn] = append(now.want[step.Conn], upgraded(step.Extensions))
			}
			if step.Event == aborts || step.Op == "close" && step.Code == websocket.CloseAbnormalClosure {
				left[step.Conn] = true
			}
		case step.Dir == "s2c" && !left[step.Conn]:
			now.until = step.Ms
			now.want[step.Conn] = append(now.want[step.Conn], answer(step))
		}
	}
	return all
}

func upgraded(extensions *string) string {
	if extensions == nil {
		return "upgraded"
	}
	return "upgraded, " + *extensions
}

// answer is a step of the server as a client notes it.
func answer(s conformance.Step) string {
	switch s.Op {
	case "close":
		return strings.TrimSpace(fmt.Sprintf("close %d %s", s.Code, s.Reason))
	case "pong":
		payload, _ := hex.DecodeString(s.Payload)
		return "pong " + string(payload)
	}
	return hideKeys(whole(s))
}

// whole gives a frame back what the recorder left out, which was all of one character.
func whole(s conformance.Step) string {
	if s.Bytes == 0 {
		return s.Frame
	}
	text := strings.TrimSuffix(s.Frame, "…")
	end := ""
	if strings.HasSuffix(strings.TrimRight(text, "x"), `"`) {
		end = `"`
	}
	return text + strings.Repeat("x", s.Bytes-len(text)-len(end)) + end
}

// replay plays one session against a world.
type replay struct {
	t       *testing.T
	w       *world
	session conformance.Session
	paced   bool // by the recorded times
	check   *conformance.Checker
	closes  *conformance.Checker // of what is the same in all sessions

	clients map[int]*client
	paused  map[int]bool
	nodes   map[route.NodeURI]bool // that were sent something
	models  map[string]*model      // what links know by now, as the reference has it and as we do
	values  map[string]string      // what value lanes hold
	backlog map[string][]string    // what they were set to while a client did not read
	parts   string                 // of a message, so far
	left    map[int]bool           // connections that we ended and the reference did not
	began   time.Time
}

func (r *replay) run() {
	r.clients, r.paused = map[int]*client{}, map[int]bool{}
	r.nodes, r.values = map[route.NodeURI]bool{}, map[string]string{}
	r.models, r.left = map[string]*model{}, map[int]bool{}
	r.began = time.Now()
	for _, now := range turns(r.session) {
		burst := newBurst(r, now)
		for _, step := range now.do {
			r.pace(step.Ms)
			r.act(step)
		}
		r.pace(now.until)
		r.settle(now)
		r.backlog = nil
		for _, conn := range slices.Sorted(maps.Keys(r.clients)) {
			if r.paused[conn] {
				r.backlog = burst.sets
				continue
			}
			r.compare(now, burst, conn, now.want[conn], r.clients[conn].take())
		}
	}
}

// pace waits, in virtual time.
func (r *replay) pace(ms int) {
	if r.paced {
		time.Sleep(time.Until(r.began.Add(time.Duration(ms) * time.Millisecond)))
	}
}

func (r *replay) act(s conformance.Step) {
	if body, other := strings.CutPrefix(s.Event, conformance.OtherClient); other {
		r.command(body)
		return
	}
	c := r.clients[s.Conn]
	switch {
	case s.Event == "upgrade", s.Event == "connect":
		offers := s.Event == "connect" || r.session.Listener == "deflate" || r.session.Name == "deflate-offered-plain"
		c, resp := r.w.client(r.t, s.Path, offers)
		r.clients[s.Conn] = c
		maps.DeleteFunc(r.models, func(name string, _ *model) bool { return strings.Contains(name, fmt.Sprintf(" %d ", s.Conn)) })
		if s.Event == "upgrade" {
			var extensions *string
			if e := resp.Header.Values("Sec-Websocket-Extensions"); e != nil {
				extensions = &e[0]
			}
			c.heard(upgraded(extensions))
		}
	case s.Event == stops:
		c.pause(true)
		r.paused[s.Conn] = true
	case s.Event == resumes:
		c.pause(false)
		r.paused[s.Conn] = false
	case s.Event == aborts, s.Op == "close" && s.Code == websocket.CloseAbnormalClosure:
		c.abort()
		c.read.Wait()
		c.take()
	case s.Op == "close":
		c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(s.Code, s.Reason), time.Now().Add(patience))
	case s.Op == "ping", s.Op == "pong":
		payload, _ := hex.DecodeString(s.Payload)
		kind := map[string]int{"ping": websocket.PingMessage, "pong": websocket.PongMessage}[s.Op]
		c.ws.WriteControl(kind, payload, time.Now().Add(patience))
	case s.Fragment != nil:
		op := byte(websocket.TextMessage)
		if *s.Fragment > 0 {
			op = 0
		}
		c.ws.NetConn().Write(frame(op, s.Fin, []byte(s.Frame)))
		r.parts += s.Frame
		if s.Fin {
			r.note(c.path, r.parts)
			r.parts = ""
		}
	case s.Binary:
		text, err := base64.StdEncoding.DecodeString(s.Frame)
		if err != nil {
			r.t.Fatal(err)
		}
		c.send(websocket.BinaryMessage, text)
		r.note(c.path, string(text))
	case s.Frame != "":
		text := whole(s)
		c.send(websocket.TextMessage, []byte(text))
		r.note(c.path, text)
	}
}

// command sends a command from a client of its own to the lane that the session is about.
func (r *replay) command(body string) {
	first := slices.IndexFunc(r.session.Steps, func(s conformance.Step) bool { return s.Frame != "" })
	var e warp.Envelope
	if err := warp.Scan([]byte(r.session.Steps[first].Frame), &e); err != nil {
		r.t.Fatal(err)
	}
	const other = 0
	if r.clients[other] == nil {
		r.clients[other], _ = r.w.client(r.t, "/", false)
	}
	head := warp.AppendHead(nil, warp.Command, string(e.Node), string(e.Lane), 0, 0)
	r.act(conformance.Step{Conn: other, Frame: string(head) + " " + body})
}

// note remembers which nodes to wait for, and what value lanes were set to.
func (r *replay) note(base, text string) {
	var e warp.Envelope
	if warp.Scan([]byte(text), &e) != nil || e.Node == nil {
		return
	}
	if key, _, err := route.Node(base, string(e.Node)); err == nil {
		r.nodes[key] = true
	}
	for _, s := range sets(&e) {
		r.values[s.link] = s.body
	}
}

// settle waits until everything that was sent has had its effect and all that the host had to say
// about it has come. On the connections a sync of another lane is the barrier; in between every
// agent has a turn.
func (r *replay) settle(now *turn) {
	var open []*client
	for conn, c := range r.clients {
		want := now.want[conn]
		if len(want) > 0 && strings.HasPrefix(want[len(want)-1], "close ") && !r.paced {
			c.wait(func() bool { return false })
		}
		if !r.paused[conn] && !c.isOver() {
			open = append(open, c)
		}
	}
	seen := map[*client]*int{}
	for _, c := range open {
		seen[c] = new(int)
		c.sync(seen[c]) // everything is in the mailboxes now
	}
	for range 2 { // what one follows of another comes after the turn of that
		for node := range r.nodes {
			r.w.Read(r.t.Context(), node, "preset") // an error means that there is nobody to wait for
		}
	}
	for more := true; more; { // links take turns, so one that has much to say is not through with it at once
		more = false
		for _, c := range open {
			more = c.sync(seen[c]) || more
		}
	}
}

// compare compares what came on one connection in a turn. Between links there is no order.
func (r *replay) compare(now *turn, b *burst, conn int, want, got []string) {
	if r.left[conn] {
		return
	}
	const dropped = "close 1006"
	wanted, ended := closing(want), closing(got)
	if ended != "" && ended != wanted {
		code, why, _ := strings.Cut(strings.TrimPrefix(ended, "close "), " ")
		ended = "close " + code
		if why != "" {
			ended += " and why"
		}
		if wanted == dropped { // listed once for all
			r.closes.Same(dropped, dropped, ended)
			ended = dropped
		}
		got[len(got)-1] = ended
	}
	r.left[conn] = wanted == "" && ended != ""
	id := fmt.Sprintf("line %d", now.do[0].Line)
	if conn != now.do[0].Conn {
		id += fmt.Sprintf(" on %d", conn)
	}
	r.check.Same(id, b.account(conn, "reference", want), b.account(conn, "ours", got))
}

// closing is the note of the connection's end, if that came last.
func closing(notes []string) string {
	if n := len(notes); n > 0 && strings.HasPrefix(notes[n-1], "close ") {
		return notes[n-1]
	}
	return ""
}

// frame is a WebSocket frame of a client (RFC 6455, 5.2), masked with zeros.
func frame(op byte, fin bool, payload []byte) []byte {
	if fin {
		op |= 0x80
	}
	f := []byte{op}
	switch n := len(payload); {
	case n < 126:
		f = append(f, 0x80|byte(n))
	case n < 1<<16:
		f = append(f, 0x80|126, byte(n>>8), byte(n))
	default:
		f = append(f, 0x80|127, 0, 0, 0, 0, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	return append(append(f, 0, 0, 0, 0), payload...)
}
