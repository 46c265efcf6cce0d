package far

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"selvage/edge/agent"
	"selvage/edge/recon"
)

// parse reads entries written as "k:v k:v".
func parse(t *testing.T, text string) image {
	t.Helper()
	m := image{}
	for _, f := range strings.Fields(text) {
		k, v, _ := strings.Cut(f, ":")
		if err := m.apply(value(t, fmt.Sprintf("@update(key:%s) %s", k, v))); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func value(t *testing.T, text string) recon.Value {
	t.Helper()
	v, err := recon.ParseString(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (m image) all() iter.Seq2[recon.Value, recon.Value] {
	return func(yield func(k, v recon.Value) bool) {
		for _, e := range m.sorted() {
			if !yield(e.key, e.value) {
				return
			}
		}
	}
}

func words(entries []entry) string {
	var all []string
	for _, e := range entries {
		all = append(all, e.key.String()+":"+e.value.String())
	}
	return strings.Join(all, " ")
}

// What a map lane comes to after a sync: what was there before the connection was lost, what the
// sync's events say, what is to be set and removed.
func TestDiffAtSynced(t *testing.T) {
	for _, tt := range []struct {
		name, before string
		events       []string
		set, gone    string
	}{
		{"nothing changed", "a:1 b:2", []string{"@update(key:a) 1", "@update(key:b) 2"}, "", ""},
		{"first sync", "", []string{"@update(key:b) 2", "@update(key:a) 1"}, "a:1 b:2", ""},
		{"removed while away", "a:1 b:2 c:3", []string{"@update(key:b) 2"}, "", "a c"},
		{"all removed while away", "a:1 b:2", nil, "", "a b"},
		{"changed and new", "a:1 b:2", []string{"@update(key:a) 5", "@update(key:b) 2", "@update(key:c) 7"}, "a:5 c:7", ""},
		{"removed during the sync", "a:1 b:2", []string{"@update(key:a) 1", "@update(key:b) 2", "@remove(key:a)"}, "", "a"},
		{"removed before it was told", "a:1", []string{"@remove(key:a)", "@update(key:b) 2"}, "b:2", "a"},
		{"cleared during the sync", "a:1 b:2", []string{"@update(key:a) 1", "@clear", "@update(key:c) 3"}, "c:3", "a b"},
		{"there and back", "a:1", []string{"@update(key:a) 2", "@update(key:a) 1"}, "", ""},
		{"the first two dropped", "0:x 1:x", []string{"@update(key:1) x", "@update(key:3) x", "@update(key:2) x", "@drop(2)"}, "3:x", "0 1"},
		{"the first two taken", "0:x 1:x", []string{"@update(key:1) x", "@update(key:3) x", "@update(key:2) x", "@take(2)"}, "2:x", "0"},
		{"odd counts", "1:x", []string{"@update(key:1) x", "@drop(-1)", "@drop(none)", "@take(99)"}, "", ""},
		{"one number however it is written", "1:x", []string{"@update(key:1.0) x"}, "", ""},
		{"an empty value", "", []string{"@update(key:a)"}, "a:", ""},
	} {
		r := replica{}
		r.begin()
		for _, e := range tt.events {
			if err := r.event(agent.MapKind, []byte(e)); err != nil {
				t.Errorf("%s: %s: %v", tt.name, e, err)
			}
		}
		set, gone := r.entries.diff(parse(t, tt.before).all())
		var keys []string
		for _, k := range gone {
			keys = append(keys, k.String())
		}
		if got := words(set); got != tt.set || strings.Join(keys, " ") != tt.gone {
			t.Errorf("%s: set %q, gone %q, want %q, %q", tt.name, got, keys, tt.set, tt.gone)
		}
	}
}

func TestReplica(t *testing.T) {
	r := replica{}
	r.begin()
	if r.told > 0 {
		t.Error("told before an event")
	}
	for _, e := range []string{"1", "{a:2}", ""} {
		if err := r.event(agent.ValueKind, []byte(e)); err != nil || r.told == 0 {
			t.Errorf("event %q: %v", e, err)
		}
	}
	if !r.value.IsAbsent() {
		t.Errorf("the value is %s, want the last one", r.value)
	}
	for _, bad := range []string{"5", "@put(key:a) 1", "@update(key:"} {
		r.begin()
		if err := r.event(agent.MapKind, []byte(bad)); err == nil || r.wrong == nil {
			t.Errorf("%s was taken for an operation", bad)
		}
	}
	var zero image
	if set, gone := zero.diff(parse(t, "b:1 a:1").all()); len(set) != 0 || !slices.EqualFunc(gone, []string{"a", "b"}, func(v recon.Value, s string) bool { return v.String() == s }) {
		t.Errorf("set %v, gone %v", set, gone)
	}
}
