package store

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/clock"
	"selvage/edge/recon"
	"selvage/edge/series"
)

// told is a point as it was handed to the store.
type told struct {
	n    int
	boot int // of the board; 0 for a late one, which has its time from elsewhere
	at   clock.Stamp
}

// board is one that boots, learns the time or not, loses power and boots again, with a store that is told all.
type board struct {
	t     *testing.T
	r     *rand.Rand
	steps bool // its clock is set more than once
	dir   string
	s     *Store
	clock *clock.Clock
	boot  int
	first map[int]time.Duration // wall minus monotonic time of a boot when it first knew it
	all   []told
}

var began = time.Date(2026, 10, 25, 0, 0, 0, 0, time.UTC) // when in Europe 02:30 comes twice

func (b *board) open() {
	b.s = openWith(b.t, Options{Dir: b.dir, Clock: b.clock})
}

// restart ends the store, in order or by a loss of power, and opens it again.
func (b *board) restart() {
	if b.r.IntN(2) == 0 {
		dir := b.t.TempDir()
		for _, name := range []string{fileName, fileName + "-wal"} {
			text, err := os.ReadFile(filepath.Join(b.dir, name))
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, name), text, 0o600)
			}
			if err != nil && !os.IsNotExist(err) {
				b.t.Fatal(err)
			}
		}
		b.s.Close() // what it does is not in the copy
		b.dir = dir
		return
	}
	if err := b.s.Close(); err != nil {
		b.t.Fatal(err)
	}
}

func (b *board) power() {
	b.boot++
	b.clock = clock.New(clock.BootID(fmt.Sprint("boot ", b.boot)), func() bool { return false })
}

// learn sets the clock, off by some time.
func (b *board) learn(off time.Duration) {
	b.clock.Learn(began.Add(time.Since(epoch2000) + off))
	if _, ok := b.first[b.boot]; !ok {
		b.first[b.boot] = offsetOf(b.clock.Now())
	}
	b.check() // before a commit has it
	flush(b.t, b.s)
}

var epoch2000 = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // when a synctest bubble begins

func (b *board) point() {
	n := len(b.all)
	p := told{n: n, boot: b.boot, at: b.clock.Now()}
	late := false
	if b.r.IntN(8) == 0 && n > 0 {
		p.boot, late = 0, true
		p.at = clock.Stamp{Wall: began.Add(time.Duration(b.r.Int64N(int64(time.Since(epoch2000) + 1)))).UnixNano(), Trusted: true}
	}
	b.all = append(b.all, p)
	body := fmt.Sprintf("{value:%d,at:%d,quality:good}", n, p.at.Wall/int64(time.Millisecond))
	if !p.at.Trusted {
		body = fmt.Sprintf("%s,trusted:false,boot:%q,mono:%d}", strings.TrimSuffix(body, "}"), p.at.Boot, p.at.Mono.Milliseconds())
	}
	save(b.t, b.s, func(batch *Batch) {
		batch.Point(b.s.Lane("/n", "a", "value"), []byte(body), p.at, late)
		if late && b.r.IntN(2) == 0 { // told again
			batch.Point(b.s.Lane("/n", "a", "value"), []byte(body), p.at, late)
		}
	})
	if late && b.r.IntN(2) == 0 {
		if b.r.IntN(3) == 0 {
			seal(b.t, b.s)
		}
		save(b.t, b.s, func(batch *Batch) { batch.Point(b.s.Lane("/n", "a", "value"), []byte(body), p.at, late) })
	}
}

// want is the time that a point ought to have by now.
func (b *board) want(p told) (at time.Time, known bool) {
	if p.at.Trusted {
		return p.at.Time(), true
	}
	first, known := b.first[p.boot]
	return time.Unix(0, int64(p.at.Mono+first)), known
}

