package host

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/agent"
	"selvage/edge/leaktest"
	"selvage/edge/route"
)

// TestDownlinks has agents follow others while these change, panic, start anew with lanes of other types, go and
// come back, and while they themselves panic, go and come back. Whenever all is quiet each downlink knows what
// its lane holds, has been told of its coming and going in turn, and has missed no event that it was not told of.
func TestDownlinks(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			leaktest.Check(t)
			synctest.Test(t, func(t *testing.T) { testDownlinks(t, seed) })
		})
	}
}

func testDownlinks(t *testing.T, seed uint64) {
	const sources, readers, rounds, steps = 3, 4, 12, 60
	random := rand.New(rand.NewPCG(seed, 1))
	h := newHost(t, nil)
	h.Pending = 64
	var all []*source
	for i := range sources {
		s := &source{t: t, h: h, uri: route.NodeURI(fmt.Sprint("/s/", i)), transient: i%2 == 0, places: map[int]int{}}
		add(t, h, s.uri, s.setup)
		all = append(all, s)
	}
	var followers []*reader
	for i := range readers {
		r := &reader{t: t, h: h, uri: route.NodeURI(fmt.Sprint("/d/", i))}
		add(t, h, r.uri, r.setup)
		followers = append(followers, r)
	}
	for range rounds {
		for range steps {
			s, r := all[random.IntN(sources)], followers[random.IntN(readers)]
			switch which := random.IntN(100); {
			case which < 45:
				s.change(random.Uint64(), random.IntN(20) == 0)
			case which < 55:
				s.command(1 + random.IntN(20))
			case which < 58:
				s.other.Add(1)
				if err := h.Replace(s.uri, kind(s.setup), nil); err != nil && !errors.Is(err, ErrNoNode) {
					t.Error(err)
				}
			case which < 62:
				s.away = toggle(t, h, s.uri, s.setup, s.away)
			case which < 80:
				r.open(s, random)
			case which < 88:
				i := random.IntN(10)
				r.turn(func() { r.close(i) })
			case which < 89:
				r.turn(func() { panic("chaos") })
			case which < 90:
				r.away = toggle(t, h, r.uri, r.setup, r.away)
			default:
				time.Sleep(time.Duration(random.IntN(50)) * time.Millisecond)
			}
		}
		time.Sleep(5 * time.Minute) // whoever panicked has started again
		for _, s := range all {
			s.look()
		}
		for _, r := range followers {
			r.check()
		}
		if t.Failed() {
			break
		}
	}
	stop(t, h)
}

// toggle takes an agent away, or makes it anew.
func toggle(t *testing.T, h *Host, uri route.NodeURI, setup func(*agent.Agent), away bool) bool {
	if away {
		add(t, h, uri, setup)
	} else if err := h.Remove(context.WithoutCancel(t.Context()), uri); err != nil {
		t.Error(err)
	}
	return !away
}

// post puts mail in the mailbox of an agent, if it is there.
func post(h *Host, uri route.NodeURI, m agent.Mail) error {
	return h.reach(uri, func(c *cell) error {
		_, err := c.push(m, true)
		return err
	})
}

// have has fn run as a turn of an agent and waits for that, if it is there.
func have(h *Host, uri route.NodeURI, fn func()) bool {
	done := make(chan error, 1)
	return post(h, uri, agent.Mail{Do: fn, Done: func(err error) { done <- err }}) == nil && <-done == nil
}

// source is an agent that others follow.
type source struct {
	t         *testing.T
	h         *Host
	uri       route.NodeURI
	transient bool
	other     atomic.Int32 // odd: its lanes are of the other type
	away      bool
	sent      int // commands

	// In turns of the agent only.
	lanes sourceLanes

	mu     sync.Mutex
	places map[int]int // of a command among those that were taken
	pushed int
	holds  map[string]string // by lane, when it was looked at last
}

// sourceLanes are what a test does to lanes of either type.
type sourceLanes struct {
	change func(random *rand.Rand)
	push   func(n int)
	holds  func() map[string]string
}

func (s *source) setup(a *agent.Agent) {
	if s.other.Load()%2 == 1 {
		s.lanes = lanesOf[float64](s, a)
	} else {
		s.lanes = lanesOf[int](s, a)
	}
}

