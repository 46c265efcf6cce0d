package wear

import (
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/clock"
	"selvage/edge/health"
	"selvage/edge/host"
	"selvage/edge/route"
	"selvage/edge/size"
	"selvage/edge/store"
)

// site is a host with a meter whose counters the test sets.
type site struct {
	*testing.T
	dir   string // of the store; "" for none
	store *store.Store
	host  *host.Host
	meter *Meter

	parts func() []Part // may be nil
	alone bool          // it is not known what the disk takes

	mu                      sync.Mutex // the meter's turns look at these
	written, disk, readings int64
	failing                 error
}

const node route.NodeURI = "/host/wear"

// card is a config with round figures: it bears 10 GB.
func card() Config { return Config{Card: 10e6, Rewrites: 2000, Amplification: 2} }

func run(t *testing.T, c Config, fn func(s *site)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &site{T: t, disk: 5e9}
		s.start(c)
		defer func() { s.stop() }()
		fn(s)
	})
}

// start starts a process, whose counts begin at 0.
func (s *site) start(c Config) {
	s.Helper()
	board, quiet := health.NewBoard(), slog.New(slog.DiscardHandler)
	if s.dir != "" {
		var err error
		if s.store, err = store.Open(store.Options{Dir: s.dir, Health: board, Log: quiet}); err != nil {
			s.Fatal(err)
		}
	}
	s.set(func() { s.written, s.readings = 0, 0 })
	s.host = host.New(host.Options{Clock: clock.New("test", func() bool { return true }), Health: board, Log: quiet, Store: s.store})
	s.meter = New(Options{
		Dir: s.TempDir(),
		Written: func() (int64, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.written, s.failing
		},
		Disk: func() (int64, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.disk, s.failing
		},
		Readings: func() int64 {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.readings
		},
		Parts: func() []Part {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.parts == nil {
				return nil
			}
			return s.parts()
		},
	})
	s.meter.by = "disk card"
	if s.alone {
		s.meter.Disk, s.meter.by = nil, process
	}
	if _, err := s.host.Add(node, host.Things, s.meter.Kind(), c); err != nil {
		s.Fatal(err)
	}
	synctest.Wait()
}

func (s *site) stop() {
	s.Helper()
	if err := s.host.Stop(s.Context()); err != nil {
		s.Error(err)
	}
	if s.store != nil {
		if err := s.store.Close(); err != nil {
			s.Error(err)
		}
	}
}

// spend writes so much, by this process and by all, with each minute that passes.
func (s *site) spend(d time.Duration, mine, others, readings int64) {
	for range d / time.Minute {
		s.set(func() {
			s.written += mine
			s.disk += mine + others
			s.readings += readings
		})
		time.Sleep(time.Minute)
		synctest.Wait()
	}
}

func (s *site) set(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn()
}

func (s *site) lane(lane route.LaneName) string {
	s.Helper()
	state, err := s.host.Read(s.Context(), node, lane)
	if err != nil {
		s.Fatal(err)
	}
	return string(state.Events[len(state.Events)-1])
}

func (s *site) want(lane route.LaneName, want string) {
	s.Helper()
	if got := s.lane(lane); got != want {
		s.Errorf("%s is %s, want %s", lane, got, want)
	}
}

func (s *site) condition() string {
	for _, c := range s.host.Health.Active() {
		if c.Code == budgetCode {
			return c.Text + "; " + c.Remedy
		}
	}
	return ""
}

func (s *site) wantCondition(want string) {
	s.Helper()
	if got := s.condition(); got != want {
		s.Errorf("the condition is\n\t%q, want\n\t%q", got, want)
	}
}

