package far

import (
	"fmt"
	"iter"
	"math"
	"slices"

	"selvage/edge/agent"
	"selvage/edge/recon"
)

// replica is a lane's state as a sync shows it. It is painted beside the copy that there may be from
// before, and takes its place when it is complete. So entries that went while the host was away go
// here too, no reader sees half a state, and what "the first n" are does not depend on old entries.
type replica struct {
	syncing bool
	told    int   // how many events there were
	wrong   error // of one that is none of such a lane
	value   recon.Value
	entries image

	elements elements
}

// begin expects the whole state from here on.
func (r *replica) begin() { *r = replica{syncing: true} }

// forget gives back the room.
func (r *replica) forget() { r.value, r.entries, r.elements = recon.Value{}, nil, nil }

// event takes in one event before synced: a part of the state, or a change since.
func (r *replica) event(kind agent.LaneKind, body []byte) error {
	r.told++
	v, err := recon.Parse(body)
	switch {
	case err != nil:
	case kind == agent.MapKind:
		err = r.entries.apply(v)
	case kind == agent.ListKind:
		err = r.elements.apply(v)
	default:
		r.value = v
	}
	if err != nil {
		r.wrong = err
	}
	return err
}

// image is the entries of a map lane by their keys' Recon text.
type image map[string]entry

type entry struct{ key, value recon.Value }

// apply does what an event of a map lane says.
func (m *image) apply(v recon.Value) error {
	if *m == nil {
		*m = image{}
	}
	tag := v.Tag()
	head := v.Header(tag)
	switch tag {
	case "update":
		key := head.Get("key")
		(*m)[key.String()] = entry{key, v.Body()}
	case "remove":
		delete(*m, head.Get("key").String())
	case "clear":
		clear(*m)
	case "drop", "take":
		n := 0
		if h := head.Items(); len(h) > 0 {
			i, _ := h[0].Value.Int()
			n = int(max(min(i, math.MaxInt32), 0))
		}
		all := m.sorted()
		n = min(n, len(all))
		gone := all[:n]
		if tag == "take" {
			gone = all[n:]
		}
		for _, e := range gone {
			delete(*m, e.key.String())
		}
	default:
		return fmt.Errorf("want an operation such as @update(key:K) V, read %.40s", v.String())
	}
	return nil
}

// sorted returns the entries in the order of their keys.
func (m image) sorted() []entry {
	all := make([]entry, 0, len(m))
	for _, e := range m {
		all = append(all, e)
	}
	slices.SortFunc(all, func(x, y entry) int { return recon.Compare(x.key, y.key) })
	return all
}

// diff returns what makes m of the entries before: those to set and the keys to remove, in order.
func (m image) diff(before iter.Seq2[recon.Value, recon.Value]) (set []entry, gone []recon.Value) {
	same := map[string]bool{}
	for key, was := range before {
		text := key.String()
		now, ok := m[text]
		if !ok {
			gone = append(gone, key)
		}
		same[text] = ok && recon.Equal(was, now.value)
	}
	for _, e := range m.sorted() {
		if !same[e.key.String()] {
			set = append(set, e)
		}
	}
	return set, gone
}
