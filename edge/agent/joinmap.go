package agent

import (
	"cmp"
	"reflect"
	"slices"

	"selvage/edge/recon"
	"selvage/edge/route"
)

// JoinMapLane is a map lane, for those who link to it, whose entries are those of several map lanes of
// other agents. Where sources have the same key, the value that came last shows; if that one is removed,
// that of another source does, of the one linked last. What the lane shows already is not shown again, so
// that lanes which join each other come to rest. While a source is away its entries stay as they were last, also over a
// restart; see IsStale.
type JoinMapLane[K, V any] struct {
	*MapLane[K, V]
	sources map[laneAt]*joinedMap[K, V]
	linked  uint64                      // how many were, to tell which came later
	owner   map[string]*joinedMap[K, V] // of each entry, by the key's Recon text
	before  map[string]bool             // entries remembered from before the start, that no source has set since
	settled bool                        // joinPatience is over
}

type joinedMap[K, V any] struct {
	*MapDownlink[K, V]
	number uint64
}

// JoinMap makes a join-map lane that has no sources yet, and starts with what is remembered of it. Of that
// goes, once all sources have shown theirs, what none of them has.
func JoinMap[K, V any](a *Agent, name string) *JoinMapLane[K, V] {
	l := &JoinMapLane[K, V]{MapLane: Map[K, V](a, name), sources: map[laneAt]*joinedMap[K, V]{}, owner: map[string]*joinedMap[K, V]{}}
	l.before = remembered(l.MapLane, func() {
		l.settled = true
		l.sweep()
	})
	return l
}

// Transient makes the lane forget its entries when the host stops. It is for setup.
func (l *JoinMapLane[K, V]) Transient() *JoinMapLane[K, V] {
	l.MapLane.Transient()
	clear(l.before)
	return l
}

// ReadOnly refuses commands from outside: only sources change the lane.
func (l *JoinMapLane[K, V]) ReadOnly() *JoinMapLane[K, V] {
	l.MapLane.ReadOnly()
	return l
}

// Link adds a map lane to the sources. A lane that is one already is not added.
func (l *JoinMapLane[K, V]) Link(node, lane string, o ...LinkOptions) {
	at := placeOf(node, lane)
	if l.sources[at] != nil {
		return
	}
	l.linked++
	s := &joinedMap[K, V]{LinkMap[K, V](l.agent, node, lane, o...), l.linked}
	l.sources[at] = s
	s.OnUpdate(func(key K, _, now V) { l.put(s, key, now) })
	s.OnRemove(func(key K, _ V) { l.lose(s, key) })
	s.OnClear(func() { l.loseAll(s) })
	s.OnSynced(l.sweep)
}

// Unlink takes a lane out of the sources, and with it the entries that came from there.
func (l *JoinMapLane[K, V]) Unlink(node, lane string) {
	at := placeOf(node, lane)
	s := l.sources[at]
	if s == nil {
		return
	}
	delete(l.sources, at)
	s.Close()
	s.cur = nil
	l.loseAll(s)
	l.sweep()
}

func placeOf(node, lane string) laneAt {
	uri, _, err := route.Anywhere(node)
	if err != nil {
		uri = route.NodeURI(node)
	}
	return laneAt{uri, route.LaneName(lane)}
}

// LinkEach adds all map lanes there are on this host, and that will be, that a pattern matches, such as
// "/site/*/alarms": each * stands for one segment, the last of which is the lane. Entries go when their
// agents are taken away. The agent's own lanes are left out.
func (l *JoinMapLane[K, V]) LinkEach(pattern string) error {
	return l.agent.watch(pattern, func(node route.NodeURI, lane route.LaneName, kind LaneKind, there bool) {
		if there && fits(MapKind, kind) {
			l.Link(string(node), string(lane))
		} else {
			l.Unlink(string(node), string(lane))
		}
	})
}

// put takes in an entry of a source.
func (l *JoinMapLane[K, V]) put(s *joinedMap[K, V], key K, v V) {
	text, err := l.keys.Append(nil, key)
	if err == nil {
		delete(l.before, string(text))
		if it := l.cur[string(text)]; it == nil || !reflect.DeepEqual(it.val, v) {
			err = l.set(key, v)
		}
	}
	if err == nil {
		l.owner[string(text)] = s
	}
	l.mark(err)
}

// lose takes in that a source has an entry no more.
func (l *JoinMapLane[K, V]) lose(s *joinedMap[K, V], key K) {
	if text, err := l.keys.Append(nil, key); err == nil {
		l.loseAt(s, string(text))
	}
}

func (l *JoinMapLane[K, V]) loseAll(s *joinedMap[K, V]) {
	var gone []string
	for text, owner := range l.owner {
		if owner == s && s.cur[text] == nil {
			gone = append(gone, text)
		}
	}
	slices.SortFunc(gone, func(x, y string) int {
		return cmp.Or(recon.Compare(l.order(x), l.order(y)), cmp.Compare(x, y))
	})
	for _, text := range gone {
		l.loseAt(s, text)
	}
}

func (l *JoinMapLane[K, V]) order(text string) recon.Value {
	if it := l.cur[text]; it != nil {
		return it.entry.key
	}
	return recon.Value{}
}

func (l *JoinMapLane[K, V]) loseAt(s *joinedMap[K, V], text string) {
	if l.owner[text] != s {
		return
	}
	delete(l.owner, text)
	var next *joinedMap[K, V]
	for _, other := range l.sources {
		if other.cur[text] != nil && (next == nil || other.number > next.number) {
			next = other
		}
	}
	if next != nil {
		l.put(next, next.cur[text].key, next.cur[text].val)
		return
	}
	l.mark(l.removeAt([]byte(text)))
}

// sweep removes what was remembered and no source has.
func (l *JoinMapLane[K, V]) sweep() {
	if !l.settled || len(l.before) == 0 {
		return
	}
	for _, s := range l.sources {
		if !s.synced {
			return
		}
	}
	for text := range l.before {
		delete(l.before, text)
		l.mark(l.removeAt([]byte(text)))
	}
}

// IsStale reports whether the entry under key is not up to date: the source it came from is not there, or
// no source has shown it since the start.
func (l *JoinMapLane[K, V]) IsStale(key K) bool {
	text, err := l.spell(key)
	if err != nil {
		return false
	}
	if s := l.owner[string(text)]; s != nil {
		return !s.synced
	}
	return l.before[string(text)]
}

// Source returns the lane that the entry under key came from.
func (l *JoinMapLane[K, V]) Source(key K) (node route.NodeURI, lane route.LaneName, ok bool) {
	text, err := l.spell(key)
	if err != nil {
		return "", "", false
	}
	s := l.owner[string(text)]
	if s == nil {
		return "", "", false
	}
	return s.Node(), s.Lane(), true
}
