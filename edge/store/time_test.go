package store

import (
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/clock"
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
		early := took
		early.Wall = 42e9 // what a board without a clock chip shows
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

func TestOffsetIsWrittenWhenItMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		c := clock.New("boot 1", func() bool { return false })
		s := openWith(t, Options{Dir: dir, Clock: c})
		l := newLane(s, "/n", "a")
		offset := func() (ns int64) {
			t.Helper()
			l.set("x")
			flush(t, s)
			r, err := openReader(s.path)
			if err != nil {
				t.Fatal(err)
			}
			defer r.c.close()
			if ns, err = r.c.number("SELECT coalesce(max(offset_ns), 0) FROM boot WHERE boot = 'boot 1'"); err != nil {
				t.Fatal(err)
			}
			return ns
		}
		if got := offset(); got != 0 {
			t.Errorf("offset %d while the clock cannot be trusted", got)
		}
		day := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
		for _, tt := range []struct {
			name string
			told time.Time
			want time.Time
		}{
			{"first", day, day},
			{"10 ms later", day.Add(offsetStep), day},
			{"11 ms later", day.Add(11 * time.Millisecond), day.Add(11 * time.Millisecond)},
			{"an hour back", day.Add(-time.Hour), day.Add(-time.Hour)},
		} {
			c.Learn(tt.told)
			if got, want := offset(), tt.want.UnixNano()-int64(c.Now().Mono); got != want {
				t.Errorf("%s: offset %v, want %v", tt.name, time.Duration(got), time.Duration(want))
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
