package agent

import (
	"time"

	"selvage/edge/recon"
	"selvage/edge/route"
)

// joinPatience is how long a join lane keeps entries from before a start that no source accounts for:
// sources may come a moment later.
const joinPatience = 10 * time.Second

// JoinValueLane is a map lane, for those who link to it, whose entries follow value lanes of other agents,
// one each. While a source is away its entry stays as it was last, also over a restart; see IsStale.
type JoinValueLane[K, V any] struct {
	*MapLane[K, V]
	sources map[string]*joinedValue[K, V] // by the key's Recon text
	before  map[string]bool               // entries remembered from before the start, that no source has set since
	onStale func(key K, stale bool)
}

type joinedValue[K, V any] struct {
	*ValueDownlink[V]
	set bool // it has set its entry
}

// JoinValue makes a join-value lane that has no sources yet, and starts with what is remembered of it. What
// is remembered goes some seconds later unless there is a source for it then.
func JoinValue[K, V any](a *Agent, name string) *JoinValueLane[K, V] {
	l := &JoinValueLane[K, V]{MapLane: Map[K, V](a, name), sources: map[string]*joinedValue[K, V]{}}
	l.typed = l
	l.before = remembered(l.MapLane, l.sweep)
	return l
}

// remembered lists the entries that a lane starts with, and has sweep run once their time is over.
func remembered[K, V any](l *MapLane[K, V], sweep func()) map[string]bool {
	before := map[string]bool{}
	for text := range l.cur {
		before[text] = true
	}
	if len(before) > 0 {
		l.agent.After(joinPatience, sweep)
	}
	return before
}

// Transient makes the lane forget its entries when the host stops. It is for setup.
func (l *JoinValueLane[K, V]) Transient() *JoinValueLane[K, V] {
	l.MapLane.Transient()
	clear(l.before)
	return l
}

// ReadOnly refuses commands from outside: only sources change the lane.
func (l *JoinValueLane[K, V]) ReadOnly() *JoinValueLane[K, V] {
	l.MapLane.ReadOnly()
	return l
}

// Link has the entry under key follow a value lane, in place of what it followed before.
func (l *JoinValueLane[K, V]) Link(key K, node, lane string, o ...LinkOptions) {
	text, err := l.keys.Append(nil, key)
	if err != nil {
		l.mark(err)
		return
	}
	if old := l.sources[string(text)]; old != nil {
		old.Close()
	}
	s := &joinedValue[K, V]{ValueDownlink: LinkValue[V](l.agent, node, lane, o...)}
	l.sources[string(text)] = s
	s.OnSet(func(_, now V) {
		delete(l.before, string(text))
		err := l.set(key, now)
		l.mark(err)
		s.set = s.set || err == nil
	})
	if l.onStale != nil {
		s.OnSynced(func() { l.onStale(key, false) })
		s.OnLost(func(error) { l.onStale(key, true) })
	}
}

// OnStale has fn run when the entry under key is not up to date any more, because its source is away, and with
// stale false when it is again; see IsStale. It is for before Link.
func (l *JoinValueLane[K, V]) OnStale(fn func(key K, stale bool)) *JoinValueLane[K, V] {
	l.inTurn()
	l.onStale = then2(l.onStale, fn)
	return l
}

// Unlink ends what Link began, and removes the entry.
func (l *JoinValueLane[K, V]) Unlink(key K) {
	l.unlink(key)
	l.MapLane.Remove(key)
}

func (l *JoinValueLane[K, V]) unlink(key K) {
	text, err := l.spell(key)
	if err != nil {
		return
	}
	delete(l.before, string(text))
	if s := l.sources[string(text)]; s != nil {
		s.Close()
		delete(l.sources, string(text))
	}
}

// LinkEach links all value and demand lanes there are on this host, and that will be, that a pattern matches,
// such as "/device/*/temperature": each * stands for one segment, the last of which is the lane. key says under
// which key an entry is; with ok false the lane is left out. If several lanes have one key the entry follows
// the one that came last. Entries go when their agents are taken away.
// The agent's own lanes are left out.
func (l *JoinValueLane[K, V]) LinkEach(pattern string, key func(node route.NodeURI, lane route.LaneName) (k K, ok bool)) error {
	return l.agent.watch(pattern, func(node route.NodeURI, lane route.LaneName, kind LaneKind, there bool) {
		k, ok := key(node, lane)
		if !ok {
			return
		}
		if there {
			if kind == ValueKind || kind == DemandKind {
				l.Link(k, string(node), string(lane))
			}
			return
		}
		if n, at, linked := l.Source(k); linked && n == node && at == lane { // else another has the key by now
			l.Unlink(k)
		}
	})
}

// IsStale reports whether the entry under key is not up to date: its source is not there, or was not seen
// since the start.
func (l *JoinValueLane[K, V]) IsStale(key K) bool {
	text, err := l.spell(key)
	if err != nil {
		return false
	}
	if s := l.sources[string(text)]; s != nil {
		return !s.synced
	}
	return l.before[string(text)]
}

// Source returns the lane that the entry under key follows.
func (l *JoinValueLane[K, V]) Source(key K) (node route.NodeURI, lane route.LaneName, ok bool) {
	text, err := l.spell(key)
	if err != nil {
		return "", "", false
	}
	s := l.sources[string(text)]
	if s == nil {
		return "", "", false
	}
	return s.Node(), s.Lane(), true
}

// Remove removes the entry under key and ends its link.
func (l *JoinValueLane[K, V]) Remove(key K) { l.Unlink(key) }

// Clear removes all entries and ends their links.
func (l *JoinValueLane[K, V]) Clear() {
	l.MapLane.Clear()
	l.endGone()
}

// Drop removes the first n entries, in the order of their keys, and ends their links.
func (l *JoinValueLane[K, V]) Drop(n int) {
	l.MapLane.Drop(n)
	l.endGone()
}

// Take keeps the first n entries, in the order of their keys, and ends the links of the others.
func (l *JoinValueLane[K, V]) Take(n int) {
	l.MapLane.Take(n)
	l.endGone()
}

// command takes a map operation. As in the reference, an entry that a client removes is linked no more.
func (l *JoinValueLane[K, V]) command(body []byte) error {
	err := l.MapLane.command(body)
	l.endGone()
	return err
}

// endGone ends the links whose entries were removed.
func (l *JoinValueLane[K, V]) endGone() {
	for text, s := range l.sources {
		if s.set && l.cur[text] == nil {
			s.Close()
			delete(l.sources, text)
		}
	}
	for text := range l.before {
		if l.cur[text] == nil {
			delete(l.before, text)
		}
	}
}

// sweep removes what was remembered and has no source.
func (l *JoinValueLane[K, V]) sweep() {
	for text := range l.before {
		if l.sources[text] == nil {
			delete(l.before, text)
			l.mark(l.removeAt([]byte(text)))
		}
	}
}

var _ typed = (*JoinValueLane[recon.Value, recon.Value])(nil)