func (b *board) check() {
	t := b.t
	t.Helper()
	h, err := b.s.History("/n", "a", time.Time{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[int]Point{}
	place := map[int]int{}
	last := int64(math.MinInt64)
	minutes := map[int64]*series.Span{}
	for p, ok := h.Next(); ok; p, ok = h.Next() {
		v, err := recon.Parse(p.Body)
		if err != nil {
			t.Fatal(err)
		}
		n64, _ := v.Get("value").Int()
		n := int(n64)
		if _, twice := got[n]; twice {
			t.Fatalf("point %d comes twice", n)
		}
		got[n], place[n] = p, len(place)
		if p.At.Wall < last {
			t.Fatalf("point %d is at %v, behind one of %v", n, p.At.Time().UTC(), time.Unix(0, last).UTC())
		}
		last = p.At.Wall
		if at, _ := v.Get("at").Int(); p.At.Trusted && (at != p.At.Wall/1e6 || v.Len() != 3) {
			t.Fatalf("point %d at %d says %s", n, p.At.Wall/1e6, p.Body)
		}
		start := floor(p.At.Wall/1e6, 60_000)
		if minutes[start] == nil {
			minutes[start] = &series.Span{Start: start}
		}
		minutes[start].Add(float64(n))
	}
	if err := h.Err(); err != nil {
		t.Fatal(err)
	}
	if len(got) != len(b.all) {
		t.Fatalf("%d points are there, %d were told", len(got), len(b.all))
	}
	var before []int // not late, as told
	for _, p := range b.all {
		at, known := b.want(p)
		if g := got[p.n]; g.At.Trusted != known || known && g.At.Time().Sub(at).Abs() > time.Millisecond {
			t.Fatalf("point %d of boot %d is at %v (trusted: %v), want %v (%v)", p.n, p.boot, g.At.Time().UTC(), g.At.Trusted, at.UTC(), known)
		}
		if p.boot > 0 && !b.steps {
			before = append(before, place[p.n])
		}
	}
	if !slices.IsSorted(before) {
		t.Fatalf("points are not in the order in which they were measured: %v", before)
	}
	spans, err := b.s.Rolled("/n", "a", time.Time{}, time.Time{}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range spans {
		if w := minutes[s.Start]; w == nil || *w != s {
			t.Fatalf("minute %d: rolled up %+v, want %+v", s.Start, s, w)
		}
		delete(minutes, s.Start)
	}
	if len(minutes) > 0 {
		t.Fatalf("%d minutes are not rolled up", len(minutes))
	}
	list := 0
	for after := uint64(0); ; {
		points, upto, err := b.s.Feed(after, 100)
		if err != nil {
			t.Fatal(err)
		}
		if len(points) == 0 {
			break
		}
		for _, p := range points {
			v, _ := recon.Parse(p.Body)
			n, _ := v.Get("value").Int()
			if g := got[int(n)]; g.Seq != p.Seq || g.At != p.At || string(g.Body) != string(p.Body) {
				t.Fatalf("the feed has %+v, the history %+v", p, g)
			}
		}
		list, after = list+len(points), upto
	}
	if list != len(b.all) {
		t.Fatalf("the feed has %d points, want %d", list, len(b.all))
	}
	newest := -1
	for _, p := range b.all {
		if p.boot > 0 {
			newest = p.n
		}
	}
	if newest >= 0 {
		lanes, err := b.s.Load("/n")
		if err != nil {
			t.Fatal(err)
		}
		if string(lanes[0].Value) != string(got[newest].Body) {
			t.Fatalf("the lane holds %s, want %s", lanes[0].Value, got[newest].Body)
		}
	}
}

// TestHonestTime: whatever the clock of a board does, and whenever its power goes, each point has its right time or
// none, stands in its place, and is there once.
func TestHonestTime(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := rand.New(rand.NewPCG(seed, 1))
				b := &board{t: t, r: r, steps: seed%2 == 1, dir: t.TempDir(), first: map[int]time.Duration{}}
				b.power()
				b.open()
				for range 150 {
					time.Sleep(time.Duration(r.IntN(90_000)) * time.Millisecond)
					switch r.IntN(16) {
					case 0, 1:
						seal(t, b.s)
					case 2:
						b.restart()
						b.open()
					case 3:
						if r.IntN(2) == 0 {
							b.restart()
							time.Sleep(time.Duration(r.IntN(3_600_000)) * time.Millisecond)
							b.power()
							b.open()
						}
					case 4:
						_, knows := b.first[b.boot]
						switch {
						case b.steps:
							b.learn(time.Duration(r.IntN(7200)-3600) * time.Second)
						case !knows:
							b.learn(0)
						}
					case 5:
						b.check()
					default:
						b.point()
					}
				}
				b.check()
				seal(t, b.s)
				b.check()
			})
		})
	}
}
