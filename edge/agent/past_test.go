package agent

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/clock"
	"selvage/edge/leaktest"
	"selvage/edge/route"
)

// tape is what a host keeps of one lane, as its agent reads it.
type tape struct {
	mu      sync.Mutex
	bodies  []string
	at      []int // ms since 1970
	fails   error // after all of these
	round   uint64
	reads   int // of values
	rests   int
	newest  int // that were asked for
	opening error
}

func (p *tape) add(at int, body string) { p.at, p.bodies = append(p.at, at), append(p.bodies, body) }

func (p *tape) open(_ route.LaneName, newest int) (Past, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.opening != nil {
		return nil, p.opening
	}
	p.newest = newest
	r := &tapeReader{tape: p}
	if newest > 0 {
		r.next = max(len(p.bodies)-newest, 0)
	}
	return r, nil
}

type tapeReader struct {
	*tape
	next int
}

func (r *tapeReader) Next() ([]byte, clock.Stamp, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next == len(r.bodies) {
		return nil, clock.Stamp{}, false
	}
	i := r.next
	r.next++
	r.reads++
	return []byte(r.bodies[i]), clock.Stamp{Wall: int64(r.at[i]) * 1e6, Trusted: true}, true
}

func (r *tapeReader) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fails
}

func (r *tapeReader) Rest() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rests++
}

func (r *tapeReader) Round() uint64 { return r.round }

// follower reads on one goroutine what another has ready.
type follower struct {
	wakes  chan struct{}
	failed chan string
}

func newFollower() *follower {
	return &follower{make(chan struct{}, 1), make(chan string, 1)}
}

func (f *follower) Wake() {
	select {
	case f.wakes <- struct{}{}:
	default:
	}
}

func (f *follower) Fail(_ any, reason string) { f.failed <- reason }

// sync returns what the tail's reader is shown of what there is.
func (f *follower) sync(tail *Tail, ask string) (events []string) {
	next := tail.StateOf([]byte(ask))
	for {
		body, ok := next()
		switch {
		case ok:
			events = append(events, string(body))
		case !tail.IsPending():
			return events
		default:
			<-f.wakes
		}
	}
}

// pastLoop has an agent /a with a kept lane air and one that is not kept.
func pastLoop(t *testing.T) (o *loop, p *tape, a *Agent, air func(v, at int)) {
	leaktest.Check(t)
	p = &tape{}
	o = newLoop(t)
	o.kept, o.past = []string{"air"}, p.open
	var lane *ValueLane[measured]
	a = o.add("/a", func(a *Agent) {
		lane = Value(a, "air", measured{})
		Value(a, "other", 0)
	})
	return o, p, a, func(v, at int) {
		t.Helper()
		if err := o.do(a, func() { lane.Set(measured{v, int64(at) * 1e6}) }); err != nil {
			t.Fatal(err)
		}
	}
}

// find is what a turn that brings a reader does.
func (o *loop) find(a *Agent, name route.LaneName) (l *Lane) {
	a.Step(Mail{Do: func() { l = a.Find(name) }})
	return l
}

