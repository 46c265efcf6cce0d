package peer

import (
	"fmt"
	"net"
	"testing"

	"selvage/edge/route"
	"selvage/edge/warp"
)

// sink is a socket whose other end takes everything at once, so that what is measured is ours.
type sink struct{ net.Conn }

func (sink) Write(b []byte) (int, error) { return len(b), nil }
func (sink) Close() error                { return nil }

// news is a source that has one event after each set.
type news struct {
	body []byte
	due  bool
}

func (n *news) Next() ([]byte, bool) {
	due := n.due
	n.due = false
	return n.body, due
}
func (n *news) State() func() ([]byte, bool) { return func() ([]byte, bool) { return nil, false } }
func (n *news) Lost() uint64                 { return 0 }
func (n *news) Close()                       {}

// links opens links to the lanes of c's other end, with the headers given.
func links(b testing.TB, c *Conn, n int, header func(i int) string) (all []*Link, sources []*news) {
	for i := range n {
		var e warp.Envelope
		if err := warp.Scan(fmt.Appendf(nil, `@link(node:"/unit/%d",lane:info%s)`, i, header(i)), &e); err != nil {
			b.Fatal(err)
		}
		src := &news{body: []byte("12345")}
		all, sources = append(all, connect(c, &e, src)), append(sources, src)
	}
	c.queue.flushes.Wait()
	return all, sources
}

// connect opens a link as a request of the other end does.
func connect(c *Conn, e *warp.Envelope, src warp.Source) *Link {
	at := target{route.NodeURI(e.Node), string(e.Lane)}
	l := &Link{conn: c, target: at, lane: route.LaneName(e.Lane), up: *warp.NewUplink(string(e.Node), string(e.Lane)), pending: 1}
	c.links[at] = l
	l.Answer(e, func() warp.Source { return src })
	return l
}

// BenchmarkFanOut is an event to each of 100 links of one connection, from the wake-up to the write.
func BenchmarkFanOut(b *testing.B) {
	for _, row := range []struct {
		name   string
		header func(i int) string
	}{
		{"plain", func(int) string { return "" }},
		{"prio", func(i int) string { return fmt.Sprintf(",prio:%.1f", float64(i%6)/5) }},
	} {
		b.Run(row.name, func(b *testing.B) {
			c := newConn(sink{}, nil, "/", Options{Dropped: func(*Link, uint64) {}})
			defer c.end(nil)
			all, sources := links(b, c, 100, row.header)
			b.ReportAllocs()
			for b.Loop() {
				for i, l := range all {
					sources[i].due = true
					l.Wake()
				}
				c.queue.flushes.Wait()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(all)), "ns/event")
		})
	}
}

// BenchmarkWrite is the flush alone: 100 links that are all due already.
func BenchmarkWrite(b *testing.B) {
	c := newConn(sink{}, nil, "/", Options{Dropped: func(*Link, uint64) {}})
	defer c.end(nil)
	all, sources := links(b, c, 100, func(int) string { return "" })
	b.ReportAllocs()
	for b.Loop() {
		c.queue.mu.Lock()
		c.queue.flushing = true // here it is this goroutine that flushes
		c.queue.mu.Unlock()
		for i, l := range all {
			sources[i].due = true
			l.Wake()
		}
		c.flush()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(all)), "ns/event")
}
