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

func TestNeverStaysNever(t *testing.T) {
	s := openWith(t, Options{Dir: t.TempDir(), Clock: clock.New("b", func() bool { return true })})
	save(t, s, func(b *Batch) { b.Value(s.Lane("/n", "a", "value"), []byte("1"), clock.Stamp{}) })
	if got := at(t, s); !got.IsZero() {
		t.Errorf("a zero stamp came back as %+v", got)
	}
}
