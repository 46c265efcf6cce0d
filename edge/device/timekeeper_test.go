package device

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/clock"
)

// watch is a clock whose time is an hour behind that of the machine, and some more.
type watch struct{ off func() (time.Duration, bool) }

func init() {
	Register("test-watch", watchConfig{}, func(_ context.Context, c watchConfig) (*watch, error) { return &watch{c.off}, nil })
}

type watchConfig struct{ off func() (time.Duration, bool) }

func (w *watch) Info() Info                           { return Info{Driver: "test-watch"} }
func (w *watch) Close() error                         { return nil }
func (w *watch) Channels() []Channel                  { return []Channel{{Name: "value", Unit: "1"}} }
func (w *watch) Read(context.Context) (Sample, error) { return Sample{{Channel: "value"}}, nil }
func (w *watch) Wall() (t time.Time, ok bool) {
	off, ok := w.off()
	return time.Now().Add(-time.Hour - off), ok
}

// The host takes a device's time while the kernel knows none, and gives it up when the kernel does.
func TestTimekeeper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			mu     sync.Mutex
			off    time.Duration
			sure   bool
			synced bool
			last   Reading
			steps  int
		)
		under := func(change func()) {
			mu.Lock()
			change()
			mu.Unlock()
			time.Sleep(2 * time.Second)
		}
		c := clock.New("boot", func() bool { mu.Lock(); defer mu.Unlock(); return synced })
		defer c.OnStep(func() { mu.Lock(); steps++; mu.Unlock() })()
		m := NewManager(Options{Clock: c, Log: slog.New(slog.DiscardHandler), Report: func(r Report) {
			mu.Lock()
			defer mu.Unlock()
			for _, n := range r.Readings {
				last = n.Reading
			}
		}})
		spec := Spec{Name: "rtc", Driver: "test-watch", Every: time.Second, Config: watchConfig{func() (time.Duration, bool) {
			mu.Lock()
			defer mu.Unlock()
			return off, sure
		}}}
		if err := m.Add(spec); err != nil {
			t.Fatal(err)
		}
		m.Start()
		look := func(what string, trusted bool, behind time.Duration, told int) {
			t.Helper()
			mu.Lock()
			defer mu.Unlock()
			at := last.At.Time()
			if last.At.Trusted != trusted || trusted && (time.Since(at)-behind).Abs() > time.Second || steps != told {
				t.Errorf("%s: the last reading is of %v, trusted %v, %d steps; want %v behind, %v, %d", what, at, last.At.Trusted, steps, behind, trusted, told)
			}
		}
		under(func() {})
		look("a watch that stood still", false, 0, 0)
		under(func() { sure = true })
		look("a watch that is sure", true, time.Hour, 1)
		under(func() { off = time.Second })
		look("off by a second", true, time.Hour, 1)
		under(func() { off = time.Minute })
		look("off by a minute", true, time.Hour+time.Minute, 2)
		under(func() { synced = true })
		look("the kernel knows", true, 0, 3)
		under(func() { off = -time.Hour })
		look("the watch is not asked any more", true, 0, 3)
		if err := m.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
