package store

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/clock"
	"selvage/edge/route"
)

// at loads the stamp of the only value of a node.
func at(t *testing.T, s *Store) clock.Stamp {
	t.Helper()
	lanes, err := s.Load("/n")
	if err != nil || len(lanes) == 0 {
		t.Fatalf("Load = %v, %v", lanes, err)
	}
	return lanes[0].At
}

func TestEarlyStampsGetTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		synced := false
		first := clock.New("boot 1", func() bool { return synced })
		s := openWith(t, Options{Dir: dir, Clock: first})
		took := first.Now()
		early := took // at what a board without a clock chip shows
		l := newLane(s, "/n", "a")
		save(t, s, func(b *Batch) { b.Value(l.id, []byte("1"), early) })
		if got := at(t, s); got != early {
			t.Errorf("while the time is not known: %+v, want %+v", got, early)
		}

		time.Sleep(time.Hour)
		synced = true
		want := took
		want.Trusted = true
		if got := at(t, s); got != want {
			t.Errorf("now that the clock can be trusted: %+v, want %+v", got, want)
		}
		newLane(s, "/other", "b").set("2")
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}

		// In another boot, whose own time nobody knows, the first one's offset is on flash.
		s = openWith(t, Options{Dir: dir, Clock: clock.New("boot 2", func() bool { return false })})
		if got := at(t, s); got != want {
			t.Errorf("in the next boot: %+v, want %+v", got, want)
		}
	})
}

func TestCloseRecordsTheOffset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		synced := false
		c := clock.New("boot 1", func() bool { return synced })
		s := openWith(t, Options{Dir: dir, Clock: c})
		newLane(s, "/n", "a").set("1")
		took := time.Now()
		flush(t, s)
		time.Sleep(time.Minute)
		synced = true // and nothing changes any more
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openWith(t, Options{Dir: dir, Clock: clock.New("boot 2", func() bool { return false })})
		if got := at(t, s); !got.Trusted || !got.Time().Equal(took) {
			t.Errorf("stamp = %+v, want trusted %v", got, took)
		}
	})
}

// TestTimeOfBootStays: the time that early stamps have got stays, whatever the clock does later.
func TestTimeOfBootStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		c := clock.New("boot 1", func() bool { return false })
		s := openWith(t, Options{Dir: dir, Clock: c})
		took := c.Now()
		save(t, s, func(b *Batch) { b.Value(s.Lane("/n", "a", "value"), []byte("1"), took) })
		day := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
		time.Sleep(time.Minute)
		for _, told := range []time.Time{day, day.Add(11 * time.Millisecond), day.Add(-time.Hour), day.Add(100 * time.Hour)} {
			c.Learn(told) // the store is told, and nothing else is to be saved
			time.Sleep(time.Second)
			if got := at(t, s); !got.Trusted || !got.Time().Equal(day.Add(-time.Minute)) {
				t.Errorf("told %v: %v, want %v", told, got.Time().UTC(), day.Add(-time.Minute))
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openWith(t, Options{Dir: dir, Clock: clock.New("boot 2", func() bool { return false })})
		if got := at(t, s); !got.Trusted || !got.Time().Equal(day.Add(-time.Minute)) {
			t.Errorf("in the next boot: %v, want %v", got.Time().UTC(), day.Add(-time.Minute))
		}
	})
}

// TestAssumedTimes: a boot whose time nobody knows was when its clock says, unless that cannot be.
func TestAssumedTimes(t *testing.T) {
	const known = true
	type row struct {
		shown, ended int // hours since 1970
		known        bool
		want         int
	}
	for _, tt := range []struct {
		name string
		rows []row
	}{
		{"no clock chip", []row{{0, 5, !known, 0}, {0, 7, !known, 5}, {0, 0, !known, 12}}},
		{"after one that is known", []row{{100, 5, known, 100}, {0, 7, !known, 105}, {200, 0, known, 200}}},
		{"a chip that is right", []row{{100, 5, known, 100}, {110, 7, !known, 110}, {200, 0, known, 200}}},
		{"a chip that is late", []row{{100, 5, known, 100}, {103, 7, !known, 105}, {200, 0, known, 200}}},
		{"a chip that is ahead", []row{{100, 5, known, 100}, {900, 7, !known, 193}, {200, 0, known, 200}}},
		{"two that are ahead", []row{{900, 7, !known, 189}, {901, 4, !known, 196}, {200, 0, known, 200}}},
	} {
		b := &boots{byName: map[clock.BootID]*boot{}, byID: map[int64]*boot{}}
		for i, r := range tt.rows {
			shown := time.Duration(r.shown) * time.Hour
			b.add(&boot{id: int64(i + 1), shown: shown, known: r.known, offset: shown, ended: time.Duration(r.ended) * time.Hour})
		}
		b.assume()
		for i, r := range tt.rows {
			if got := b.time(int64(i+1), clock.System()).offset; got != time.Duration(r.want)*time.Hour {
				t.Errorf("%s: boot %d began at %v, want %dh", tt.name, i+1, got, r.want)
			}
		}
	}
}