func TestLanes(t *testing.T) {
	const assumed = "assumed: cells bear 2000 rewrites, and 2 bytes of them are written for each"
	run(t, card(), func(s *site) {
		for lane, want := range map[route.LaneName]string{
			"written": "0", "rate": "", "per-reading": "", "total": "0", "process": "{written:0,day:0}",
			"life": `{text:"not known: it takes an hour of measuring",by:"disk card",card:10000000,rewrites:2000,amplification:2,budget:2737850}`,
		} {
			s.want(lane, want)
		}
		s.spend(time.Minute, 1000, 500, 10)
		s.want("written", "1500")
		s.want("rate", `{hour:2160000,day:2160000,seconds:60,by:"disk card"}`)
		s.want("per-reading", `{bytes:150,by:"disk card"}`)
		s.want("process", "{written:1000,day:1440000,per-reading:100}")
		s.want("total", "1500")

		s.spend(59*time.Minute, 1000, 500, 10)
		s.want("life", `{text:"12 years, at 2.2 MB a day from all that writes to a card of 10 MB; `+assumed+`",by:"disk card",`+
			`days:4630,used:9.0E-6,card:10000000,rewrites:2000,amplification:2,budget:2737850}`)
		s.spend(time.Hour, 0, 0, 0)
		s.want("rate", `{hour:0,day:1080000,seconds:7200,by:"disk card"}`)
		s.want("per-reading", "")
		if got := s.meter.Stats(); *got.Written != 90_000 || got.Total != 90_000 || got.Rate.Day != 1_080_000 || got.PerReading != nil || got.Life.Days != 9260 {
			s.Errorf("Stats() = %+v", got)
		}
	})
}

// Where the disk does not tell what it takes, it goes by the process.
func TestProcessAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &site{T: t, alone: true}
		s.start(card())
		defer s.stop()
		s.spend(time.Hour, 1000, 500, 10)
		s.want("written", "60000")
		s.want("rate", `{hour:1440000,day:1440000,seconds:3600,by:process}`)
		s.want("per-reading", `{bytes:100,by:process}`)
		s.want("process", "{written:60000,day:1440000,per-reading:100}")
		if got := s.lane("life"); !strings.HasPrefix(got, `{text:"19 years, at 1.4 MB a day from this process to a card of 10 MB;`) {
			s.Errorf("life is %s", got)
		}
	})
}

// A burst is forgotten after a day.
func TestDayPasses(t *testing.T) {
	run(t, card(), func(s *site) {
		s.spend(time.Minute, 1e6, 0, 1)
		s.spend(26*time.Hour, 10, 0, 1)
		s.want("rate", `{hour:14400,day:14400,seconds:86460,by:"disk card"}`)
		s.want("per-reading", `{bytes:10,by:"disk card"}`)
		if n, m := len(s.meter.lastHour.kept), len(s.meter.lastDay.kept); n > 62 || m > 98 {
			s.Errorf("%d and %d samples are kept", n, m)
		}
	})
}

// A process cannot write more than its disk, whatever the kernel counts for it.
func TestDiskBounds(t *testing.T) {
	run(t, card(), func(s *site) {
		s.spend(time.Hour, 1_000_000, -999_000, 10)
		s.want("process", "{written:60000,day:1440000,per-reading:100}")
		s.want("written", "60000")
	})
}

func TestBudget(t *testing.T) {
	c := card()
	budget := size.Bytes(2_000_000)
	c.Budget = &budget
	run(t, c, func(s *site) {
		var log, history int64
		s.set(func() {
			s.parts = func() []Part {
				return []Part{{"the log of the database", log, "raise commit in [host]"}, {"history", history, ""}}
			}
		})
		s.spend(time.Minute, 0, 0, 0)
		s.wantCondition("") // 10,000 bytes a minute are more, but not long enough
		for range 58 {
			s.set(func() { log, history = log+7000, history+2000 })
			s.spend(time.Minute, 10_000, 0, 0)
			if got := s.condition(); got != "" {
				s.Fatalf("before an hour is over: %s", got)
			}
		}
		s.spend(time.Minute, 10_000, 0, 0)
		s.wantCondition("the disk card is written 14 MB a day, of which this process writes 14 MB; the budget is 2 MB; a card of 10 MB lasts 706 days at that" +
			" (assumed: cells bear 2000 rewrites, and 2 bytes of them are written for each); most of it is the log of the database, 9.7 MB a day;" +
			" raise commit in [host]; if it is meant to be so much, raise budget in [wear]")

		s.spend(6*time.Hour, 0, 0, 0) // 590,000 in 7 hours are just above 2 MB a day,
		if s.condition() == "" {
			t.Errorf("at %s there is no condition", s.lane("rate"))
		}
		s.spend(20*time.Minute, 0, 0, 0) // then just below:
		if s.condition() == "" {
			t.Errorf("at %s the condition is gone", s.lane("rate"))
		}
		s.spend(time.Hour, 0, 0, 0)
		if got := s.condition(); got != "" {
			t.Errorf("at %s there is still %s", s.lane("rate"), got)
		}
	})
}

