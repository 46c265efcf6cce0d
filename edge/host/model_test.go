package host

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/agent"
	"selvage/edge/leaktest"
	"selvage/edge/recon"
	"selvage/edge/route"
)

// model is what an agent of TestModel has to hold.
type model struct {
	v       int64
	m       map[int64]int64
	handled int64
}

// modelAgent has one lane of each kind that is stored, counts its commands, and can be made to fail.
func modelAgent(a *agent.Agent) {
	v := agent.Value(a, "v", int64(0))
	m := agent.Map[int64, int64](a, "m")
	handled := agent.Value(a, "handled", int64(0))
	agent.Command(a, "set", func(n int64) error {
		handled.Set(handled.Get() + 1)
		v.Set(n)
		m.Set(n%7, n)
		if n%5 == 0 {
			m.Remove(n % 3)
		}
		if n%97 == 0 {
			m.Clear()
		}
		return nil
	})
}

func (m *model) set(n int64) {
	m.handled++
	m.v = n
	m.m[n%7] = n
	if n%5 == 0 {
		delete(m.m, n%3)
	}
	if n%97 == 0 {
		clear(m.m)
	}
}

// follower reads a lane as a link does, and rebuilds what it holds from events alone.
type follower struct {
	news  chan struct{}
	tail  *agent.Tail
	ended atomic.Bool

	value   string
	entries map[string]string
}

func (f *follower) Wake() {
	select {
	case f.news <- struct{}{}:
	default:
	}
}

// End is called when the agent has stopped itself or left memory.
func (f *follower) End() { f.ended.Store(true) }

func follow(l *agent.Lane) *follower {
	f := &follower{news: make(chan struct{}, 1), entries: map[string]string{}}
	f.tail = l.Open(f)
	next := f.tail.State()
	for b, ok := next(); ok; b, ok = next() {
		f.apply(string(b))
	}
	f.Wake()
	return f
}

func (f *follower) drain() {
	for b, ok := f.tail.Next(); ok; b, ok = f.tail.Next() {
		f.apply(string(b))
	}
}

func (f *follower) apply(event string) {
	key, value, _ := strings.Cut(strings.TrimPrefix(event, "@update(key:"), ") ")
	switch {
	case strings.HasPrefix(event, "@update("):
		f.entries[key] = value
	case strings.HasPrefix(event, "@remove("):
		delete(f.entries, strings.TrimSuffix(strings.TrimPrefix(event, "@remove(key:"), ")"))
	case event == "@clear":
		clear(f.entries)
	default:
		f.value = event
	}
}

func (m *model) entries() map[string]string {
	text := map[string]string{}
	for k, v := range m.m {
		text[fmt.Sprint(k)] = fmt.Sprint(v)
	}
	return text
}

// TestModel has clients command agents, each its own, while others link to them and while they panic,
// stop themselves, leave memory, are taken away and put back, and get other configs. Whatever comes
// between: each command that was accepted has had its effect once, each that was refused none; who
// reads a lane sees its last state; and what is stored is there after a restart of the host.
func TestModel(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			leaktest.Check(t)
			synctest.Test(t, func(t *testing.T) { testModel(t, seed) })
		})
	}
}

func testModel(t *testing.T, seed uint64) {
	const agents, commands = 6, 400
	dir := t.TempDir()
	h := passing(t, dir)
	mustRoute(t, h, "/routed/:id", modelAgent)
	var uris []route.NodeURI
	for i := range agents {
		uri := route.NodeURI(fmt.Sprint("/routed/", i))
		if i%2 == 0 {
			uri = route.NodeURI(fmt.Sprint("/fixed/", i))
			add(t, h, uri, modelAgent)
		}
		uris = append(uris, uri)
	}
	models := make([]*model, agents)
	refused := make([]int, agents)
	var clients, chaos sync.WaitGroup
	over, stopChaos := context.WithCancel(t.Context())
	for i, uri := range uris {
		models[i] = &model{m: map[int64]int64{}}
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		clients.Go(func() {
			for n := 0; n < commands; {
				time.Sleep(time.Duration(random.Int64N(int64(20 * time.Second))))
				if random.IntN(5) == 0 {
					time.Sleep(3 * time.Minute) // long enough to leave memory
				}
				burst := 1 + random.IntN(20)
				refused[i] += models[i].burst(t, h, uri, random, n, burst)
				n += burst
			}
		})
		chaos.Go(func() { disturb(t, over, h, uri, rand.New(rand.NewPCG(seed, uint64(100+i)))) })
	}
	clients.Wait()
	stopChaos()
	chaos.Wait()
	time.Sleep(time.Minute) // whoever panicked last has started again
	for i, uri := range uris {
		models[i].check(t, h, uri, refused[i])
	}
	h.endWithStore(t)

	h = passing(t, dir)
	mustRoute(t, h, "/routed/:id", modelAgent)
	mustRoute(t, h, "/fixed/:id", modelAgent)
	for i, uri := range uris {
		models[i].check(t, h, uri, refused[i])
	}
	h.endWithStore(t)
}