// TestRetentionWithoutTime: by age goes what is known to be older, be its stamps of 1970 or of the future.
func TestRetentionWithoutTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		start := func(name clock.BootID) (*Store, *clock.Clock, LaneID) {
			c := clock.New(name, func() bool { return false })
			s := openWith(t, Options{Dir: dir, Clock: c})
			s.SetRules(func(route.NodeURI, route.LaneName) (Keep, bool) { return Keep{For: 10 * time.Hour}, true })
			return s, c, s.Lane("/n", "a", "value")
		}
		point := func(s *Store, a LaneID, text string, at clock.Stamp) {
			save(t, s, func(b *Batch) { b.Point(a, []byte(text), at, false) })
			seal(t, s)
		}
		left := func(s *Store) string {
			t.Helper()
			save(t, s, func(*Batch) {
				if _, err := s.writer.retain(s.keep, s.opts.History); err != nil {
					t.Error(err)
				}
			})
			h, err := s.History("/n", "a", time.Time{}, time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			text := ""
			for p, ok := h.Next(); ok; p, ok = h.Next() {
				text += string(p.Body)
			}
			return text
		}
		s, c, a := start("boot 1")
		point(s, a, "a", c.Now())
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s, c, a = start("boot 2")
		point(s, a, "b", c.Now())
		if got := left(s); got != "ab" {
			t.Errorf("while no time is known %s is left, want ab", got)
		}
		c.Learn(began)
		flush(t, s)
		future := c.Now()
		future.Wall += int64(1000 * time.Hour)
		point(s, a, "F", future)
		for _, step := range []struct {
			sleep time.Duration
			want  string
		}{
			{0, "abF"}, {9 * time.Hour, "abF"}, {2 * time.Hour, ""}, // of boot 1 it is known only that it was before boot 2
		} {
			time.Sleep(step.sleep)
			if got := left(s); got != step.want {
				t.Errorf("%v later %s is left, want %s", step.sleep, got, step.want)
			}
		}
	})
}

func TestNeverStaysNever(t *testing.T) {
	s := openWith(t, Options{Dir: t.TempDir(), Clock: clock.New("b", func() bool { return true })})
	save(t, s, func(b *Batch) { b.Value(s.Lane("/n", "a", "value"), []byte("1"), clock.Stamp{}) })
	if got := at(t, s); !got.IsZero() {
		t.Errorf("a zero stamp came back as %+v", got)
	}
}

// TestOrderOfUntrusted: the two times of a stamp are read one after the other, and the thread may be halted in between.
func TestOrderOfUntrusted(t *testing.T) {
	s := open(t, t.TempDir())
	a := s.Lane("/n", "a", "value")
	var want []string
	for i, at := range []struct{ mono, wall time.Duration }{
		{100_000, 1100_600}, // µs
		{100_300, 1100_700}, // halted for 0.2 ms
		{100_310, 1100_910},
		{100_350, 1100_950},
		{100_950, 1101_550},
	} {
		want = append(want, fmt.Sprint(i))
		save(t, s, func(b *Batch) {
			b.Point(a, fmt.Append(nil, i), clock.Stamp{Boot: "b", Mono: at.mono * time.Microsecond, Wall: int64(at.wall * time.Microsecond)}, false)
		})
	}
	list := func() (all []string) {
		h, err := s.History("/n", "a", time.Time{}, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		for p, ok := h.Next(); ok; p, ok = h.Next() {
			all = append(all, string(p.Body))
		}
		return all
	}
	if got := list(); !slices.Equal(got, want) {
		t.Errorf("the order is %v, want %v", got, want)
	}
	seal(t, s)
	if got := list(); !slices.Equal(got, want) {
		t.Errorf("sealed, the order is %v, want %v", got, want)
	}
}
