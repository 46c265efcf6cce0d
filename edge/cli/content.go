package cli

import (
	"context"
	"errors"
	"slices"

	"selvage/edge/recon"
)

// change is one event of a lane, read.
type change struct {
	kind  changeKind
	key   recon.Value // of an entry
	value recon.Value
	n     int64 // of drop and take
}

type changeKind uint8

const (
	setValue changeKind = iota // a value lane's, or anything that is no map operation
	setEntry
	removeEntry
	clearAll
	dropFirst
	takeFirst
)

// readChange reads an event's body. The kind of a lane does not show on the wire, so what looks
// like a map's operation is taken for one.
func readChange(body []byte) (change, error) {
	v, err := recon.Parse(body)
	if err != nil {
		return change{}, err
	}
	h := v.Header(v.Tag())
	switch v.Tag() {
	case "update":
		if hasKey(h) {
			return change{kind: setEntry, key: h.Get("key"), value: v.Body()}, nil
		}
	case "remove":
		if hasKey(h) {
			return change{kind: removeEntry, key: h.Get("key")}, nil
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

// content is what a lane holds: a value, or entries in the order of their keys.
type content struct {
	empty   bool // no event at all: an empty map, or a lane that holds nothing
	value   recon.Value
	entries []recon.Item
}

// gather reads the events of a sync. Changes made meanwhile are among them.
func gather(ctx context.Context, bodies [][]byte) (content, error) {
	c := content{empty: len(bodies) == 0}
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
			c.value = ch.value
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
		default: // all, or an unknown part, of it is gone
			c.entries, removed = nil, 0
			clear(at)
		}
	}
	if removed > 0 {
		c.entries = slices.DeleteFunc(c.entries, func(it recon.Item) bool { return it.Kind != recon.SlotItem })
	}
	return c, nil
}

// all returns the content as one value, for JSON.
func (c content) all() recon.Value {
	if c.empty || len(c.entries) > 0 {
		return recon.Record(c.entries...)
	}
	return c.value
}
