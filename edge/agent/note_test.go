package agent

import (
	"strings"
	"testing"
)

// What a turn notes is handed over with what it sets, also if it sets nothing; of a turn that panics there is neither.
func TestNote(t *testing.T) {
	o := newLoop(t)
	var n *ValueLane[int]
	a := o.add("/a", func(a *Agent) { n = Value(a, "n", 0) })
	a.Save(keep{})
	o.do(a, func() { n.Set(1); a.Note("/book", []byte("k"), []byte("1")); a.Note("/book", []byte("l"), []byte("2")) })
	o.do(a, func() { a.Note("/book", []byte("m"), []byte("3")) })
	o.do(a, func() { n.Set(2); a.Note("/book", []byte("k"), []byte("4")); panic("torn") })
	k := keep{}
	a.Save(k)
	if k["n"] != "1" || k["/book k"] != "1" || k["/book l"] != "2" || k["/book m"] != "3" {
		t.Errorf("the store got %v", k)
	}
	k = keep{}
	if a.Save(k); len(k) != 0 {
		t.Errorf("the store got %v again", k)
	}
}

// What somebody waits for is not dropped, however much waits with it.
func TestOwedPointsStay(t *testing.T) {
	o := newLoop(t)
	o.kept = []string{"text"}
	var text *ValueLane[string]
	a := o.add("/a", func(a *Agent) { text = Value(a, "text", "") })
	a.Save(keep{})
	long := strings.Repeat("x", 1000)
	for i := range 1000 {
		o.do(a, func() {
			if text.Set(long); i%100 == 0 {
				text.Set("owed")
				a.Note("/book", []byte{byte(i)}, []byte("x"))
			}
		})
	}
	k := keep{}
	a.Save(k)
	if got := strings.Count(k["text had"], "owed"); got != 10 {
		t.Errorf("%d of 10 owed points are left", got)
	}
	if lost := o.health.Count("history.dropped"); lost == 0 {
		t.Error("nothing was dropped")
	}
}
