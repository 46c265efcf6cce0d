package peer

import (
	"testing"

	"selvage/edge/warp"
)

// leaky is a source that counts what it dropped.
type leaky struct {
	many
	lost uint64
}

func (l *leaky) Lost() uint64 { return l.lost }

// What a link missed when its connection took nothing more is reported with its end, once.
func TestLossAtTheEnd(t *testing.T) {
	for name, end := range map[string]func(c *Conn, l *Link){
		"connection": func(c *Conn, l *Link) { c.end(nil); c.end(nil) },
		"link": func(c *Conn, l *Link) {
			l.pending++
			l.Answer(&warp.Envelope{Tag: warp.Unlink}, nil)
			c.queue.flushes.Wait()
		},
	} {
		t.Run(name, func(t *testing.T) {
			var told []uint64
			c := newConn(sink{}, nil, "/", Options{Dropped: func(_ *Link, n uint64) { told = append(told, n) }})
			defer c.end(nil)
			src := &leaky{}
			l := connect(c, &warp.Envelope{Tag: warp.Link, Node: []byte("/n"), Lane: []byte("l")}, src)
			c.queue.flushes.Wait()
			src.lost = 7
			end(c, l)
			if len(told) != 1 || told[0] != 7 {
				t.Errorf("reports of %v, want one of 7", told)
			}
		})
	}
}

// A link that waits for its tick leaves no timer behind.
func TestLimitEndsWithLink(t *testing.T) {
	for name, end := range map[string]func(c *Conn, l *Link){
		"connection": func(c *Conn, l *Link) { c.end(nil) },
		"unlink":     func(c *Conn, l *Link) { l.pending++; l.Answer(&warp.Envelope{Tag: warp.Unlink}, nil) },
		"lane":       func(c *Conn, l *Link) { l.End() },
		"no rate":    func(c *Conn, l *Link) { l.pending++; l.Answer(&warp.Envelope{Tag: warp.Link}, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			c := newConn(sink{}, nil, "/", Options{})
			defer c.end(nil)
			l := connect(c, &warp.Envelope{Tag: warp.Link, Node: []byte("/n"), Lane: []byte("l"), Rate: 0.001}, &many{n: 10})
			c.queue.flushes.Wait()
			limit := l.limit
			if limit.timer == nil || !l.queued.Load() {
				t.Fatal("the link does not wait")
			}
			end(c, l)
			c.queue.flushes.Wait()
			if l.limit != nil || limit.timer.Stop() {
				t.Error("the timer still runs")
			}
			if name != "connection" && l.queued.Load() {
				t.Error("the link counts as queued and is not")
			}
		})
	}
}