func TestPastExcerpts(t *testing.T) {
	o, p, a, _ := pastLoop(t)
	p.add(1000, "{value:1,unit:Cel,at:5,trusted:false,boot:b,mono:5}")
	p.add(2000, "2")
	p.add(2000, "again")
	p.add(3000, "{value:3,at:3000}")
	all := []string{
		"@update(key:1000){at:1000,value:1,unit:Cel}", "@update(key:2000) 2", "@update(key:2000) again", "@update(key:3000){at:3000,value:3}",
	}
	f := newFollower()
	tail := o.find(a, "air/history").Open(f)
	for ask, want := range map[string][]string{
		"": all, "@take(2)": all[:3], "@take(1)": all[:1], "@take(9)": all, "@take(0)": nil, "@drop(0)": all,
		"@drop(1)": all[1:], "@drop(2)": all[3:], "@drop(9)": nil, "@take(-2)": all[2:], "@something": all, "{a:1}": all,
	} {
		if got := f.sync(tail, ask); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", ask, got, want)
		}
		if asked := max(parse(t, ask).newest(), 0); p.newest != asked {
			t.Errorf("%s: the newest %d were asked for, want %d", ask, p.newest, asked)
		}
	}
	l := o.find(a, "air/history")
	for _, ask := range []string{"@take", "@take(x)", "@drop(-1)", "@take(99999999999)"} {
		if l.CanShow([]byte(ask)) == nil {
			t.Errorf("%s is taken for a part", ask)
		}
	}
	tail.Close()
	o.run()
	if a.Lane("air/history") != nil || !a.HasLane("air/history") || a.HasLane("other/history") || o.find(a, "none/history") != nil {
		t.Error("the lane is there while nobody reads it, or of what is not kept")
	}
}

func parse(t *testing.T, ask string) excerpt {
	of, err := parseExcerpt([]byte(ask))
	if err != nil {
		t.Fatal(err)
	}
	return of
}

// What comes while a reader is shown what there is, he is told behind it.
func TestPastGoesOn(t *testing.T) {
	o, p, a, air := pastLoop(t)
	f, linked := newFollower(), newFollower()
	l := o.find(a, "air/history")
	if names := fmt.Sprint(len(a.Lanes()), l.Kind(), l.IsReadOnly(), l.Stored()); names != "2 map true false" {
		t.Errorf("it is %s", names)
	}
	tail, other := l.Open(f), l.Open(linked)
	air(1, 1000)
	p.add(1000, "{value:1}")
	next := tail.State()
	air(2, 2000)
	air(3, 1500) // late
	var got []string
	for {
		if body, ok := next(); ok {
			got = append(got, string(body))
		} else if !tail.IsPending() {
			break
		} else {
			<-f.wakes
		}
	}
	got = append(got, drain(tail)...)
	live := []string{"@update(key:2000){v:2,at:2000000000}", "@update(key:1500){v:3,at:1500000000}"}
	if want := append([]string{"@update(key:1000){at:1000,value:1}"}, live...); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := drain(other), append([]string{"@update(key:1000){v:1,at:1000000000}"}, live...); !slices.Equal(got, want) {
		t.Errorf("who only links: %q, want %q", got, want)
	}
	if err := o.command(a, "air/history", "@clear"); !errors.Is(err, ErrReadOnly) {
		t.Errorf("a command: %v", err)
	}
	tail.Close()
	other.Close()
	o.run()
	if err := o.command(a, "air/history", "@clear"); !errors.Is(err, ErrReadOnly) {
		t.Errorf("a command while nobody reads it: %v", err)
	}
}

// A restart is nothing to readers; the end of what they read is told.
func TestPastSurvivesRestart(t *testing.T) {
	o, p, a, _ := pastLoop(t)
	f := newFollower()
	tail := o.find(a, "air/history").Open(f)
	o.do(a, func() { panic("restart") })
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	set := func(v int) {
		l, _ := a.Lane("air").typed.(*ValueLane[measured])
		o.do(a, func() { l.Set(measured{v, int64(v) * 1e9}) })
	}
	set(1)
	if got := drain(tail); !slices.Equal(got, []string{"@update(key:1000){v:1,at:1000000000}"}) {
		t.Errorf("after a restart: %q", got)
	}
	p.add(1000, "{value:1}")
	if got := f.sync(tail, ""); len(got) != 1 {
		t.Errorf("a sync after a restart: %q", got)
	}
	ended := &ender{}
	o.find(a, "air/history").Open(ended)
	a.Save(keep{})
	o.kept = nil
	a.KeepAnew()
	if !ended.ended || a.Lane("air/history") != nil || o.find(a, "air/history") != nil {
		t.Error("it is there although nothing is kept any more")
	}
	tail.Close()
}

