package agent

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"selvage/edge/recon"
	"selvage/edge/route"
)

// replica is a reader's picture of a list lane, kept as SwimOS clients keep theirs: an element is
// looked up by its key, its index says only where a new one goes. It is stricter than they are:
// each index has to be right.
type replica struct {
	tail *Tail
	sync func() ([]byte, bool) // under way
	has  []keyed

	events, clears int
}

type keyed struct{ key, value string }

func newReplica(t *Tail) *replica { return &replica{tail: t} }

func (r *replica) read(t *testing.T) bool {
	if r.sync != nil {
		if b, ok := r.sync(); ok {
			r.apply(t, b)
			return true
		}
		r.sync = nil
	}
	b, ok := r.tail.Next()
	if ok {
		r.apply(t, b)
	}
	return ok
}

func (r *replica) readAll(t *testing.T) {
	for r.read(t) {
	}
}

func (r *replica) values() (values []string) {
	for _, e := range r.has {
		values = append(values, e.value)
	}
	return values
}

func (r *replica) apply(t *testing.T, body []byte) {
	t.Helper()
	v, err := recon.Parse(body)
	if err != nil {
		t.Fatalf("event %s: %v", body, err)
	}
	r.events++
	tag := v.Tag()
	h := v.Header(tag)
	number := func(v recon.Value) int {
		n, ok := v.Int()
		if !ok {
			t.Fatalf("event %.80s", body)
		}
		return int(n)
	}
	key := h.Get("key").String()
	at := slices.IndexFunc(r.has, func(e keyed) bool { return e.key == key })
	known := func(name string) int {
		if i := number(h.Get(name)); i != at {
			t.Fatalf("event %.80s: the element is at %d of %v", body, at, r.has)
		}
		return at
	}
	switch tag {
	case "update":
		e := keyed{key, v.Body().String()}
		if at >= 0 {
			r.has[known("index")] = e
			return
		}
		i := number(h.Get("index"))
		if i > len(r.has) || key == "" {
			t.Fatalf("event %.80s: there are %d elements", body, len(r.has))
		}
		r.has = slices.Insert(r.has, i, e)
	case "move":
		i := known("from")
		e := r.has[i]
		r.has = slices.Insert(slices.Delete(r.has, i, i+1), number(h.Get("to")), e)
	case "remove":
		i := known("index")
		r.has = slices.Delete(r.has, i, i+1)
	case "drop":
		r.has = slices.Delete(r.has, 0, min(max(number(h.Index(0)), 0), len(r.has)))
	case "take":
		r.has = r.has[:min(max(number(h.Index(0)), 0), len(r.has))]
	case "clear":
		r.clears++
		r.has = nil
	default:
		t.Fatalf("event %s", body)
	}
}

// remembered is what a store that has kept rows gives back of the lane.
func (k keep) remembered(lane string) map[route.LaneName]Snapshot {
	s := Snapshot{Kind: ListKind}
	for key, row := range k {
		s.Entries = append(s.Entries, Entry{Key: []byte(strings.TrimPrefix(key, lane+"/")), Value: []byte(row)})
	}
	return map[route.LaneName]Snapshot{route.LaneName(lane): s}
}

