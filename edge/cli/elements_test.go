package cli

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"selvage/edge/recon"
)

func (l *elements) String() string {
	var values []string
	for _, e := range l.inOrder {
		values = append(values, fmt.Sprintf("%s=%s", e.text, e.value))
	}
	return fmt.Sprint(values)
}

func elementsOf(rng *rand.Rand) *elements {
	l := &elements{}
	for i, key := range rng.Perm(12)[:rng.IntN(12)] {
		l.apply(change{kind: setElement, key: recon.Int(int64(key)), value: recon.Int(rng.Int64N(3)), index: i})
	}
	return l
}

// The changes that become tells make the one list of the other, for whoever follows them.
func TestElementsBecome(t *testing.T) {
	for seed := range uint64(500) {
		rng := rand.New(rand.NewPCG(seed, 1))
		l, want, follower := elementsOf(rng), elementsOf(rng), &elements{}
		for i, e := range l.inOrder {
			follower.apply(change{kind: setElement, key: e.key, value: e.value, index: i})
		}
		from := l.String()
		err := l.become(want, func(ch change) error {
			if ch.kind == insertElement {
				ch.kind = setElement // as it is on the wire
			}
			follower.apply(ch)
			return nil
		})
		if err != nil || l.String() != want.String() || follower.String() != want.String() {
			t.Fatalf("%s became %s, %v, and for a follower %s; want %s", from, l, err, follower, want)
		}
		if len(l.byKey) != len(l.inOrder) {
			t.Fatalf("%d keys of %d elements", len(l.byKey), len(l.inOrder))
		}
	}
}

// One element that was moved is told as one move, whichever way it went.
func TestElementsBecomeByOneMove(t *testing.T) {
	for _, tt := range []struct{ from, to int }{{0, 9}, {9, 0}, {3, 4}, {4, 3}, {2, 7}, {7, 2}} {
		l, want := &elements{}, &elements{}
		for i := range 10 {
			ch := change{kind: setElement, key: recon.Int(int64(i)), index: i}
			l.apply(ch)
			want.apply(ch)
		}
		want.apply(change{kind: moveElement, key: recon.Int(int64(tt.from)), from: tt.from, index: tt.to})
		var told []changeKind
		if err := l.become(want, func(ch change) error { told = append(told, ch.kind); return nil }); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(told, []changeKind{moveElement}) || l.String() != want.String() {
			t.Errorf("a move from %d to %d was told as %v, and made %s", tt.from, tt.to, told, l)
		}
	}
}
