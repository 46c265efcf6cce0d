package agent

import (
	"iter"
	"slices"
	"sort"

	"selvage/edge/recon"
)

// DemandMapLane shows entries whose values are computed only when somebody wants to know them: all of
// them for each reader who syncs, one for all who link to the lane after each Cue of its key. It holds
// nothing, and takes no commands.
type DemandMapLane[K, V any] struct {
	Lane
	holdsNothing
	keyLog   // guarded by agent.mu
	keyCodec *recon.Codec[K]
	vals     *recon.Codec[V]
	keys     func() iter.Seq[K]
	cue      func(K) (V, bool)
	cued     []keyEvent // in this turn
}

// DemandMap makes a demand-map lane: keys tells the entries there are, cue the value under a key, or that
// there is none. Both run in turns.
func DemandMap[K, V any](a *Agent, name string, keys func() iter.Seq[K], cue func(K) (V, bool)) *DemandMapLane[K, V] {
	l := &DemandMapLane[K, V]{keyCodec: codecOf[K](a, name), vals: codecOf[V](a, name), keys: keys, cue: cue}
	l.keyLog.lane = &l.Lane
	a.add(&l.Lane, name, DemandMapKind, l)
	return l
}

// Cue shows the value under key anew to those who link to the lane. Without any it computes none.
func (l *DemandMapLane[K, V]) Cue(key K) {
	err := l.mayChange()
	if err == nil && !l.IsRead() {
		return
	}
	var e keyEvent
	ok := false
	if err == nil {
		e, ok, err = l.update(key)
	}
	if ok && err == nil {
		l.add(e)
	}
	l.mark(err)
}

// Remove tells those who link to the lane that there is no entry under key any more.
func (l *DemandMapLane[K, V]) Remove(key K) {
	err := l.mayChange()
	if err == nil && !l.IsRead() {
		return
	}
	var text []byte
	if err == nil {
		text, err = l.keyCodec.Append(nil, key)
	}
	if err == nil {
		l.add(keyEvent{string(text), []byte("@remove(key:" + string(text) + ")")})
	}
	l.mark(err)
}

func (l *DemandMapLane[K, V]) add(e keyEvent) {
	l.touch()
	l.cued = append(l.cued, e)
}

// update computes the entry under key as an event.
func (l *DemandMapLane[K, V]) update(key K) (e keyEvent, ok bool, err error) {
	v, ok := l.cue(key)
	if !ok {
		return e, false, nil
	}
	text, err := l.keyCodec.Append(nil, key)
	if err != nil {
		return e, false, err
	}
	value, err := l.vals.Append(nil, v)
	if err != nil {
		return e, false, err
	}
	return keyEvent{string(text), appendUpdate(string(text), value)}, true, nil
}

func (l *DemandMapLane[K, V]) demand() {
	var state [][]byte
	var wrong error
	for key := range l.keys() {
		e, ok, err := l.update(key)
		switch {
		case err != nil:
			wrong = err
		case ok:
			state = append(state, e.body)
		}
	}
	l.mark(wrong)
	l.agent.mu.Lock()
	defer l.agent.mu.Unlock()
	l.give(state)
}

func (l *DemandMapLane[K, V]) command([]byte) error { return ErrReadOnly }

func (l *DemandMapLane[K, V]) publish() {
	l.show(l.cued)
	l.cued = nil
}

func (l *DemandMapLane[K, V]) resume(old *Lane) {
	l.carryOn(old.typed.(interface{ keyed() *keyLog }).keyed())
}

// keyLog is what a demand-map lane publishes: of each key the newest event that some reader has not had,
// in order, and what it owes to who has asked. It is empty while nobody lags, and bounded: the oldest go first.
type keyLog struct {
	answer
	lane   *Lane
	slots  []keySlot
	bytes  int               // of slots
	newest map[string]uint64 // by key, the number of its newest slot
	seq    uint64
	late   int // readers below seq
}

// keySlotCost is what a slot takes beside its text, in bytes.
const keySlotCost = 64