// burst sends commands without waiting for one before the next, with trouble between them. It returns
// how many were refused.
func (m *model) burst(t *testing.T, h *Host, uri route.NodeURI, random *rand.Rand, from, count int) (refused int) {
	type result struct {
		n   int64
		err error
	}
	results := make(chan result, count)
	for i := range count {
		n := int64(from+i) + 1000*random.Int64N(3)
		m := agent.Mail{Lane: "set", Body: []byte(fmt.Sprint(n)), Done: func(err error) { results <- result{n, err} }}
		err := h.reach(uri, func(c *cell) error {
			_, err := c.push(m, false)
			return err
		})
		if err != nil {
			results <- result{n, err}
		}
		if random.IntN(10) == 0 {
			trouble(h, uri, random.IntN(3))
		}
	}
	for range count {
		switch r := <-results; {
		case r.err == nil:
			m.set(r.n)
		case errors.Is(r.err, ErrNoNode), errors.Is(r.err, ErrStopped):
			refused++
		default:
			t.Errorf("%s: %v", uri, r.err)
		}
	}
	return refused
}

// trouble is what an agent gets over by itself.
func trouble(h *Host, uri route.NodeURI, which int) {
	switch which {
	case 0:
		h.reach(uri, func(c *cell) error { (&Handle{c}).Wake(func() { panic("chaos") }); return nil })
	case 1:
		h.reach(uri, func(c *cell) error { (&Handle{c}).Wake(func() { c.agent.Stop() }); return nil })
	case 2:
		h.Replace(uri, kind(modelAgent), nil)
	}
}

// disturb does what may happen to an agent at any moment, until ctx ends. Its followers must be right
// whenever all is quiet.
func disturb(t *testing.T, ctx context.Context, h *Host, uri route.NodeURI, random *rand.Rand) {
	var value, entries *follower
	hangUp := func() {
		if value != nil {
			value.tail.Close()
			entries.tail.Close()
			value, entries = nil, nil
		}
	}
	defer hangUp()
	for ctx.Err() == nil {
		time.Sleep(time.Duration(random.Int64N(int64(10 * time.Second))))
		c, err := h.find(uri)
		if err != nil {
			t.Errorf("%s: %v", uri, err)
			return
		}
		switch which := random.IntN(9); which {
		case 0, 1, 2:
			trouble(h, uri, which)
		case 3:
			hangUp()
			if strings.HasPrefix(string(uri), "/fixed/") {
				if err := h.Remove(context.WithoutCancel(ctx), uri); err != nil {
					t.Errorf("%s: %v", uri, err)
				}
				time.Sleep(time.Duration(random.Int64N(int64(5 * time.Second))))
				add(t, h, uri, modelAgent)
			}
		case 4, 5:
			if v, m := c.agent.Lane("v"), c.agent.Lane("m"); v != nil && m != nil && value == nil {
				value, entries = follow(v), follow(m)
			}
		case 6:
			hangUp()
		default:
			if value != nil {
				value.drain()
				entries.drain()
			}
		}
		if value == nil {
			continue
		}
		if value.ended.Load() {
			hangUp()
			continue
		}
		// In a turn of the agent nobody else changes it.
		checked := make(chan struct{})
		(&Handle{c}).Wake(func() {
			defer close(checked)
			value.drain()
			entries.drain()
			v, m := c.agent.Lane("v"), c.agent.Lane("m")
			if v == nil || m == nil || value.ended.Load() || entries.ended.Load() { // not started since a panic, or another's
				return
			}
			now, all := follow(v), follow(m)
			if value.value != now.value || !maps.Equal(entries.entries, all.entries) {
				t.Errorf("%s: a reader has %s %v, the lanes hold %s %v", uri, value.value, entries.entries, now.value, all.entries)
			}
			now.tail.Close()
			all.tail.Close()
		})
		select {
		case <-checked:
		case <-time.After(time.Minute):
			hangUp() // it was removed, or has left
		}
	}
}

func (m *model) check(t *testing.T, h *Host, uri route.NodeURI, refused int) {
	t.Helper()
	if got, want := state(t, h, uri, "v"), fmt.Sprint(m.v); got != want {
		t.Errorf("%s: v is %s, want %s", uri, got, want)
	}
	if got, want := state(t, h, uri, "handled"), fmt.Sprint(m.handled); got != want {
		t.Errorf("%s: %s commands had an effect, %s were accepted (%d refused)", uri, got, want, refused)
	}
	var entries []string
	for k, v := range m.entries() {
		entries = append(entries, "@update(key:"+k+") "+v)
	}
	slices.SortFunc(entries, func(x, y string) int {
		a, _ := recon.ParseString(x)
		b, _ := recon.ParseString(y)
		return recon.Compare(a, b)
	})
	if got, want := state(t, h, uri, "m"), strings.Join(entries, " "); got != want {
		t.Errorf("%s: m is\n %s, want\n %s", uri, got, want)
	}
}
