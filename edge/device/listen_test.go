package device

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// hearing is what was heard, a word for each.
type hearing struct {
	mu    sync.Mutex
	words []string
}

func (h *hearing) hear(x Heard) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case x.Call != nil:
		w := x.Call.Name
		if x.Call.To != nil {
			w += " " + x.Call.To.String()
		}
		h.words = append(h.words, w)
	case x.Transfer != nil:
		h.words = append(h.words, fmt.Sprintf("%s %02x", x.Transfer.Op, x.Transfer.Addr))
	case x.Report != nil && x.Report.Err != nil:
		h.words = append(h.words, "failed")
	case x.Report != nil:
		h.words = append(h.words, "report")
	}
}

func (h *hearing) take() string {
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	words := h.words
	h.words = nil
	return strings.Join(slices.Compact(words), ", ")
}

// Who listens to a device on a bus that is missing hears why nothing comes, each time that it is looked for.
func TestListenOnMissingBus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		unplug("test:late")
		b := newBench(t, chipSpec("air", "test:late", 0x40, time.Second))
		b.Start()
		defer b.stop()
		time.Sleep(time.Minute)
		var h hearing
		stop, err := b.Listen("air", h.hear)
		if err != nil {
			t.Fatal(err)
		}
		defer stop()
		time.Sleep(maxBusPause)
		expect(t, "within one look", h.take(), "failed")
		if rs := b.take("air"); len(rs) != 1 {
			t.Errorf("%d reports in a minute, want one", len(rs))
		}
	})
}

func TestListen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plugPin("test:17")
		plug("test:a", map[uint16]func() error{0x40: well, 0x41: well})
		b := newBench(t, chipSpec("air", "test:a", 0x40, time.Second), chipSpec("soil", "test:a", 0x41, time.Second), relaySpec(false))
		b.Start()
		defer b.stop()
		synctest.Wait()

		var h, relay hearing
		stop, err := b.Listen("air", h.hear)
		if err != nil {
			t.Fatal(err)
		}
		expect(t, "at once", h.take(), "close, open, tx 40, read, tx 40, report")
		time.Sleep(10 * time.Second)
		if got := h.take(); !strings.HasPrefix(got, "read, tx 40, report") || strings.Contains(got, "41") {
			t.Errorf("heard %s, want what is done with air alone", got)
		}
		stopRelay, err := b.Listen("heater", relay.hear)
		if err != nil {
			t.Fatal(err)
		}
		must(t, b.Out("heater", On(true)))
		expect(t, "of an output", relay.take(), "out on, report")
		stop()
		stop()
		stopRelay()
		h.take()
		time.Sleep(10 * time.Second)
		expect(t, "after stop", h.take()+relay.take(), "")
		if _, err := b.Listen("nobody", h.hear); err == nil {
			t.Error("a device that is not there can be listened to")
		}
	})
}

// Of an attempt that is under way nothing is heard: what came of it, without what it began with, cannot be played.
func TestListenInTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plug("test:slow", map[uint16]func() error{0x40: func() error { time.Sleep(100 * time.Millisecond); return nil }})
		b := newBench(t, chipSpec("air", "test:slow", 0x40, time.Second))
		b.Start()
		defer b.stop()
		time.Sleep(150 * time.Millisecond) // opened, and not yet read
		var h hearing
		stop, err := b.Listen("air", h.hear)
		must(t, err)
		defer stop()
		expect(t, "of the reading under way", h.take(), "")
		time.Sleep(500 * time.Millisecond)
		expect(t, "from then on", h.take(), "close, open, tx 40, read, tx 40, report")
	})
}

// paced is a sensor that fails twice of three times and wants to be read each minute.
type paced struct{ opened, reads *int }

func (p paced) Info() Info           { return Info{} }
func (p paced) Close() error         { return nil }
func (p paced) Channels() []Channel  { return []Channel{{Name: "n", Unit: "1"}} }
func (p paced) Pause() time.Duration { return time.Minute }
func (p paced) Read(context.Context) (Sample, error) {
	if *p.reads++; *p.reads%6 != 0 {
		return nil, errLine
	}
	return Sample{{Channel: "n", Value: 1}}, nil
}

func TestPaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var opened, reads int
		Register("test-paced", struct{}{}, func(context.Context, struct{}) (paced, error) {
			opened++
			return paced{&opened, &reads}, nil
		})
		b := newBench(t, Spec{Name: "tape", Driver: "test-paced", Every: time.Second})
		b.Start()
		time.Sleep(time.Hour + time.Second)
		must(t, b.Stop(t.Context()))
		if opened != 1 || reads != 61 {
			t.Errorf("opened %d times and read %d times in an hour, want 1 and 61", opened, reads)
		}
	})
}