type ender struct {
	reader
	ended bool
}

func (e *ender) End() { e.ended = true }

// Who has all is told how many entries are not kept any more; who has not, or not for sure, which ones.
func TestPastDropped(t *testing.T) {
	o, p, a, air := pastLoop(t)
	for i := range 5 {
		p.add(1000+i, "0")
	}
	p.round = 6
	f := newFollower()
	tail := o.find(a, "air/history").Open(f)
	removed := []string{"@remove(key:1000)", "@remove(key:1001)"}
	two := []int64{1000, 1001}
	a.Dropped("air", two, true, 7)
	if got := drain(tail); !slices.Equal(got, removed) {
		t.Errorf("who has not synced is told %q", got)
	}
	f.sync(tail, "")
	a.Dropped("air", two, true, 7)
	if got := drain(tail); !slices.Equal(got, []string{"@drop(2)"}) {
		t.Errorf("who has all is told %q", got)
	}
	a.Dropped("air", two, true, 6)
	if got := drain(tail); !slices.Equal(got, removed) {
		t.Errorf("who has read after that is told %q", got)
	}
	a.Dropped("air", two, false, 8)
	if got := drain(tail); !slices.Equal(got, removed) {
		t.Errorf("when they are not the first he is told %q", got)
	}
	air(1, 3000)
	a.Dropped("air", two, true, 8)
	if got := drain(tail); len(got) != 2 || got[1] != "@drop(2)" {
		t.Errorf("who lags is told %q", got)
	}
	for i := range int64(maxGone/2 + 1) {
		a.Dropped("air", []int64{i, i}, false, 9)
	}
	a.Dropped("air", two, true, 10)
	if got, lost := drain(tail), tail.Lost(); len(got)+int(lost) != maxGone+4 || lost != 4 || !slices.Equal(got[len(got)-2:], removed) {
		t.Errorf("who lags too far is told %d, and %d are lost", len(got), lost)
	}
	f.sync(tail, "@take(2)")
	a.Dropped("air", two, true, 11)
	if got := drain(tail); !slices.Equal(got, removed) {
		t.Errorf("who has a part is told %q", got)
	}
	a.Dropped("other", two, true, 9)
	a.Dropped("none", two, true, 9)
	tail.Close()
	o.run()
}

// A reader that takes nothing costs what is read ahead of it, and after a while not even what reads.
func TestPastSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, p, a, air := pastLoop(t)
		const n = 100_000
		for i := range n {
			p.add(i, "{value:21.5,unit:Cel}")
		}
		f := newFollower()
		tail := o.find(a, "air/history").Open(f)
		next := tail.State()
		synctest.Wait()
		if ahead := p.reads * len("@update(key:12345){at:12345,value:21.5,unit:Cel}"); p.reads == 0 || ahead > 2*streamRoom {
			t.Errorf("%d bytes are read ahead", ahead)
		}
		time.Sleep(streamRest)
		synctest.Wait()
		if p.rests != 1 {
			t.Errorf("it has rested %d times", p.rests)
		}
		got := 0
		const late = 20_000 // more than the lane keeps for him
		for i := range late {
			air(i, n+i)
		}
		for {
			if _, ok := next(); ok {
				got++
			} else if !tail.IsPending() {
				break
			} else {
				<-f.wakes
			}
		}
		live := drain(tail)
		if lost := tail.Lost(); got != n || int(lost)+len(live) != late || lost == 0 || !strings.HasPrefix(live[len(live)-1], "@update(key:119999)") {
			t.Errorf("%d were shown, then %d, and %d are lost", got, len(live), lost)
		}
		tail.Close()
		o.run()
		time.Sleep(time.Minute)
	})
}

