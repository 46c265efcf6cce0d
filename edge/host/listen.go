package host

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"selvage/edge/agent"
	"selvage/edge/route"
)

// Said is a record that an agent has logged, or its panic.
type Said struct {
	Node  route.NodeURI
	Time  time.Time
	Level slog.Level
	Text  string
	Attrs []slog.Attr // with the names of their groups before theirs
	Panic *agent.Panicked
}

// listeners are told what agents log.
type listeners struct {
	count atomic.Int32

	mu     sync.RWMutex
	byNode map[route.NodeURI]map[int]func(Said) // "" for all agents
	last   int
}

// Listen has fn called with what the agent at node logs from now on, with "" what all agents log. It
// is called by whoever logs, so it must neither block nor log.
func (h *Host) Listen(node route.NodeURI, fn func(Said)) (cancel func()) {
	l := &h.listeners
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byNode == nil {
		l.byNode = map[route.NodeURI]map[int]func(Said){}
	}
	if l.byNode[node] == nil {
		l.byNode[node] = map[int]func(Said){}
	}
	l.last++
	id := l.last
	l.byNode[node][id] = fn
	l.count.Add(1)
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.byNode[node][id] == nil {
			return
		}
		l.count.Add(-1)
		if delete(l.byNode[node], id); len(l.byNode[node]) == 0 {
			delete(l.byNode, node)
		}
	}
}

func (l *listeners) has(node route.NodeURI) bool {
	if l.count.Load() == 0 {
		return false
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	return len(l.byNode[node])+len(l.byNode[""]) > 0
}

func (l *listeners) tell(s Said) {
	if l.count.Load() == 0 {
		return
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, node := range []route.NodeURI{s.Node, ""} {
		for _, fn := range l.byNode[node] {
			fn(s)
		}
	}
}

// logOf is the host's log with an agent's name.
func (h *Host) logOf(node route.NodeURI) *slog.Logger { return h.Log.With("node", string(node)) }

// heardLog is logOf for the agent itself: whoever listens hears it, too.
func (h *Host) heardLog(node route.NodeURI) *slog.Logger {
	return slog.New(heard{Handler: h.logOf(node).Handler(), listeners: &h.listeners, node: node})
}

// heard hands records on to the host's log and to listeners. To them also those of a level that the
// host's log leaves out.
type heard struct {
	slog.Handler
	listeners *listeners
	node      route.NodeURI
	with      []slog.Attr
	group     string // names of groups, each with a dot behind it
}

func (h heard) Enabled(ctx context.Context, level slog.Level) bool {
	return h.Handler.Enabled(ctx, level) || h.listeners.has(h.node)
}

func (h heard) Handle(ctx context.Context, r slog.Record) error {
	if h.listeners.has(h.node) {
		s := Said{Node: h.node, Time: r.Time, Level: r.Level, Text: r.Message, Attrs: slices.Clip(h.with)}
		r.Attrs(func(a slog.Attr) bool {
			s.Attrs = flatten(s.Attrs, h.group, a)
			return true
		})
		h.listeners.tell(s)
	}
	if !h.Handler.Enabled(ctx, r.Level) {
		return nil
	}
	return h.Handler.Handle(ctx, r)
}

func (h heard) WithAttrs(attrs []slog.Attr) slog.Handler {
	h.Handler = h.Handler.WithAttrs(attrs)
	h.with = slices.Clip(h.with)
	for _, a := range attrs {
		h.with = flatten(h.with, h.group, a)
	}
	return h
}

func (h heard) WithGroup(name string) slog.Handler {
	h.Handler = h.Handler.WithGroup(name)
	if name != "" {
		h.group += name + "."
	}
	return h
}

// flatten appends a, or what is in it if it is a group.
func flatten(to []slog.Attr, group string, a slog.Attr) []slog.Attr {
	v := a.Value.Resolve()
	if v.Kind() != slog.KindGroup {
		return append(to, slog.Attr{Key: group + a.Key, Value: v})
	}
	if a.Key != "" {
		group += a.Key + "."
	}
	for _, in := range v.Group() {
		to = flatten(to, group, in)
	}
	return to
}

var _ slog.Handler = heard{}
