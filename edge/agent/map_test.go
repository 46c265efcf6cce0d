package agent

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"selvage/edge/recon"
)

func TestMapLane(t *testing.T) {
	o := newLoop(t)
	a := o.add("/a", func(a *Agent) { Map[recon.Value, recon.Value](a, "m") })
	tail := a.Lane("m").Open(&reader{})
	// From the reference's transcript map-basic.
	for _, step := range []struct{ in, out string }{
		{`@update(key:a) 1`, `@update(key:a) 1`},
		{`@update(key:b) 2`, `@update(key:b) 2`},
		{`@update(key:c){x:1,y:2}`, `@update(key:c){x:1,y:2}`},
		{`@update(key:"k 4") "v 4"`, `@update(key:"k 4")"v 4"`},
		{`@update(key:5) @tag 5`, `@update(key:5)@tag 5`},
		{`@update(key:{x:1}) rec`, `@update(key:{x:1}) rec`},
		{`@remove(key:b)`, `@remove(key:b)`},
		{`@remove(key:zz)`, ``},
		{`@drop(1)`, `@drop(1)`},
		{`@take(2)`, `@take(2)`},
		{`@clear`, `@clear`},
	} {
		if err := o.command(a, "m", step.in); err != nil {
			t.Errorf("%s: %v", step.in, err)
		}
		var out []string
		if step.out != "" {
			out = []string{step.out}
		}
		want(t, step.in, drain(tail), out)
	}
	for _, bad := range []string{"5", "@put(key:a) 1", "@update(key:a"} {
		if err := o.command(a, "m", bad); err == nil {
			t.Errorf("command %s was taken", bad)
		}
		want(t, bad, drain(tail), nil)
	}
}