// An error is told to who reads, and nobody takes for all what came before it.
func TestPastFails(t *testing.T) {
	o, p, a, _ := pastLoop(t)
	p.add(1000, "1")
	p.fails = errors.New("the disk is broken")
	f := newFollower()
	tail := o.find(a, "air/history").Open(f)
	next := tail.State()
	if reason := <-f.failed; reason != "unreadable" {
		t.Errorf("the reason is %s", reason)
	}
	for _, ok := next(); ok; _, ok = next() {
	}
	if !tail.IsPending() {
		t.Error("what came before the error is taken for all")
	}
	if got := o.conditions(); !slices.Equal(got, []string{"history./a.air/history"}) {
		t.Errorf("conditions: %v", got)
	}
	tail.Close()
	p.mu.Lock()
	p.fails = nil
	p.mu.Unlock()
	tail = o.find(a, "air/history").Open(f)
	if got := f.sync(tail, ""); len(got) != 1 || len(o.conditions()) > 0 {
		t.Errorf("then it shows %q, and there is %v", got, o.conditions())
	}
	p.mu.Lock()
	p.opening = errors.New("it is not there")
	p.mu.Unlock()
	tail.State()
	<-f.failed
	tail.Close()
	o.run()
}

// An agent of the host follows a history as any map, of its own part.
func TestPastDownlink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, p, _, air := pastLoop(t)
		for i := range 3000 {
			p.add(i, "{v:-1,at:7}")
		}
		var all, some *MapDownlink[int64, measured]
		synced, lost := 0, 0
		b := o.add("/b", func(b *Agent) {
			all = LinkMap[int64, measured](b, "/a", "air/history")
			all.OnSynced(func() { synced++ })
			all.OnLost(func(error) { lost++ })
			some = LinkMap[int64, measured](b, "/a", "air/history", LinkOptions{Part: "@take(-2)"})
		})
		settle := func() {
			for range 200 {
				o.run()
				synctest.Wait()
			}
		}
		settle()
		if all.Len() != 3000 || synced != 1 || !all.IsSynced() || some.Len() != 2 {
			t.Errorf("it has %d entries and %d, and is synced %d times", all.Len(), some.Len(), synced)
		}
		air(1, 5000)
		settle()
		if v, ok := some.Get(5000); !ok || v.V != 1 || all.Len() != 3001 || some.Len() != 3 {
			t.Errorf("then %d entries and %d: %v", all.Len(), some.Len(), v)
		}
		if err := o.do(b, func() { all.Close(); some.Close() }); err != nil {
			t.Fatal(err)
		}
		settle()

		p.fails = errors.New("broken")
		o.do(b, func() {
			all = LinkMap[int64, measured](b, "/a", "air/history")
			all.OnSynced(func() { synced++ })
			all.OnLost(func(error) { lost++ })
			LinkMap[int64, measured](b, "/a", "air/history", LinkOptions{Part: "@take"})
			LinkMap[int64, measured](b, "warp://h:1/a", "air/history", LinkOptions{Part: "@take(1)"})
		})
		settle()
		if synced != 1 || lost != 1 || all.IsSynced() || len(o.conditions()) != 1 {
			t.Errorf("after an error: synced %d, lost %d, %v", synced, lost, o.conditions())
		}
		p.mu.Lock()
		p.fails = nil
		p.mu.Unlock()
		time.Sleep(streamRetry)
		settle()
		faulty := []string{"link./b./a.air/history", "link./b.warp://h:1/a.air/history"} // the parts that cannot be had
		if synced != 2 || !all.IsSynced() || all.Len() != 3000 || !slices.Equal(o.conditions(), faulty) {
			t.Errorf("when it can be read again: synced %d, %d entries, %v", synced, all.Len(), o.conditions())
		}
		b.Finish()
		settle()
		time.Sleep(time.Minute)
	})
}

func TestNameOfPastIsReserved(t *testing.T) {
	o := newLoop(t)
	a := o.make("/a", func(a *Agent) { Value(a, "x/history", 0) })
	if err := a.Start(); err == nil || !strings.Contains(err.Error(), "is for the history of a lane x") {
		t.Errorf("it starts: %v", err)
	}
}
