package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"selvage/edge/health"
)

const (
	settle     = 100 * time.Millisecond // what comes and goes within that is not shown
	repeatTime = 10 * time.Second       // how often a condition whose words change is shown again
	labelWidth = 8
	mostAtOnce = 10 // of conditions that begin, and of those that end; the others are counted
)

// conditions prints what is wrong when that begins and when it ends.
type conditions struct {
	out     io.Writer
	board   *health.Board
	cancel  func() // of the watch
	changed chan struct{}
	quit    chan struct{}
	ended   chan struct{}
	shown   map[string]shown
	all     atomic.Pointer[string] // the command that lists every condition, once it can be given
}

// shown is a condition that was active at the last look.
type shown struct {
	health.Condition
	at   time.Time
	told bool // in words of its own
}

// showConditions prints the board's conditions on out until stop.
func showConditions(out io.Writer, board *health.Board) *conditions {
	c := &conditions{
		out: out, board: board,
		changed: make(chan struct{}, 1), quit: make(chan struct{}), ended: make(chan struct{}),
		shown: map[string]shown{},
	}
	c.cancel = board.Watch(func() {
		select {
		case c.changed <- struct{}{}:
		default: // it will look anyway
		}
	})
	go c.run()
	return c
}

// stop returns when nothing is printed any more.
func (c *conditions) stop() {
	c.cancel()
	close(c.quit)
	<-c.ended
}

func (c *conditions) run() {
	defer close(c.ended)
	for {
		select {
		case <-c.changed:
			c.look()
		case <-c.quit:
			c.look()
			return
		}
		select {
		case <-time.After(settle):
		case <-c.quit:
		}
	}
}

func (c *conditions) look() {
	now := time.Now()
	active := map[string]bool{}
	begun, over := 0, 0
	for _, cond := range c.board.Active() {
		active[cond.Code] = true
		was, known := c.shown[cond.Code]
		if known && (was.Text == cond.Text || now.Sub(was.at) < repeatTime) {
			continue
		}
		begun++
		c.shown[cond.Code] = shown{cond, now, was.told || begun <= mostAtOnce}
		if begun > mostAtOnce {
			continue
		}
		c.print("!", cond.Code, cond.Text, cond.Remedy)
	}
	if more := begun - mostAtOnce; more > 0 {
		see := ""
		if all := c.all.Load(); all != nil {
			see = "; see them all: " + *all
		}
		fmt.Fprintf(c.out, "! and %d more%s\n", more, see)
	}

	untold := 0
	for _, code := range slices.Sorted(maps.Keys(c.shown)) {
		was := c.shown[code]
		if active[code] {
			continue
		}
		delete(c.shown, code)
		if over++; !was.told || over-untold > mostAtOnce {
			untold++
			continue
		}
		c.print(mark(c.out), code, fmt.Sprintf("over after %v: %s", now.Sub(was.Since).Round(time.Second), was.Text), "")
	}
	if untold > 0 {
		fmt.Fprintf(c.out, "%s and %d more over\n", mark(c.out), untold)
	}
}

// print writes all at once: what is logged meanwhile does not come between a text and its remedy.
func (c *conditions) print(mark, code, text, remedy string) {
	label := label(code)
	pad := max(labelWidth-utf8.RuneCountInString(label), 2)
	said := fmt.Sprintf("%s %s%*s%s\n", mark, label, pad, "", printable(text))
	if remedy != "" {
		said += fmt.Sprintf("%*s%s\n", labelWidth+2, "", printable(remedy))
	}
	io.WriteString(c.out, said)
}

// label is a condition's code as people know the thing: the name of a device, bus or agent.
func label(code string) string {
	room, name, ok := strings.Cut(code, ".")
	switch room {
	case "uplink": // whose name may be that of a room, such as broker
		return code
	case "device", "bus", "agent", "edge":
		if ok {
			return name
		}
	case "lane", "link":
		name, _, _ = strings.Cut(name, ".")
		return name
	}
	return room
}

// mark begins a line of good news.
func mark(w io.Writer) string {
	if isTerminal(w) {
		return "✓"
	}
	return "+"
}