// However an update is spelled, it is the same.
func TestMapSpellings(t *testing.T) {
	o := newLoop(t)
	var m *MapLane[recon.Value, recon.Value]
	a := o.add("/a", func(a *Agent) { m = Map[recon.Value, recon.Value](a, "m") })
	for _, c := range []struct{ in, key, value string }{
		{`@update(key:a) 1`, "a", "1"}, {`@update(key:"a") 1`, "a", "1"}, {`@update(key:a)1`, "a", "1"}, {`@update(key:a)  1`, "a", "1"},
		{`@update(key:-5) -5.5`, "-5", "-5.5"}, {`@update(key:true) false`, "true", "false"}, {`@update(key:a) 1-2`, "a", "1 - 2"},
		{`@update(key:0xff) 1e3`, "0x000000ff", "1000"}, {`@update(key:a){5}`, "a", "5"}, {`@update(key:a) {x:1}`, "a", "{x:1}"}, {`@update(key:a)`, "a", ""},
	} {
		if err := o.command(a, "m", c.in); err != nil {
			t.Errorf("%s: %v", c.in, err)
		}
		for k, v := range m.All() {
			if k.String() != c.key || v.String() != c.value {
				t.Errorf("%s sets %s to %s, want %s to %s", c.in, k, v, c.key, c.value)
			}
		}
		o.do(a, m.Clear)
	}
	for _, bad := range []string{`@update(key:a) 1a`, `@update(key:01) 1`, `@update(key:a) 1 2`, `@update(key:a) .5`, `@update(key:1.) 1`} {
		if err := o.command(a, "m", bad); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

// The first entries are the first in the order of keys.
func TestMapOrder(t *testing.T) {
	o := newLoop(t)
	var m *MapLane[recon.Value, int]
	a := o.add("/a", func(a *Agent) { m = Map[recon.Value, int](a, "m") })
	for i, key := range []string{"b", "10", "true", "a", "9", "{x:1}", "%AA=="} {
		if err := o.command(a, "m", fmt.Sprintf("@update(key:%s) %d", key, i)); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct{ in, left string }{
		{"@drop(1)", "%AA== a b 9 10 true"}, {"@take(5)", "%AA== a b 9 10"}, {"@drop(2)", "b 9 10"}, {"@take(1)", "b"},
	} {
		if err := o.command(a, "m", step.in); err != nil {
			t.Fatal(err)
		}
		var keys []string
		for key := range m.All() {
			keys = append(keys, key.String())
		}
		if got := strings.Join(keys, " "); got != step.left {
			t.Errorf("after %s there are %s, want %s", step.in, got, step.left)
		}
	}
}

func TestMapCoalesces(t *testing.T) {
	o := newLoop(t)
	var m *MapLane[string, int]
	a := o.add("/a", func(a *Agent) { m = Map[string, int](a, "m") })
	tail := a.Lane("m").Open(&reader{})
	o.do(a, func() {
		for i := range 200 {
			m.Set(fmt.Sprint("k", i%4), i)
		}
	})
	want(t, "200 puts over 4 keys", drain(tail), []string{
		"@update(key:k0) 196", "@update(key:k1) 197", "@update(key:k2) 198", "@update(key:k3) 199",
	})
	for i := range 100_000 {
		o.do(a, func() { m.Set(fmt.Sprint("new", i), i) })
		o.do(a, func() { m.Remove(fmt.Sprint("new", i)) })
	}
	if n := len(m.log.slots); n > 256 {
		t.Errorf("for a reader that reads nothing the lane keeps %d changes of 100,000 keys that came and went", n)
	}
	if n := len(m.log.sorted) + len(m.log.added); n > 256 {
		t.Errorf("the lane lists %d entries of 100,000 that came and went", n)
	}
	want(t, "keys that came and went unseen", drain(tail), nil)
}

// model is a reader's picture of a map lane, kept from the events it was sent alone.
type model struct {
	tail *Tail
	sync func() ([]byte, bool) // under way
	has  map[string]string
	keys map[string]recon.Value
}

// read takes the next event, of the sync under way if there is one.
func (m *model) read(t *testing.T) (ok bool) {
	if m.sync != nil {
		if b, ok := m.sync(); ok {
			m.apply(t, b)
			return true
		}
		m.sync = nil
	}
	b, ok := m.tail.Next()
	if ok {
		m.apply(t, b)
	}
	return ok
}

func (m *model) apply(t *testing.T, body []byte) {
	v, err := recon.Parse(body)
	if err != nil {
		t.Fatalf("event %s: %v", body, err)
	}
	switch tag := v.Tag(); tag {
	case "update":
		key := v.Header(tag).Get("key")
		m.has[key.String()], m.keys[key.String()] = v.Body().String(), key
	case "remove":
		delete(m.has, v.Header(tag).Get("key").String())
	case "clear":
		clear(m.has)
	case "drop", "take":
		n, _ := v.Header(tag).Items()[0].Value.Int()
		for len(m.has) > 0 && (tag == "drop" && n > 0 || tag == "take" && len(m.has) > int(max(n, 0))) {
			end, sign := "", 1
			if tag == "take" {
				sign = -1
			}
			for k := range m.has {
				if end == "" || sign*recon.Compare(m.keys[k], m.keys[end]) < 0 {
					end = k
				}
			}
			delete(m.has, end)
			n--
			if tag == "take" {
				n++
			}
		}
	default:
		t.Fatalf("event %s", body)
	}
}

// Whatever happens to a map lane, and however a reader lags, syncs or comes late: once it has read
// all events, its picture is the lane's state. The same holds for the store, over restarts.
// A reader that syncs anew while it lags keeps no entry that has gone meanwhile.
func TestMapSyncWhileBehind(t *testing.T) {
	o := newLoop(t)
	var m *MapLane[string, int]
	a := o.add("/a", func(a *Agent) { m = Map[string, int](a, "m") })
	tail := a.Lane("m").Open(&reader{})
	o.do(a, func() { m.Set("a", 1); m.Set("b", 2) })
	want(t, "the start", drain(tail), []string{"@update(key:a) 1", "@update(key:b) 2"})
	o.do(a, func() { m.Set("c", 3); m.Remove("a"); m.Set("b", 4) })
	want(t, "a sync while behind", all(tail.State()), []string{"@remove(key:a)", "@update(key:b) 4", "@update(key:c) 3"})
	o.do(a, func() { m.Clear(); m.Set("d", 5) })
	want(t, "a sync behind a clear", all(tail.State()), []string{"@clear", "@update(key:d) 5"})
	want(t, "what is left", drain(tail), nil)
}

func TestMapReaders(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		o := newLoop(t)
		var m *MapLane[int, int]
		stored := keep{}
		a := o.add("/a", func(a *Agent) { m = Map[int, int](a, "m") })
		lane := func() *Lane { return a.Lane("m") }
		var readers []*model
		for range 400 {
			switch n := rng.IntN(20); {
			case n < 9:
				o.do(a, func() {
					for range rng.IntN(4) {
						m.Set(rng.IntN(12), rng.IntN(1000))
					}
					if rng.IntN(3) == 0 {
						m.Remove(rng.IntN(12))
					}
				})
			case n < 11:
				o.do(a, func() { m.Remove(rng.IntN(12)); m.Set(rng.IntN(12), 0) })
			case n == 11:
				o.do(a, func() { m.Drop(rng.IntN(4) - 1) })
			case n == 12:
				o.do(a, func() { m.Set(1, 1); m.Take(rng.IntN(10)); m.Set(2, 2) })
			case n == 13 && rng.IntN(4) == 0:
				o.do(a, func() { m.Set(3, 3); m.Clear(); m.Set(4, 4) })
			case n == 14 && len(readers) < 5:
				r := &model{tail: lane().Open(&reader{}), has: map[string]string{}, keys: map[string]recon.Value{}}
				r.sync = r.tail.State()
				readers = append(readers, r)
			case n == 15 && len(readers) > 0:
				i := rng.IntN(len(readers))
				readers[i].tail.Close()
				readers = append(readers[:i], readers[i+1:]...)
			case n == 16:
				a.Save(stored)
			case n == 17 && rng.IntN(8) == 0:
				o.do(a, func() { m.Set(5, 5); panic("spilt") })
				if err := a.Start(); err != nil {
					t.Fatal(err)
				}
			default:
				if len(readers) > 0 {
					r := readers[rng.IntN(len(readers))]
					for range rng.IntN(5) {
						r.read(t)
					}
				}
			}
		}
		truth := map[string]string{}
		for k, v := range m.All() {
			truth[fmt.Sprint(k)] = fmt.Sprint(v)
		}
		for i, r := range readers {
			for r.read(t) {
			}
			if !maps.Equal(r.has, truth) {
				t.Fatalf("seed %d: reader %d has %v, the lane %v", seed, i, r.has, truth)
			}
		}
		if m.log.late != 0 || len(m.log.slots) != 0 {
			t.Errorf("seed %d: the lane keeps %d changes for %d late readers when all have everything", seed, len(m.log.slots), m.log.late)
		}
		a.Save(stored)
		kept := map[string]string{}
		for k, v := range stored {
			kept[k[len("m/"):]] = v
		}
		if !maps.Equal(kept, truth) {
			t.Fatalf("seed %d: stored is %v, the lane %v", seed, kept, truth)
		}
	}
}
