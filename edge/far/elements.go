package far

import (
	"fmt"
	"iter"
	"math"
	"slices"

	"selvage/edge/recon"
)

// elements are those of a list lane, in order.
type elements []element

type element struct {
	key   string // as Recon text
	value recon.Value
}

// apply does what an event of a list lane says. As in our own lists an element is known by its key.
func (m *elements) apply(v recon.Value) error {
	tag := v.Tag()
	head := v.Header(tag)
	at := func(name string) int {
		i, _ := head.Get(name).Int()
		return int(max(min(i, math.MaxInt32), 0))
	}
	key := head.Get("key").String()
	switch tag {
	case "update":
		if i := m.find(at("index"), key); i >= 0 {
			(*m)[i].value = v.Body()
		} else {
			*m = slices.Insert(*m, min(at("index"), len(*m)), element{key, v.Body()})
		}
	case "move":
		if i := m.find(at("from"), key); i >= 0 {
			m.move(i, min(at("to"), len(*m)-1))
		}
	case "remove":
		if i := m.find(at("index"), key); i >= 0 {
			*m = slices.Delete(*m, i, i+1)
		}
	case "clear":
		*m = nil
	case "drop", "take":
		n := 0
		if h := head.Items(); len(h) > 0 {
			i, _ := h[0].Value.Int()
			n = int(max(min(i, int64(len(*m))), 0))
		}
		if tag == "drop" {
			*m = slices.Clone((*m)[n:])
		} else {
			*m = (*m)[:n:n]
		}
	default:
		return fmt.Errorf("want an operation such as @update(index:i,key:K) V, read %.40s", v.String())
	}
	return nil
}

// find returns where the element with a key is, first where it is said to be; -1 says that there is none.
// Without a key, as the reference sends some operations, it is the one that is there.
func (m *elements) find(i int, key string) int {
	if i < len(*m) && ((*m)[i].key == key || key == "") {
		return i
	}
	return slices.IndexFunc(*m, func(e element) bool { return e.key == key })
}

func (m *elements) move(from, to int) {
	e := (*m)[from]
	*m = slices.Insert(slices.Delete(*m, from, from+1), to, e)
}

// diff returns the operations that make m of the elements before.
func (m elements) diff(before iter.Seq2[string, recon.Value]) (ops [][]byte) {
	wanted := map[string]bool{}
	for _, e := range m {
		wanted[e.key] = true
	}
	var now elements
	known := map[string]bool{}
	for key, v := range before {
		if !wanted[key] {
			ops = append(ops, fmt.Appendf(nil, "@remove(index:%d,key:%s)", len(now), key))
			continue
		}
		now = append(now, element{key, v})
		known[key] = true
	}
	for i, e := range m {
		was := recon.Value{}
		isNew := !known[e.key]
		if !isNew {
			at := now.find(i, e.key)
			if was = now[at].value; at != i {
				ops = append(ops, fmt.Appendf(nil, "@move(from:%d,to:%d,key:%s)", at, i, e.key))
				now.move(at, i)
			}
		} else {
			now = slices.Insert(now, i, e)
		}
		if isNew || !recon.Equal(was, e.value) {
			head := fmt.Appendf(nil, "@update(index:%d,key:%s)", i, e.key)
			ops = append(ops, recon.AppendBehind(head, recon.Append(nil, e.value)))
		}
	}
	return ops
}
