package cli

import (
	"context"
	"errors"
	"math"
	"slices"

	"selvage/edge/recon"
)

// change is one event of a lane, read.
type change struct {
	kind  changeKind
	key   recon.Value // of an entry or an element
	value recon.Value
	n     int64 // of drop and take
	index int   // of an element
	from  int   // where a moved element was
}

type changeKind uint8

const (
	setValue changeKind = iota // a value lane's, or anything that is no operation on a map or a list
	setEntry
	removeEntry
	insertElement // read as setElement: who keeps the list can tell
	setElement
	moveElement
	removeElement
	clearAll
	dropFirst
	takeFirst
)

// readChange reads an event's body. The kind of a lane does not show on the wire, so what looks
// like a map's or a list's operation is taken for one. A list's names an index beside the key.
func readChange(body []byte) (change, error) {
	v, err := recon.Parse(body)
	if err != nil {
		return change{}, err
	}
	h := v.Header(v.Tag())
	switch v.Tag() {
	case "update":
		ch := change{kind: setEntry, key: h.Get("key"), value: v.Body()}
		if i, ok := indexIn(h, "index"); ok {
			ch.kind, ch.index = setElement, i
		}
		if hasKey(h) {
			return ch, nil
		}
	case "remove":
		ch := change{kind: removeEntry, key: h.Get("key")}
		if i, ok := indexIn(h, "index"); ok {
			ch.kind, ch.index = removeElement, i
		}
		if hasKey(h) {
			return ch, nil
		}
	case "move":
		from, ok := indexIn(h, "from")
		to, also := indexIn(h, "to")
		if ok && also && hasKey(h) {
			return change{kind: moveElement, key: h.Get("key"), from: from, index: to}, nil
		}
	case "clear":
		if v.Len() == 1 && h.Len() == 0 {
			return change{kind: clearAll}, nil
		}
	case "drop", "take":
		if n, ok := h.Index(0).Int(); ok && v.Len() == 1 {
			kind := dropFirst
			if v.Tag() == "take" {
				kind = takeFirst
			}
			return change{kind: kind, n: n}, nil
		}
	}
	return change{kind: setValue, value: v}, nil
}

func hasKey(header recon.Value) bool {
	for _, it := range header.Items() {
		if k, _ := it.Key.Text(); k == "key" {
			return true
		}
	}
	return false
}

func indexIn(header recon.Value, name string) (i int, ok bool) {
	n, ok := header.Get(name).Int()
	return int(n), ok && n >= 0 && n <= math.MaxInt32
}

// content is what a lane holds: a value, a map's entries in the order of their keys, or a list's
// elements, which are items without a key.
type content struct {
	empty   bool // an empty map or list, or a lane that holds nothing
	list    bool // a list lane's, which an empty one does not tell
	value   recon.Value
	entries []recon.Item
}

// gather reads the events of a sync. Changes made meanwhile are among them.
func gather(ctx context.Context, bodies [][]byte) (content, error) {
	c := content{empty: true}
	var list elements
	at := map[string]int{} // in c.entries, by the key's Recon text
	removed := 0
	for _, body := range bodies {
		if errors.Is(ctx.Err(), context.Canceled) {
			return c, errors.New("interrupted")
		}
		ch, err := readChange(body)
		if err != nil {
			return c, err
		}
		switch ch.kind {
		case setValue:
			c.value, c.empty = ch.value, false
		case setElement, moveElement, removeElement:
			c.list = true
			list.apply(ch)
		case setEntry:
			key := ch.key.String()
			i, ok := at[key]
			if !ok {
				i = len(c.entries)
				at[key] = i
				c.entries = append(c.entries, recon.Item{})
			}
			c.entries[i] = recon.Slot(ch.key, ch.value)
		case removeEntry:
			key := ch.key.String()
			if i, ok := at[key]; ok {
				delete(at, key)
				c.entries[i] = recon.Item{} // its place is kept, for those behind it
				removed++
			}
		default: // of a map, all or an unknown part of it is gone
			list.apply(ch)
			c.entries, removed = nil, 0
			clear(at)
		}
	}
	if removed > 0 {
		c.entries = slices.DeleteFunc(c.entries, func(it recon.Item) bool { return it.Kind != recon.SlotItem })
	}
	for _, e := range list.inOrder {
		c.entries = append(c.entries, recon.Of(e.value))
	}
	c.empty = c.empty && len(c.entries) == 0
	return c, nil
}

// all returns the content as one value, for JSON.
func (c content) all() recon.Value {
	if c.empty || len(c.entries) > 0 {
		return recon.Record(c.entries...)
	}
	return c.value
}
