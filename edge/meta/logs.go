package meta

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"selvage/edge/agent"
	"selvage/edge/host"
	"selvage/edge/recon"
)

// The lanes of a log, and the tags of what they show.
var logTags = [...]string{"trace", "debug", "info", "warn", "error", "fail"}

const failed = len(logTags) - 1

// Bounds of what waits for a turn of the view.
const (
	maxSaid  = 256 << 10 // bytes
	maxText  = 4 << 10   // bytes of one text
	maxAttrs = 64
)

// logs are the log lanes of a view. What an agent logs costs nothing but a look at a counter while
// nobody reads them.
type logs struct {
	view   *view
	listen func(func(host.Said)) (cancel func())
	lanes  [len(logTags)]*agent.SupplyLane[recon.Value]
	cancel func() // while any lane is read

	read atomic.Uint32 // a bit for each lane that is

	mu     sync.Mutex
	queue  []said
	bytes  int
	lost   [len(logTags)]int
	posted bool
}

type said struct {
	lane int
	body []byte
}

// logs makes the log lanes. With a nil listen nothing is ever said there.
func (v *view) logs(listen func(func(host.Said)) (cancel func())) {
	g := &logs{view: v, listen: listen}
	for i, tag := range logTags {
		l := agent.Supply[recon.Value](v.a, tag+"Log")
		g.lanes[i] = l
		if listen == nil {
			continue
		}
		l.OnFirst(func() { g.begin(i) })
		l.OnIdle(func() { g.end(i) })
	}
	v.a.OnClose(func() {
		if g.cancel != nil {
			g.cancel()
		}
	})
}

func (g *logs) begin(i int) {
	g.read.Store(g.read.Load() | 1<<i) // only turns set it
	if g.cancel == nil {
		g.cancel = g.listen(g.hear)
	}
}

func (g *logs) end(i int) {
	if g.lanes[i].IsRead() {
		return
	}
	g.read.Store(g.read.Load() &^ (1 << i))
	if g.read.Load() == 0 && g.cancel != nil {
		g.cancel()
		g.cancel = nil
	}
}

// hear is called by whoever logs.
func (g *logs) hear(s host.Said) {
	i := laneOf(&s)
	if g.read.Load()&(1<<i) == 0 || !g.view.has(s.Node) {
		return
	}
	body := g.body(logTags[i], s)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.bytes+len(body) > maxSaid {
		g.lost[i]++
		return
	}
	g.queue = append(g.queue, said{i, body})
	g.bytes += len(body)
	if !g.posted {
		g.posted = true
		g.view.a.Wake(g.show)
	}
}

// push shows one record, which is the host's own text.
func (g *logs) push(lane int, body []byte) {
	if v, err := recon.Parse(body); err == nil {
		g.lanes[lane].Push(v)
	}
}

// show puts what was heard on the lanes, and how much was dropped.
func (g *logs) show() {
	g.mu.Lock()
	queue, lost := g.queue, g.lost
	g.queue, g.bytes, g.lost, g.posted = nil, 0, [len(logTags)]int{}, false
	g.mu.Unlock()
	for _, s := range queue {
		g.push(s.lane, s.body)
	}
	for i, n := range lost {
		if n > 0 {
			text := fmt.Sprintf("%d records were dropped here: they came faster than they could be shown", n)
			g.push(i, g.body(logTags[i], host.Said{Time: time.Now(), Text: text}))
		}
	}
}

func laneOf(s *host.Said) int {
	switch {
	case s.Panic != nil:
		return failed
	case s.Level < slog.LevelDebug:
		return 0
	case s.Level < slog.LevelInfo:
		return 1
	case s.Level < slog.LevelWarn:
		return 2
	case s.Level < slog.LevelError:
		return 3
	}
	return 4
}

// body writes a record as SwimOS does, @info(time:…) and what was said. A text with attributes becomes a
// record of the text and a slot for each. At the host it has the node, too, which SwimOS leaves out.
func (g *logs) body(tag string, s host.Said) []byte {
	head := []recon.Item{recon.Field("time", recon.Int(s.Time.UnixMilli()))}
	if g.view.level == atHost && s.Node != "" {
		head = append(head, recon.Field("node", recon.String(string(s.Node))))
	}
	items := []recon.Item{recon.Attr(tag, recon.Record(head...))}
	if s.Panic != nil {
		items = append(items, recon.Attr("exception", recon.String(short(fmt.Sprint(s.Panic.Cause)))))
		items = append(items, frames(s.Panic.Stack)...)
	} else {
		items = append(items, recon.Of(recon.String(short(s.Text))))
		for _, a := range s.Attrs[:min(len(s.Attrs), maxAttrs)] {
			items = append(items, recon.Field(a.Key, valueOf(a.Value)))
		}
	}
	return recon.Append(nil, recon.Record(items...))
}

// valueOf is a logged value in Recon: numbers and truth as they are, all else as its text.
func valueOf(v slog.Value) recon.Value {
	switch v.Kind() {
	case slog.KindBool:
		return recon.Bool(v.Bool())
	case slog.KindInt64:
		return recon.Int(v.Int64())
	case slog.KindFloat64:
		return recon.Float(v.Float64())
	case slog.KindTime:
		return recon.Int(v.Time().UnixMilli())
	}
	return recon.String(short(v.String()))
}

func short(s string) string {
	if len(s) > maxText {
		s = s[:maxText] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
