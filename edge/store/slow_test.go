package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/route"
)

// savePoints saves that many points of a lane, one a second, three of them in one commit.
func savePoints(t testing.TB, s *Store, lane LaneID, from, to int) {
	t.Helper()
	for i := from; i < to; i += 3 {
		save(t, s, func(b *Batch) {
			for j := i; j < min(i+3, to); j++ {
				b.Point(lane, fmt.Appendf(nil, "%d", j), moment(j), false)
			}
		})
	}
}

// Who rests misses nothing, whatever happens meanwhile, and has nothing twice.
func TestHistoryRests(t *testing.T) {
	s := open(t, t.TempDir())
	a := s.Lane("/n", "a", "value")
	savePoints(t, s, a, 0, 30)
	seal(t, s)
	savePoints(t, s, a, 30, 40)
	save(t, s, func(b *Batch) { b.Point(a, []byte("thirty-five"), moment(35), true) }) // at the same time as another
	h, err := s.History("/n", "a", time.Time{}, moment(45).Time())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for p, ok := h.Next(); ok; p, ok = h.Next() {
		got = append(got, string(p.Body))
		h.Rest()
		switch len(got) {
		case 10:
			save(t, s, func(b *Batch) { b.Point(a, []byte("too late"), moment(5), true) })
		case 36:
			seal(t, s)
			savePoints(t, s, a, 40, 50)
		}
	}
	var want []string
	for i := range 45 {
		if want = append(want, fmt.Sprint(i)); i == 35 {
			want = append(want, "thirty-five")
		}
	}
	if err := h.Err(); err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, want %v; %v", got, want, err)
	}
}

func TestNewest(t *testing.T) {
	s := open(t, t.TempDir())
	a, b := s.Lane("/n", "a", "value"), s.Lane("/n", "b", "value")
	savePoints(t, s, a, 0, 30)
	savePoints(t, s, b, 0, 3)
	seal(t, s)
	savePoints(t, s, a, 30, 33)
	save(t, s, func(batch *Batch) {
		batch.Point(a, []byte("31"), moment(31), false)
		batch.Point(a, []byte("seven"), moment(7), true)
		for range 9 {
			batch.Point(b, []byte("2"), moment(2), false)
		}
	})
	seal(t, s)
	for _, tt := range []struct {
		lane  route.LaneName
		count int
		want  string
	}{
		{"a", 1, "32"}, {"a", 2, "31 31 32"}, {"a", 4, "29 30 31 31 32"}, {"a", 32, "1 2 3 4 5 6 7 seven 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 31 32"},
		{"b", 2, "1 2 2 2 2 2 2 2 2 2 2"}, {"b", 100, "0 1 2 2 2 2 2 2 2 2 2 2"}, {"none", 3, ""},
	} {
		h, err := s.Newest("/n", tt.lane, tt.count)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for p, ok := h.Next(); ok; p, ok = h.Next() {
			got = append(got, string(p.Body))
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("the newest %d of %s: %v, want %s", tt.count, tt.lane, got, tt.want)
		}
	}
}

// Who wants to know what is dropped of a lane is told just that, after it is gone.
func TestDrops(t *testing.T) {
	s := open(t, t.TempDir())
	s.SetRules(func(_ route.NodeURI, lane route.LaneName) (Keep, bool) { return Keep{Points: 4}, lane != "c" })
	var drops []Drop
	s.OnDrop(
		func(_ route.NodeURI, lane route.LaneName) bool { return lane != "b" },
		func(d Drop) { drops = append(drops, d) })
	a, b := s.Lane("/n", "a", "value"), s.Lane("/n", "b", "value")
	retain := func() {
		seal(t, s)
		save(t, s, func(*Batch) { (&saving{Store: s}).retain() })
	}
	savePoints(t, s, a, 0, 3)
	savePoints(t, s, b, 0, 3)
	retain()
	save(t, s, func(batch *Batch) { batch.Point(a, []byte("2"), moment(2), false) })
	savePoints(t, s, a, 3, 6)
	savePoints(t, s, b, 3, 9)
	before := s.Round()
	retain()
	ms := func(i int) int64 { return moment(i).Wall / 1e6 }
	if len(drops) != 1 || drops[0].Lane != "a" || drops[0].Node != "/n" || drops[0].Round <= before || !slices.Equal(drops[0].At, []int64{ms(0), ms(1), ms(2)}) {
		t.Errorf("dropped were %v", drops)
	}
	if got := history(t, s, "/n", "a", time.Time{}, time.Time{}); got != "2=2 3=3 4=4 5=5" {
		t.Errorf("left is %s", got)
	}
}

// Who only reads does not hurry a commit, but does not wait for long either.
func TestSettle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openWith(t, Options{Dir: t.TempDir(), Commit: time.Minute})
		defer s.Close()
		for _, tt := range []struct{ within, want time.Duration }{{2 * time.Second, 2 * time.Second}, {time.Hour, time.Minute}} {
			newLane(s, "/n", "a").set("1")
			began := time.Now()
			if err := s.Settle(t.Context(), tt.within); err != nil || time.Since(began) != tt.want {
				t.Errorf("within %v it took %v: %v", tt.within, time.Since(began), err)
			}
			if err := s.Settle(t.Context(), tt.within); err != nil || time.Since(began) != tt.want {
				t.Errorf("with nothing to save it took longer: %v", err)
			}
		}
	})
}