// Whatever the agent and its clients do to a list, and however a reader lags, syncs or comes late:
// once it has read all events, its list is the lane's. The same holds for the store, over restarts
// of the agent and of the host.
func TestListReaders(t *testing.T) {
	anew := 0
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 2))
		o := newLoop(t)
		var l *ListLane[string]
		setup := func(a *Agent) {
			l = List[string](a, "l")
			l.log.room = 800 // so that readers do lag too far
		}
		stored := keep{}
		a := o.add("/a", setup)
		var readers []*replica
		value := func() string { return strings.Repeat("v", 1+rng.IntN(60)) + fmt.Sprint(rng.IntN(1000)) }
		index := func() int { return rng.IntN(l.Len() + 1) }
		change := func() {
			switch n := rng.IntN(24); {
			case n < 6:
				l.Append(value())
			case n < 9:
				l.Insert(index(), value())
			case n < 13 && l.Len() > 0:
				l.Set(rng.IntN(l.Len()), value())
			case n < 16 && l.Len() > 0:
				l.Move(rng.IntN(l.Len()), rng.IntN(l.Len()))
			case n < 19 && l.Len() > 0:
				l.Remove(rng.IntN(l.Len()))
			case n == 20:
				l.Drop(rng.IntN(4) - 1)
			case n == 21:
				l.Take(l.Len() - rng.IntN(4) + 1)
			case n == 22 && rng.IntN(6) == 0:
				l.Clear()
			}
		}
		command := func() string {
			key := fmt.Sprint("c", rng.IntN(12))
			switch rng.IntN(8) {
			case 0, 1, 2, 3:
				return fmt.Sprintf("@update(key:%s,index:%d) %s", key, index(), value())
			case 4:
				return fmt.Sprintf("@move(key:%s,from:%d,to:%d)", key, index(), index())
			case 5:
				return fmt.Sprintf("@remove(key:%s,index:%d)", key, index())
			case 6:
				return fmt.Sprintf("@remove(index:%d)", index())
			}
			return fmt.Sprintf("@update(index:%d) %s", index(), value())
		}
		for range 400 {
			switch n := rng.IntN(24); {
			case n < 8:
				o.do(a, func() {
					for range rng.IntN(4) {
						change()
					}
				})
			case n < 13:
				o.command(a, "l", command())
			case n < 15 && len(readers) < 5:
				r := newReplica(a.Lane("l").Open(&reader{}))
				r.sync = r.tail.State()
				readers = append(readers, r)
			case n == 15 && len(readers) > 0:
				i := rng.IntN(len(readers))
				readers[i].tail.Close()
				readers = slices.Delete(readers, i, i+1)
			case n == 16:
				a.Save(stored)
			case n == 17 && rng.IntN(6) == 0:
				o.do(a, func() { change(); panic("spilt") })
				if err := a.Start(); err != nil {
					t.Fatal(err)
				}
			case n == 18 && len(readers) > 0:
				r := readers[rng.IntN(len(readers))]
				r.sync = r.tail.State()
			default:
				if len(readers) > 0 {
					r := readers[rng.IntN(len(readers))]
					for range rng.IntN(6) {
						r.read(t)
					}
				}
			}
			if max := max(l.log.room, l.log.size); l.log.bytes > max {
				t.Fatalf("seed %d: the lane keeps %d bytes of operations, want at most %d", seed, l.log.bytes, max)
			}
		}
		var truth []string
		for _, v := range l.All() {
			truth = append(truth, v)
		}
		for i, r := range readers {
			r.readAll(t)
			anew += r.clears
			if !slices.Equal(r.values(), truth) {
				t.Fatalf("seed %d: reader %d has %q, the lane %q", seed, i, r.values(), truth)
			}
		}
		if g := l.log; g.late != 0 || len(g.slots) != 0 || g.bytes != 0 || len(g.readers) != len(readers) {
			t.Errorf("seed %d: the lane keeps %d operations, %d bytes, for %d late readers when all have everything", seed, len(g.slots), g.bytes, g.late)
		}
		a.Save(stored)
		again := newLoop(t).make("/a", setup)
		again.Remember(stored.remembered("l"))
		if err := again.Start(); err != nil {
			t.Fatal(err)
		}
		r := newReplica(again.Lane("l").Open(&reader{}))
		r.sync = r.tail.State()
		if r.readAll(t); !slices.Equal(r.values(), truth) {
			t.Fatalf("seed %d: stored is %q, the lane was %q", seed, r.values(), truth)
		}
	}
	if anew < 200 {
		t.Errorf("readers were told the state anew %d times in 200 runs: too few to mean something", anew)
	}
}
