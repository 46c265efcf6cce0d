package policy

import (
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"time"

	"selvage/edge/route"
)

// Event is something that a door let pass or refused. It never holds what a command said, nor a secret.
type Event struct {
	Who  string // a user's name, if What is login the one that was claimed; "" of nobody
	From netip.Addr
	What string // login, logout, token, connect, read, link or command
	Node route.NodeURI
	Lane route.LaneName
	OK   bool
}

// Of each address so many refusals a minute are told one by one, then only how many there were.
const (
	toldRefusals = 10
	refusalTime  = time.Minute
	maxTold      = 1024 // addresses told of separately
)

type refusals struct {
	mu    sync.Mutex
	of    map[string]int // refusals of an address in this minute
	timer *time.Timer
	began bool
}

// Refuse counts, logs and notes a refusal.
func (g *Gate) Refuse(e Event) {
	g.Health.Add("policy.refused", 1)
	if !g.refusals.tells(e.From, g.Log) {
		return
	}
	e.OK = false
	attrs := []any{"what", e.What, "who", e.Who, "from", e.From.String()}
	if e.Node != "" {
		attrs = append(attrs, "node", clip(string(e.Node)), "lane", clip(string(e.Lane)))
	}
	g.Log.Warn("refused", attrs...)
	g.Note(e)
}

// Note tells the audit.
func (g *Gate) Note(e Event) {
	if g.Audit != nil {
		e.Node, e.Lane = route.NodeURI(clip(string(e.Node))), route.LaneName(clip(string(e.Lane)))
		g.Audit(e)
	}
}

// clip keeps strangers from filling a log with names.
func clip(name string) string {
	const most = 200
	if len(name) > most {
		return strings.ToValidUTF8(name[:most], "") + "…"
	}
	return name
}

// tells reports whether to tell of one more refusal of an address.
func (r *refusals) tells(from netip.Addr, log *slog.Logger) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of == nil {
		r.of = map[string]int{}
	}
	if !r.began {
		r.began = true
		r.timer = time.AfterFunc(refusalTime, func() { r.sum(log) })
	}
	key := Neighbourhood(from)
	if _, ok := r.of[key]; !ok && len(r.of) >= maxTold {
		key = "others"
	}
	r.of[key]++
	return r.of[key] <= toldRefusals
}

// sum tells of the minute that is over.
func (r *refusals) sum(log *slog.Logger) {
	r.mu.Lock()
	of := r.of
	r.of, r.began = nil, false
	r.mu.Unlock()
	for from, n := range of {
		if more := n - toldRefusals; more > 0 {
			log.Warn("refused", "from", from, "more", more)
		}
	}
}

func (r *refusals) stop(log *slog.Logger) {
	r.mu.Lock()
	began := r.began && r.timer.Stop()
	r.mu.Unlock()
	if began {
		r.sum(log)
	}
}
