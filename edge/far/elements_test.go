package far

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"testing"

	"selvage/edge/recon"
)

func (m elements) keyed() iter.Seq2[string, recon.Value] {
	return func(yield func(string, recon.Value) bool) {
		for _, e := range m {
			if !yield(e.key, e.value) {
				return
			}
		}
	}
}

// Whatever two lists are, the difference makes one of the other.
func TestListDiff(t *testing.T) {
	random := func() (m elements) {
		for _, i := range rand.Perm(8)[:rand.N(8)] {
			m = append(m, element{fmt.Sprint("k", i), recon.Int(int64(rand.N(3)))})
		}
		return m
	}
	for range 2000 {
		before, after := random(), random()
		ops := after.diff(before.keyed())
		got := append(elements(nil), before...)
		for _, op := range ops {
			if err := got.apply(value(t, string(op))); err != nil {
				t.Fatal(err)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(after) {
			t.Fatalf("%v and %q come to %v, want %v", before, ops, got, after)
		}
		if n := len(after.diff(after.keyed())); n != 0 {
			t.Fatalf("%v differs from itself", after)
		}
	}
	var m elements
	for _, e := range []string{"@update(index:0,key:a) 1", "@update(index:1,key:b) 2", "@move(from:0,to:1,key:)", "@remove(index:0,key:)"} {
		if err := m.apply(value(t, e)); err != nil {
			t.Error(err)
		}
	}
	if len(m) != 1 || m[0].key != "a" {
		t.Errorf("after operations without a key, as the reference sends them, there are %v, want a", m)
	}
	for _, bad := range []string{"5", "@put(key:a) 1"} {
		var m elements
		if m.apply(value(t, bad)) == nil {
			t.Errorf("%s was taken for an operation", bad)
		}
	}
}
