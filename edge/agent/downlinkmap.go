package agent

import (
	"bytes"
	"cmp"
	"iter"
	"maps"
	"slices"

	"selvage/edge/recon"
)

// MapDownlink follows a map lane and knows its entries.
type MapDownlink[K, V any] struct {
	Downlink
	keys *recon.Codec[K]
	vals *recon.Codec[V]
	cur  map[string]*mapCopy[K, V] // by the key's Recon text
	text []byte                    // room to spell a key
	rest *mapRest[K, V]            // what is not told yet; nil for nothing
	odd  *oddEntries               // nil while there are none

	onUpdate func(key K, old, now V)
	onRemove func(key K, old V)
	onClear  func()
}

// mapCopy is an entry as the downlink knows it.
type mapCopy[K, V any] struct {
	key   K
	val   V
	order recon.Value // the key
}

// mapRest is what a map downlink has taken.
type mapRest[K, V any] struct {
	changes []mapChange[K, V]
	told    []mapNews[K, V]
	anew    map[string]*mapCopy[K, V] // the entries before a clear
}

// oddEntries are those of the lane that do not fit the downlink's types: they are not in cur, but count for
// what the first n are.
type oddEntries struct {
	keys map[string]recon.Value
	why  error
}

// mapChange is one change of a lane as it is.
type mapChange[K, V any] struct {
	kind  opKind
	n     int    // of drop and take
	text  string // of update and remove
	key   K
	val   V
	order recon.Value
}

// mapNews is what a handler is told.
type mapNews[K, V any] struct {
	kind     opKind // update, remove or clear
	key      K
	old, now V
}

// mapSource is a lane that hands over changes as they are, if asTyped says so. fresh asks for its whole state.
type mapSource[K, V any] interface {
	asTyped() bool
	nextChanges(t *Tail, fresh bool, to []mapChange[K, V]) []mapChange[K, V]
}

// LinkMap follows a map lane of an agent, of this host or of another one; join and demand-map lanes are
// map lanes to those who link to them. Entries go over as they are if K and V are the lane's own types,
// see Link, and by way of Recon otherwise. One that does not fit K or V is a condition, and is left out.
func LinkMap[K, V any](a *Agent, node, lane string, o ...LinkOptions) *MapDownlink[K, V] {
	d := &MapDownlink[K, V]{keys: codecOf[K](a, lane), vals: codecOf[V](a, lane), cur: map[string]*mapCopy[K, V]{}}
	d.open(a, d, node, lane, MapKind, o)
	return d
}

// OnUpdate has fn run for each entry that there is, then for each that is set, with its value before,
// which for a new one is V's zero value, and now. All entries are as they are now when it runs.
func (d *MapDownlink[K, V]) OnUpdate(fn func(key K, old, now V)) *MapDownlink[K, V] {
	d.inTurn()
	d.onUpdate = then3(d.onUpdate, fn)
	return d
}

// OnRemove has fn run for each entry that went, with the value it had.
func (d *MapDownlink[K, V]) OnRemove(fn func(key K, old V)) *MapDownlink[K, V] {
	d.inTurn()
	d.onRemove = then2(d.onRemove, fn)
	return d
}

// OnClear has fn run when all entries went at once.
func (d *MapDownlink[K, V]) OnClear(fn func()) *MapDownlink[K, V] {
	d.inTurn()
	d.onClear = then0(d.onClear, fn)
	return d
}

// Get returns the value under key.
func (d *MapDownlink[K, V]) Get(key K) (v V, ok bool) {
	if c := d.find(key); c != nil {
		return c.val, true
	}
	return v, false
}

func (d *MapDownlink[K, V]) find(key K) *mapCopy[K, V] {
	var err error
	if d.text, err = d.keys.Append(d.text[:0], key); err != nil {
		return nil
	}
	return d.cur[string(d.text)]
}

// Len returns how many entries there are.
func (d *MapDownlink[K, V]) Len() int { return len(d.cur) }

// All goes through the entries in the order of their keys.
func (d *MapDownlink[K, V]) All() iter.Seq2[K, V] {
	all := ordered(d.cur)
	return func(yield func(K, V) bool) {
		for _, text := range all {
			if c := d.cur[text]; c != nil && !yield(c.key, c.val) {
				return
			}
		}
	}
}

// ordered returns the texts of the keys in the order of these.
func ordered[K, V any](m map[string]*mapCopy[K, V]) []string {
	return slices.SortedFunc(maps.Keys(m), func(x, y string) int {
		return cmp.Or(recon.Compare(m[x].order, m[y].order), cmp.Compare(x, y))
	})
}

// Set sends the lane the command to set the value under key.
func (d *MapDownlink[K, V]) Set(key K, v V) error {
	text, err := d.keys.Append(nil, key)
	if err != nil {
		return d.sendError(err)
	}
	value, err := d.vals.Append(nil, v)
	if err != nil {
		return d.sendError(err)
	}
	return d.send(appendUpdate(string(text), value))
}

// Remove sends the lane the command to remove the entry under key.
func (d *MapDownlink[K, V]) Remove(key K) error {
	body, err := d.keys.Append([]byte("@remove(key:"), key)
	if err != nil {
		return d.sendError(err)
	}
	return d.send(append(body, ')'))
}

// Clear sends the lane the command to remove all entries.
func (d *MapDownlink[K, V]) Clear() error { return d.send([]byte("@clear")) }

