package bus

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// wires are SCL and SDA of a bus with one chip on it, at the level of bits (UM10204 rev. 7.0, 3.1).
type wires struct {
	scl, sda end
	chip     *stuckChip
	stops    int // that the chip could see
	clocks   int
	fails    error
}

// end is what we do on a line.
type end struct {
	of     *wires
	clock  bool
	pulled bool
}

func newWires(chip *stuckChip) *wires {
	w := &wires{chip: chip}
	w.scl, w.sda = end{of: w, clock: true}, end{of: w}
	return w
}

func (w *wires) levels() (scl, sda bool) {
	return !w.scl.pulled && !w.chip.holdsSCL(), !w.sda.pulled && !w.chip.holdsSDA()
}

func (e *end) set(pulled bool) error {
	w := e.of
	if w.fails != nil {
		return w.fails
	}
	scl, sda := w.levels()
	e.pulled = pulled
	scl2, sda2 := w.levels()
	switch {
	case scl && !scl2:
		w.chip.falling(sda)
	case !scl && scl2:
		w.clocks++
		w.chip.rising(sda2)
	case scl && scl2 && !sda && sda2:
		w.stops++
		w.chip.stop()
	}
	return nil
}

func (e *end) Pull() error  { return e.set(true) }
func (e *end) LetGo() error { return e.set(false) }
func (e *end) High() (bool, error) {
	scl, sda := e.of.levels()
	if e.clock {
		return scl, e.of.fails
	}
	return sda, e.of.fails
}

// stuckChip is a chip in the middle of a byte when its bus's controller went away.
type stuckChip struct {
	sends   []byte // what it sends, on and on as long as it is acknowledged; nil = it is written to
	bit     int    // of sends[0] that is on the wire; 8 = it waits for its acknowledgement
	acks    bool   // it acknowledges a byte that was written to it
	got     int    // bits that it took for data
	idle    bool
	forever bool          // SDA is shorted
	clock   bool          // SCL is
	until   time.Time     // when it lets go of SCL
	slow    time.Duration // it stretches each clock by this
	answer  bool          // the level of the acknowledgement
}

func (c *stuckChip) holdsSCL() bool { return c.clock || time.Now().Before(c.until) }

func (c *stuckChip) holdsSDA() bool {
	switch {
	case c.forever:
		return true
	case c.idle:
		return false
	case c.sends == nil:
		return c.acks
	}
	return c.bit < 8 && c.sends[0]>>(7-c.bit)&1 == 0
}

func (c *stuckChip) rising(sda bool) {
	if c.sends == nil && !c.acks && !c.idle {
		c.got++
	}
	c.answer = sda
}

func (c *stuckChip) falling(bool) {
	c.until = time.Now().Add(c.slow)
	c.acks = false
	if c.idle || c.sends == nil {
		return
	}
	switch c.bit++; {
	case c.bit < 9:
	case c.answer: // not acknowledged: it has been told that this was all
		c.idle = true
	default:
		c.bit = 0
		if len(c.sends) > 1 {
			c.sends = c.sends[1:]
		}
	}
}

func (c *stuckChip) stop() { c.idle = true }

func TestClearBus(t *testing.T) {
	for _, c := range []struct {
		name   string
		chip   stuckChip
		clocks int
		err    string
	}{
		{"reads zeros from its first bit", stuckChip{sends: []byte{0, 0}}, 8, ""},
		{"reads zeros from its fourth bit", stuckChip{sends: []byte{0, 0}, bit: 3}, 5, ""},
		{"a one comes next", stuckChip{sends: []byte{0b0111_1111, 0}}, 1, ""},
		{"a one comes, and zeros after it", stuckChip{sends: []byte{0b0010_0000, 0}}, 2, ""},
		{"its last bit", stuckChip{sends: []byte{0xFE, 0}, bit: 7}, 1, ""},
		{"acknowledges what was written", stuckChip{acks: true}, 1, ""},
		{"a short", stuckChip{forever: true}, 9, "SDA stays low after 9 clocks"},
		{"the clock is held", stuckChip{clock: true, sends: []byte{0}}, 0, "SCL is held low"},
		{"stretches the clock", stuckChip{sends: []byte{0, 0}, slow: 10 * time.Millisecond}, 8, ""},
		{"stretches it too long", stuckChip{sends: []byte{0, 0}, slow: time.Second}, 1, "SCL is held low"},
		{"nothing is held", stuckChip{idle: true}, 0, "it is the controller that hangs"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWires(&c.chip)
				n, err := clearBus(t.Context(), &w.scl, &w.sda)
				if n != c.clocks || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
					t.Errorf("%d clocks, %v; want %d, %q", n, err, c.clocks, c.err)
				}
				if c.err != "" {
					return
				}
				if scl, sda := w.levels(); !scl || !sda || !c.chip.idle || w.stops == 0 {
					t.Errorf("afterwards SCL is %v, SDA %v, the chip is idle: %v, after %d stops", scl, sda, c.chip.idle, w.stops)
				}
				if c.chip.got > 1 { // of a byte, which a STOP ends before it counts
					t.Errorf("the chip took %d clocks for data", c.chip.got)
				}
				if w.clocks > maxClocks {
					t.Errorf("%d clocks on the wire", w.clocks)
				}
			})
		})
	}
}

// A line that fails, and a context that ends, end the clocks.
func TestClearBusFails(t *testing.T) {
	gone := errors.New("the chip is gone")
	w := newWires(&stuckChip{sends: []byte{0, 0}})
	w.fails = gone
	if _, err := clearBus(t.Context(), &w.scl, &w.sda); !errors.Is(err, gone) {
		t.Errorf("a line that fails: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w = newWires(&stuckChip{sends: []byte{0, 0}})
	if _, err := clearBus(ctx, &w.scl, &w.sda); !errors.Is(err, context.Canceled) {
		t.Errorf("without time: %v", err)
	}
}

// However far the chip is, and whatever it sends, nine clocks are enough.
func TestClearBusAlways(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for value := range 256 {
			for bit := range 8 {
				chip := &stuckChip{sends: []byte{byte(value), byte(^value), byte(value)}, bit: bit}
				if !chip.holdsSDA() {
					continue
				}
				w := newWires(chip)
				if n, err := clearBus(t.Context(), &w.scl, &w.sda); err != nil || !chip.idle {
					t.Fatalf("bit %d of %#02x: %d clocks, %v, idle %v", bit, value, n, err, chip.idle)
				}
			}
		}
	})
}