func TestNoBudget(t *testing.T) {
	c := card()
	c.Budget = new(size.Bytes)
	run(t, c, func(s *site) {
		s.spend(2*time.Hour, 1_000_000, 0, 0)
		s.wantCondition("")
	})
}

// Without parts or a card's size the condition has what there is.
func TestBudgetAlone(t *testing.T) {
	budget := size.Bytes(1000)
	run(t, Config{Rewrites: 3000, Amplification: 4, Card: 1e6, Budget: &budget}, func(s *site) {
		s.spend(time.Hour, 1000, 2000, 0)
		s.wantCondition("the disk card is written 4.3 MB a day, of which this process writes 1.4 MB; the budget is 1 kB; a card of 1 MB lasts 174 days at that" +
			" (assumed: cells bear 3000 rewrites, and 4 bytes of them are written for each);" +
			" see what else writes to it, such as the system's log or swap (iotop -ao shows who); if it is meant to be so much, raise budget in [wear]")
		// A new config is judged at once, by what was measured already.
		if err := s.host.Replace(node, s.meter.Kind(), card()); err != nil {
			s.Fatal(err)
		}
		synctest.Wait()
		if got := s.condition(); !strings.HasPrefix(got, "the disk card is written 4.3 MB a day, of which this process writes 1.4 MB; the budget is 2.7 MB") {
			s.Errorf("the condition is %q", got)
		}
		s.want("written", "180000")
		s.want("total", "180000")
		if err := s.host.Remove(s.Context(), node); err != nil {
			s.Fatal(err)
		}
	})
}

func TestUnknown(t *testing.T) {
	run(t, card(), func(s *site) {
		s.spend(time.Minute, 1000, 0, 1)
		s.set(func() { s.failing = errors.New("no counter here") })
		s.spend(time.Minute, 1000, 0, 1)
		for _, lane := range []route.LaneName{"written", "rate", "per-reading", "process"} {
			s.want(lane, "")
		}
		if got := s.lane("life"); !strings.HasPrefix(got, `{text:"not known: no counter here",`) {
			s.Errorf("life is %s", got)
		}
		s.set(func() { s.failing = nil })
		s.spend(time.Minute, 1000, 0, 1)
		s.want("written", "3000")
		s.want("rate", `{hour:1440000,day:1440000,seconds:180,by:"disk card"}`)
	})
}

// The total goes on where it was, is stored seldom, and is not lost while the counter cannot be read.
func TestTotalIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &site{T: t, dir: t.TempDir()}
		s.start(card())
		s.spend(2*time.Minute, 1000, 0, 1)
		s.want("total", "1000") // after a minute,
		before := s.store.Stats().Commits
		s.spend(88*time.Minute, 1000, 0, 1)
		s.want("total", "61000") // and an hour after that
		if n := s.store.Stats().Commits - before; n != 1 {
			t.Errorf("%d commits were made in 88 minutes, want 1", n)
		}
		s.stop()

		s.set(func() { s.failing = errors.New("no counter here") })
		s.start(card())
		s.spend(2*time.Hour, 1000, 0, 1)
		s.want("total", "90000")
		s.stop()

		s.set(func() { s.failing = nil })
		s.start(card())
		s.want("total", "90000")
		s.spend(10*time.Minute, 1000, 0, 1)
		s.want("total", "91000")
		if got := s.meter.Stats().Total; got != 100_000 {
			t.Errorf("Stats().Total = %d, want 100000", got)
		}
		// Another config, in the same process: what it has written is not counted again.
		if err := s.host.Replace(node, s.meter.Kind(), card()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		s.want("total", "100000")
		s.spend(time.Hour, 1000, 0, 1)
		s.stop()
		s.start(card())
		s.want("total", "160000")
		s.stop()
	})
}