func (d *MapDownlink[K, V]) take(t *Tail, in *intake) int {
	if d.fresh && (len(d.cur) > 0 || d.odd != nil) { // another lane than before, or the same after a while
		d.fill().changes = append(d.fill().changes, mapChange[K, V]{kind: clearOp})
	}
	l, same := t.lane.typed.(mapSource[K, V])
	if !same || !l.asTyped() {
		d.bodies(t, in)
		if d.rest != nil {
			return len(d.rest.changes)
		}
		return 0
	}
	if !d.fresh && t.at >= t.lane.typed.now() {
		return 0
	}
	r := d.fill()
	r.changes = l.nextChanges(t, d.fresh, r.changes)
	return len(r.changes)
}

func (d *MapDownlink[K, V]) fill() *mapRest[K, V] {
	if d.rest == nil {
		d.rest = new(mapRest[K, V])
	}
	return d.rest
}

func (d *MapDownlink[K, V]) load(bodies [][]byte) (err error) {
	r := d.fill()
	for _, c := range r.changes {
		own(&c.val)
		d.apply(c)
	}
	r.changes = nil
	for _, body := range bodies {
		if bad := d.read(body); bad != nil {
			err = bad
		}
	}
	d.compare()
	if err == nil && d.odd != nil {
		err = d.odd.why
	}
	return err
}

// read does what an event says.
func (d *MapDownlink[K, V]) read(body []byte) error {
	if bytes.Equal(body, mapCleared) {
		d.apply(mapChange[K, V]{kind: clearOp})
		return nil
	}
	op, err := parseOp(body, mapOps)
	if err != nil {
		return err
	}
	c := mapChange[K, V]{kind: takeOp, n: op.n, order: op.key}
	switch op.tag {
	case "update":
		c.kind, c.text = updateOp, op.key.String()
		if c.key, err = d.keys.Load(op.key); err == nil {
			c.val, err = d.vals.Load(op.val)
		}
		if err != nil {
			d.remove(c.text)
			d.except(c.text, op.key, err)
			return nil
		}
	case "remove":
		c.kind, c.text = removeOp, op.key.String()
	case "clear":
		c.kind = clearOp
	case "drop":
		c.kind = dropOp
	}
	d.apply(c)
	return nil
}

// except notes that an entry does not fit.
func (d *MapDownlink[K, V]) except(text string, key recon.Value, why error) {
	if d.odd == nil {
		d.odd = &oddEntries{keys: map[string]recon.Value{}}
	}
	d.odd.keys[text], d.odd.why = key, why
}

// apply makes a change of what is known, and notes it for the handlers.
func (d *MapDownlink[K, V]) apply(c mapChange[K, V]) {
	r := d.fill()
	switch c.kind {
	case updateOp:
		var old V
		if was := d.cur[c.text]; was != nil {
			old = was.val
		} else {
			d.fits(c.text)
		}
		d.cur[c.text] = &mapCopy[K, V]{c.key, c.val, c.order}
		r.told = append(r.told, mapNews[K, V]{updateOp, c.key, old, c.val})
	case removeOp:
		d.remove(c.text)
	case clearOp:
		if d.odd = nil; r.anew != nil || len(d.cur) == 0 {
			clear(d.cur)
			return
		}
		r.anew, d.cur = d.cur, map[string]*mapCopy[K, V]{}
		r.told = append(r.told, mapNews[K, V]{kind: clearOp})
	default:
		all := d.ordered()
		n := min(max(c.n, 0), len(all))
		if c.kind == dropOp {
			all = all[:n]
		} else {
			all = all[n:]
		}
		for _, text := range all {
			d.remove(text)
		}
	}
}

// fits notes that there is no entry under a key that does not fit.
func (d *MapDownlink[K, V]) fits(text string) {
	if d.odd == nil {
		return
	}
	if delete(d.odd.keys, text); len(d.odd.keys) == 0 {
		d.odd = nil
	}
}

// ordered returns the texts of the keys of all that the lane has, in the order of these.
func (d *MapDownlink[K, V]) ordered() []string {
	if d.odd == nil {
		return ordered(d.cur)
	}
	keys := maps.Clone(d.odd.keys)
	for text, c := range d.cur {
		keys[text] = c.order
	}
	return slices.SortedFunc(maps.Keys(keys), func(x, y string) int { return recon.Compare(keys[x], keys[y]) })
}

func (d *MapDownlink[K, V]) remove(text string) {
	was := d.cur[text]
	if was == nil {
		d.fits(text)
	} else {
		delete(d.cur, text)
		d.fill().told = append(d.fill().told, mapNews[K, V]{kind: removeOp, key: was.key, old: was.val})
	}
}

// compare tells what a clear, and what came after it, came to: a source that starts anew clears its lane
// and shows all entries again, and nothing was removed.
func (d *MapDownlink[K, V]) compare() {
	r := d.rest
	before := r.anew
	if r.anew = nil; before == nil || len(d.cur) == 0 {
		return
	}
	at := slices.IndexFunc(r.told, func(n mapNews[K, V]) bool { return n.kind == clearOp })
	r.told = r.told[:at]
	for _, text := range ordered(before) {
		if d.cur[text] == nil {
			r.told = append(r.told, mapNews[K, V]{kind: removeOp, key: before[text].key, old: before[text].val})
		}
	}
	for _, text := range ordered(d.cur) {
		n := mapNews[K, V]{kind: updateOp, key: d.cur[text].key, now: d.cur[text].val}
		if was := before[text]; was != nil {
			n.old = was.val
		}
		r.told = append(r.told, n)
	}
}

func (d *MapDownlink[K, V]) tell() {
	r := d.rest
	if d.rest = nil; r == nil {
		return
	}
	for _, n := range r.told {
		switch {
		case d.closed:
			return
		case n.kind == updateOp && d.onUpdate != nil:
			d.onUpdate(n.key, n.old, n.now)
		case n.kind == removeOp && d.onRemove != nil:
			d.onRemove(n.key, n.old)
		case n.kind == clearOp && d.onClear != nil:
			d.onClear()
		}
	}
}