type keyEvent struct {
	key  string // as Recon text
	body []byte
}

type keySlot struct {
	keyEvent
	seq uint64
}

func (g *keyLog) keyed() *keyLog { return g }
func (g *keyLog) now() uint64    { return g.seq }

// show publishes the events of one turn.
func (g *keyLog) show(events []keyEvent) {
	audience := g.lane.audience()
	if audience == 0 {
		return
	}
	if g.newest == nil {
		g.newest = map[string]uint64{}
	}
	for _, e := range events {
		g.seq++
		s := keySlot{e, g.seq}
		g.slots = append(g.slots, s)
		g.bytes += s.cost()
		g.newest[e.key] = g.seq
	}
	g.late = audience
	if len(g.slots) > 64+2*len(g.newest) || g.bytes > g.lane.agent.pending() {
		g.shrink()
	}
}

// shrink throws out what is overtaken, then, if the rest takes too much, the oldest until half the room is free.
func (g *keyLog) shrink() {
	g.bytes = 0
	g.slots = slices.DeleteFunc(g.slots, func(s keySlot) bool {
		if g.overtaken(s) {
			return true
		}
		g.bytes += s.cost()
		return false
	})
	room := g.lane.agent.pending()
	if g.bytes <= room {
		return
	}
	n := 0
	for g.bytes > room/2 && n < len(g.slots)-1 {
		s := g.slots[n]
		g.bytes -= s.cost()
		delete(g.newest, s.key)
		n++
	}
	for _, t := range g.lane.readers() {
		t.lose(uint64(max(n-g.after(t.at), 0)))
	}
	g.slots = slices.Delete(g.slots, 0, n)
}

func (g *keyLog) overtaken(s keySlot) bool { return g.newest[s.key] != s.seq }

func (s keySlot) cost() int { return keySlotCost + len(s.key) + len(s.body) }

func (g *keyLog) next(t *Tail) ([]byte, bool) {
	if t.at >= g.seq {
		return nil, false
	}
	for i := g.after(t.at); i < len(g.slots); i++ {
		s := g.slots[i]
		if t.at = s.seq; g.overtaken(s) {
			continue
		}
		if t.at == g.seq {
			g.caughtUp()
		}
		return s.body, true
	}
	t.at = g.seq
	g.caughtUp()
	return nil, false
}

func (g *keyLog) due(t *Tail) uint64 {
	if t.at >= g.seq {
		return 0
	}
	for i := g.after(t.at); i < len(g.slots); i++ {
		if s := g.slots[i]; !g.overtaken(s) {
			return s.seq
		}
	}
	return 0
}

// after returns the index of the first slot with a number above at.
func (g *keyLog) after(at uint64) int {
	return sort.Search(len(g.slots), func(i int) bool { return g.slots[i].seq > at })
}

func (g *keyLog) left(t *Tail) {
	g.forget(t)
	if t.at < g.seq {
		g.caughtUp()
	}
}

func (g *keyLog) caughtUp() {
	if g.late--; g.late == 0 {
		g.empty()
	}
}

func (g *keyLog) empty() { g.slots, g.bytes, g.newest = nil, 0, nil }

// state tells a reader that syncs while it lags what it has missed, removals among it, before what there is.
func (g *keyLog) state(t *Tail) func() ([]byte, bool) {
	answer, until := g.take(), g.seq
	return func() ([]byte, bool) {
		if t.at < until {
			if body, ok := g.next(t); ok {
				return body, true
			}
		}
		return answer()
	}
}

// carryOn goes on where the lane of that name was before a restart, with what setup has cued meanwhile.
func (g *keyLog) carryOn(was *keyLog) {
	events, lane := g.slots, g.lane
	*g = *was
	g.lane = lane
	for _, s := range events {
		g.show([]keyEvent{s.keyEvent})
	}
	g.late = 0
	for _, t := range lane.readers() {
		if t.at < g.seq {
			g.late++
		}
	}
	if g.late == 0 {
		g.empty()
	}
}
