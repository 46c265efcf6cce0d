package agent

import (
	"bytes"
	"fmt"
	"strconv"

	"selvage/edge/recon"
)

// listItem is an element as a list lane publishes it.
type listItem[V any] struct {
	key     string // as Recon text
	set     *listSet[V]
	rank    int64  // its place in the store's order
	seq     uint64 // of its newest set, or of its removal
	gone    bool
	unsaved bool
}

// listSet is what an element was set to. Links and store share it.
type listSet[V any] struct {
	val   V
	index int    // the index that the element had then
	body  []byte // the update as an event, nil until one of them asks
	head  int    // how much of body is header
	size  int    // of body, or about what val takes
}

func appendListHead(b []byte, index int, key string) []byte {
	b = strconv.AppendInt(append(b, "@update(index:"...), int64(index), 10)
	return append(append(append(b, ",key:"...), key...), ')')
}

func appendListUpdate(index int, key string, value []byte) (body []byte, head int) {
	body = appendListHead(make([]byte, 0, 32+len(key)+len(value)), index, key)
	head = len(body)
	return recon.AppendBehind(body, value), head
}

// newListSet makes a set of a value and its text, nil if nobody needs that now: then size is what it takes.
func newListSet[V any](index int, key string, v V, value []byte, size int) *listSet[V] {
	s := &listSet[V]{val: v, index: index, size: size}
	if value == nil {
		return s
	}
	s.body, s.head = appendListUpdate(index, key, value)
	s.size = len(s.body)
	return s
}

// event returns what an element was set to as an update.
func (g *listLog[V]) event(e *listItem[V], s *listSet[V]) []byte {
	if s.body == nil {
		value, _ := printed(g.lane.agent, g.vals, s.val)
		s.body, s.head = appendListUpdate(s.index, e.key, value)
	}
	return s.body
}

// update returns the element as an update event at that index.
func (g *listLog[V]) update(e *listItem[V], index int) []byte {
	body := g.event(e, e.set)
	if e.set.index == index {
		return body
	}
	rest := body[e.set.head:]
	b := make([]byte, 0, 32+len(e.key)+len(rest))
	return append(appendListHead(b, index, e.key), rest...)
}

func (e *listItem[V]) cost() int { return listCost + len(e.key) + e.set.size }

const listRowHead = "@rank("

// row is the element as the store has it. An operation rewrites the rows of the elements it names.
func (g *listLog[V]) row(e *listItem[V]) Entry {
	b := strconv.AppendInt([]byte(listRowHead), e.rank, 10)
	return Entry{Key: []byte(e.key), Value: append(append(b, ')'), g.event(e, e.set)[e.set.head:]...)}
}

func readListRow(row Entry) (rank int64, value []byte, err error) {
	rest, ok := bytes.CutPrefix(row.Value, []byte(listRowHead))
	n, value, closed := bytes.Cut(rest, []byte{')'})
	rank, err = strconv.ParseInt(string(n), 10, 64)
	if !ok || !closed || err != nil {
		return 0, nil, fmt.Errorf("want %sn) before its value, read %.40q", listRowHead, row.Value)
	}
	return rank, bytes.TrimPrefix(value, []byte{' '}), nil
}