func lanesOf[T int | float64](s *source, a *agent.Agent) sourceLanes {
	v, m, l := agent.Value(a, "v", T(0)), agent.Map[T, T](a, "m"), agent.List[T](a, "l")
	if s.transient {
		v.Transient()
		m.Transient()
		l.Transient()
	}
	p := agent.Supply[T](a, "p")
	agent.Command(a, "c", func(n T) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.places[int(n)] = len(s.places) + 1
		return nil
	})
	return sourceLanes{
		change: func(random *rand.Rand) {
			n := T(random.IntN(1000))
			switch which := random.IntN(24); {
			case which < 5:
				v.Set(n)
			case which < 11:
				m.Set(T(random.IntN(12)), n)
			case which < 13:
				m.Remove(T(random.IntN(12)))
			case which < 14:
				m.Clear()
			case which < 15:
				m.Drop(random.IntN(4))
			case which < 16:
				m.Take(random.IntN(12))
			case which < 19:
				l.Insert(random.IntN(l.Len()+1), n)
			case l.Len() == 0:
			case which < 20:
				l.Set(random.IntN(l.Len()), n)
			case which < 21:
				l.Move(random.IntN(l.Len()), random.IntN(l.Len()))
			case which < 22:
				l.Remove(random.IntN(l.Len()))
			case which < 23:
				l.Drop(random.IntN(3))
			default:
				l.Take(random.IntN(12))
			}
		},
		push: func(n int) { p.Push(T(n)) },
		holds: func() map[string]string {
			return map[string]string{"v": fmt.Sprint(v.Get()), "m": pairs(m.All()), "l": pairs(l.All())}
		},
	}
}

// pairs is what a map or list holds, in order.
func pairs[K, V any](all func(func(K, V) bool)) string {
	var text strings.Builder
	all(func(k K, v V) bool {
		fmt.Fprint(&text, k, ":", v, " ")
		return true
	})
	return text.String()
}

