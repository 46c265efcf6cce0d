package mqtt

import (
	"cmp"
	"encoding/binary"
	"hash/fnv"
	"io"
	"slices"
	"strings"
	"sync"

	"selvage/edge/route"
	"selvage/uplink"
)

// maxReceipts bounds what is remembered of messages that were stored. It must be more than are acknowledged while the
// broker takes no acknowledgement in, of what it has sent before: Mosquitto 2.0.11 sends 20 ahead until a session with a
// backlog is resumed, and then all there is (13,000 were seen). For the host's own broker see broker.Limits.Held.
const maxReceipts = 16384

// receipts tell which messages of QoS 1 and 2 have been stored, so that one is not stored again that is sent
// again: its sender cannot know whether the acknowledgement was lost or the message. A receipt is noted in the
// turn that takes the message, and so is on flash if, and only if, what the message brought is.
//
// A message is known by its sender's packet identifier and its content. A sender that uses an identifier for
// two messages of one content, and is cut off in the second, is believed to mean the first.
type receipts struct {
	book   route.NodeURI
	client string // ours

	mu    sync.Mutex
	known map[receiptKey]receipt
	order []receiptEntry // the oldest first; those whose number is not that of known are void
	next  uint64
}

// receiptKey is what a packet identifier of one sender means to one target.
type receiptKey [10]byte

type receipt struct {
	sum    uint64 // of topic and payload
	number uint64 // rises from receipt to receipt
	origin int64  // the message's number in the host's own broker, 0 otherwise
}

type receiptEntry struct {
	key    receiptKey
	number uint64
}

func newReceipts(name, client string) *receipts {
	return &receipts{book: uplink.Node(name) + "/receipts", client: client, known: map[receiptKey]receipt{}}
}

// load takes in what was noted before the host was started.
func (r *receipts) load(notes map[string][]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for k, v := range notes {
		if len(k) != len(receiptKey{}) || len(v) != 16 {
			continue
		}
		key, rec := receiptKey([]byte(k)), receipt{sum: binary.BigEndian.Uint64([]byte(v)), number: binary.BigEndian.Uint64([]byte(v)[8:])}
		if _, newer := r.known[key]; !newer {
			r.known[key] = rec
			r.order = append(r.order, receiptEntry{key, rec.number})
			r.next = max(r.next, rec.number+1)
		}
	}
	slices.SortFunc(r.order, func(x, y receiptEntry) int { return cmp.Compare(x.number, y.number) })
}

// forget is for when packet identifiers begin anew. It is called in a turn of the uplink's agent.
func (r *receipts) forget(note func(book route.NodeURI, key, value []byte)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.known)
	r.order = nil
	note(r.book, nil, nil)
}

// token is what tells a message from others.
type token struct {
	client string // who has sent it
	id     uint16
	again  bool // it was sent before
	lasts  bool // its sender sends it again after any time
	sum    uint64
	origin int64
}

// token makes one for a message that came under a packet identifier.
func (r *receipts) token(host uplink.Host, a *arrival, id uint16) *token {
	t := &token{client: r.client, id: id, again: a.again, lasts: true, sum: sum(a.topic, string(a.raw))}
	if o, ok := host.Origin(r.client, id); ok {
		t.client, t.id, t.again, t.lasts, t.origin = o.Client, o.ID, o.Again, o.Session, o.Number
	}
	return t
}

// fresh tells whether a message is none that target has stored, and notes that it has now. It is called in the
// turn that stores it.
func (r *receipts) fresh(t *token, target uint64, note func(book route.NodeURI, key, value []byte)) bool {
	key := t.key(target)
	r.mu.Lock()
	defer r.mu.Unlock()
	was, known := r.known[key]
	switch {
	case known && t.origin != 0 && was.origin == t.origin,
		known && t.again && t.lasts && was.sum == t.sum:
		return false
	}
	now := receipt{t.sum, r.next, t.origin}
	r.next++
	r.known[key] = now
	r.order = append(r.order, receiptEntry{key, now.number})
	switch {
	case t.lasts:
		value := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(make([]byte, 0, 16), now.sum), now.number)
		note(r.book, key[:], value)
	case known:
		note(r.book, key[:], nil)
	}
	for len(r.known) > maxReceipts || len(r.order) > 2*maxReceipts {
		first := r.order[0]
		r.order = r.order[1:]
		if r.known[first.key].number == first.number {
			delete(r.known, first.key)
			note(r.book, first.key[:], nil)
		}
	}
	return true
}

func (t *token) key(target uint64) (key receiptKey) {
	binary.BigEndian.PutUint64(key[:], target^sum(t.client))
	binary.BigEndian.PutUint16(key[8:], t.id)
	return key
}

// sum is a hash that is the same in each run.
func sum(texts ...string) uint64 {
	h := fnv.New64a()
	for _, s := range texts {
		_, _ = io.WriteString(h, s)  // never fails
		_, _ = h.Write([]byte{0xff}) // which is in no text of UTF-8
	}
	return h.Sum64()
}

// sumOf identifies a target in each run, whatever else there is in the config.
func sumOf(node route.NodeURI, m *mapping) uint64 {
	return sum(strings.Join([]string{string(node), m.topic.text}, "\xff"))
}
