package mqtt

import (
	"encoding/binary"
	"testing"

	"selvage/edge/route"
)

// book is what receipts have noted.
type book map[string][]byte

func (b book) note(_ route.NodeURI, key, value []byte) {
	switch {
	case key == nil:
		clear(b)
	case value == nil:
		delete(b, string(key))
	default:
		b[string(key)] = value
	}
}

func TestReceipts(t *testing.T) {
	b := book{}
	r := newReceipts("broker", "us")
	first := token{client: "us", id: 1, lasts: true, sum: 5}
	again := first
	again.again = true
	other := again
	other.sum = 6
	anothers := again
	anothers.client = "they"
	passing := token{client: "passing", id: 1, sum: 5}
	passingAgain := passing
	passingAgain.again = true
	ours := token{client: "passing", id: 2, sum: 5, origin: 9}
	steps := []struct {
		name   string
		token  token
		target uint64
		fresh  bool
	}{
		{"a message", first, 1, true},
		{"the same again", again, 1, false},
		{"the same again for another target", again, 2, true},
		{"another's", anothers, 1, true},
		{"one that is not sent again", first, 1, true},
		{"another that is sent again", other, 1, true},
		{"the first one again, later", again, 1, true},
		{"one of a sender without a session", passing, 1, true},
		{"that again", passingAgain, 1, true},
		{"one by our own broker", ours, 1, true},
		{"that once more by our own broker", ours, 1, false},
	}
	for _, s := range steps {
		if got := r.fresh(&s.token, s.target, b.note); got != s.fresh {
			t.Errorf("%s: fresh is %v, want %v", s.name, got, s.fresh)
		}
	}
	if len(b) != 3 {
		t.Errorf("%d receipts are noted, want those of the two targets and of the other", len(b))
	}

	r = newReceipts("broker", "us") // after a restart
	r.load(b)
	if r.fresh(&again, 1, b.note) || r.fresh(&again, 2, b.note) || r.fresh(&anothers, 1, b.note) {
		t.Error("what was noted is forgotten")
	}
	r.forget(b.note)
	if len(b) > 0 || !r.fresh(&again, 1, b.note) {
		t.Error("what is to be forgotten is not")
	}
}

// There are at most maxReceipts, the newest, in memory as on disk, also after a restart.
func TestReceiptsBound(t *testing.T) {
	b := book{}
	r := newReceipts("broker", "us")
	message := func(i int, again bool) *token {
		return &token{client: "us", id: uint16(i), lasts: true, sum: uint64(i), again: again}
	}
	add := func(from, n int) {
		for i := range n {
			if !r.fresh(message(from+i, false), 1, b.note) {
				t.Fatalf("message %d is taken for an old one", from+i)
			}
		}
		if len(b) != maxReceipts || len(r.known) != maxReceipts || len(r.order) > 2*maxReceipts {
			t.Fatalf("%d are noted, %d known", len(b), len(r.known))
		}
	}
	add(0, maxReceipts+100)
	r = newReceipts("broker", "us")
	r.load(b)
	add(maxReceipts+100, maxReceipts/2)
	for i := maxReceipts/2 + 100; i < 3*maxReceipts/2+100; i++ {
		if r.fresh(message(i, true), 1, b.note) {
			t.Fatalf("message %d is forgotten", i)
		}
	}
	for range 10 * maxReceipts { // of a sender that has one identifier
		r.fresh(message(1, false), 1, b.note)
	}
	if len(r.order) > 2*maxReceipts {
		t.Errorf("%d entries for %d receipts", len(r.order), len(r.known))
	}
	b["x"] = []byte("damaged")
	b["1234567890"] = binary.BigEndian.AppendUint64(nil, 1)
	newReceipts("broker", "us").load(b)
}