// change is a turn that changes lanes. One that panics has changed nothing.
func (s *source) change(seed uint64, panics bool) {
	post(s.h, s.uri, agent.Mail{Do: func() {
		random := rand.New(rand.NewPCG(seed, 2))
		for range 1 + random.IntN(4) {
			s.lanes.change(random)
		}
		s.mu.Lock()
		n := s.pushed
		s.mu.Unlock()
		for range random.IntN(4) {
			n++
			s.lanes.push(n)
		}
		if panics {
			panic("chaos")
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.pushed = n
	}})
}

func (s *source) command(n int) {
	for range n {
		s.sent++
		post(s.h, s.uri, agent.Mail{Lane: "c", Body: []byte(fmt.Sprint(s.sent))})
	}
}

func (s *source) look() {
	s.holds = nil
	if ran := have(s.h, s.uri, func() { s.holds = s.lanes.holds() }); ran == s.away {
		s.t.Errorf("%s: away %v, but it had a turn: %v", s.uri, s.away, ran)
	}
}

// place returns which of the events of its lane n is, from 1.
func (s *source) place(lane string, n int) int {
	if lane == "p" {
		return n
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.places[n]
}

func (s *source) events(lane string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if lane == "p" {
		return s.pushed
	}
	return len(s.places)
}

// reader is an agent that follows others.
type reader struct {
	t    *testing.T
	h    *Host
	uri  route.NodeURI
	away bool

	// In turns of the agent only.
	agent *agent.Agent
	links []*followed
}

func (r *reader) setup(a *agent.Agent) { r.agent, r.links = a, nil }

func (r *reader) turn(fn func()) { post(r.h, r.uri, agent.Mail{Do: fn}) }

func (r *reader) open(s *source, random *rand.Rand) {
	lane := []string{"v", "m", "l", "c", "p"}[random.IntN(5)]
	other := random.IntN(2) == 0
	var o agent.LinkOptions
	if random.IntN(3) == 0 {
		o.Rate = 5
	}
	r.turn(func() {
		f := &followed{t: r.t, name: fmt.Sprint(r.uri, " to ", s.uri, " ", lane), from: s, lane: lane}
		if other {
			follows[float64](f, r.agent, o)
		} else {
			follows[int](f, r.agent, o)
		}
		r.links = append(r.links, f)
	})
}

func (r *reader) close(i int) {
	if i < len(r.links) {
		r.links[i].link.Close()
		r.links = append(r.links[:i:i], r.links[i+1:]...)
	}
}

func (r *reader) check() {
	ran := have(r.h, r.uri, func() {
		for _, f := range r.links {
			f.check()
		}
		if n := r.agent.Downlinks().Links; n != len(r.links) {
			r.t.Errorf("%s: it has %d links, %d were not closed", r.uri, n, len(r.links))
		}
	})
	if ran == r.away {
		r.t.Errorf("%s: away %v, but it had a turn: %v", r.uri, r.away, ran)
	}
}

// followed is a downlink and what it was told.
type followed struct {
	t     *testing.T
	name  string
	from  *source
	lane  string
	link  *agent.Downlink
	holds func() string // nil for events

	told    string // last: linked, synced or lost
	knows   bool   // which event was the last
	last    int
	dropped int // since
}

func follows[T int | float64](f *followed, a *agent.Agent, o agent.LinkOptions) {
	node := string(f.from.uri)
	switch f.lane {
	case "v":
		d := agent.LinkValue[T](a, node, "v", o)
		f.link, f.holds = &d.Downlink, func() string { return fmt.Sprint(d.Get()) }
	case "m":
		d := agent.LinkMap[T, T](a, node, "m", o)
		f.link, f.holds = &d.Downlink, func() string { return pairs(d.All()) }
		// What handlers are told comes to the same.
		told := map[T]T{}
		d.OnUpdate(func(k, old, now T) {
			if told[k] != old {
				f.t.Errorf("%s: %v is told to have been %v, was %v", f.name, k, old, told[k])
			}
			told[k] = now
		})
		d.OnRemove(func(k, old T) { delete(told, k) })
		d.OnClear(func() { clear(told) })
		d.OnSynced(func() {
			for k, v := range d.All() {
				if told[k] != v {
					f.t.Errorf("%s: %v is told to be %v, is %v", f.name, k, told[k], v)
				}
			}
			if len(told) != d.Len() {
				f.t.Errorf("%s: %d entries are told, %d are there", f.name, len(told), d.Len())
			}
		})
	case "l":
		d := agent.LinkList[T](a, node, "l", o)
		f.link, f.holds = &d.Downlink, func() string { return pairs(d.All()) }
	default:
		d := agent.LinkEvents[T](a, node, f.lane, o)
		f.link = &d.Downlink
		d.OnEvent(func(n T) { f.event(int(n)) })
		d.OnDropped(func(n uint64) { f.dropped += int(n) })
	}
	f.link.OnLinked(func() { f.tells("linked", "", "lost") })
	f.link.OnSynced(func() { f.tells("synced", "linked") })
	f.link.OnLost(func(error) {
		f.tells("lost", "linked", "synced")
		f.knows = false
	})
}

func (f *followed) tells(what string, after ...string) {
	for _, before := range after {
		if f.told == before {
			f.told = what
			return
		}
	}
	f.t.Errorf("%s: is told %s after %q", f.name, what, f.told)
	f.told = what
}

func (f *followed) event(n int) {
	at := f.from.place(f.lane, n)
	switch {
	case f.told != "synced" && f.told != "linked":
		f.t.Errorf("%s: is told event %d when it is %q", f.name, at, f.told)
	case f.knows && at != f.last+f.dropped+1, at <= f.last:
		f.t.Errorf("%s: event %d comes after %d and %d dropped", f.name, at, f.last, f.dropped)
	}
	f.last, f.knows, f.dropped = at, true, 0
}

func (f *followed) check() {
	there := f.from.holds != nil
	if synced := f.told == "synced"; there != synced || f.link.IsSynced() != synced {
		f.t.Errorf("%s: it was told %q last and IsSynced is %v, its source is there: %v", f.name, f.told, f.link.IsSynced(), there)
	}
	switch {
	case !there:
	case f.holds == nil:
		all := f.from.events(f.lane)
		if f.knows && f.last+f.dropped != all {
			f.t.Errorf("%s: it has heard %d, %d were dropped, there were %d events", f.name, f.last, f.dropped, all)
		}
		f.last, f.knows, f.dropped = all, true, 0
	case f.holds() != f.from.holds[f.lane]:
		f.t.Errorf("%s: it has %s, its lane %s", f.name, f.holds(), f.from.holds[f.lane])
	}
}
