package route

import (
	"fmt"
	"strings"
)

// Table finds the value whose pattern matches a node URI. Where several match, a
// literal segment wins over a wild one, the leftmost difference deciding. The zero
// Table is empty and ready. Finding allocates nothing and may be done by many at
// once, as long as nobody adds.
type Table[T any] struct{ root branch[T] }

type branch[T any] struct {
	literal map[string]*branch[T]
	wild    *branch[T]
	leaf    *leaf[T]
}

type leaf[T any] struct {
	pattern Pattern
	value   T
}

// Add refuses a pattern that matches the very same nodes as one already there.
func (t *Table[T]) Add(p Pattern, v T) error {
	if len(p.shape) == 0 {
		return fmt.Errorf("an empty %s matches no node", wantPattern)
	}
	b := &t.root
	for _, s := range p.shape {
		next := b.wild
		if !s.wild {
			next = b.literal[s.text]
		}
		if next == nil {
			next = new(branch[T])
			switch {
			case s.wild:
				b.wild = next
			case b.literal == nil:
				b.literal = map[string]*branch[T]{s.text: next}
			default:
				b.literal[s.text] = next
			}
		}
		b = next
	}
	if b.leaf != nil {
		return fmt.Errorf("%s %s matches the same nodes as %s, which is already there; remove one of them",
			wantPattern, quote(p.String()), quote(b.leaf.pattern.String()))
	}
	b.leaf = &leaf[T]{p, v}
	return nil
}

// Find gives the value of the pattern that fits n best.
func (t *Table[T]) Find(n NodeURI) (v T, params Params, ok bool) {
	l := t.root.find(string(n))
	if l == nil {
		return v, Params{}, false
	}
	return l.value, Params{l.pattern.shape, n}, true
}

// find visits a branch at most once, so its cost is bounded by the table's size.
func (b *branch[T]) find(path string) *leaf[T] {
	head, rest, more := strings.Cut(path, "/")
	if next := b.literal[head]; next != nil {
		if l := next.end(rest, more); l != nil {
			return l
		}
	}
	if b.wild != nil && head != "" {
		return b.wild.end(rest, more)
	}
	return nil
}

func (b *branch[T]) end(rest string, more bool) *leaf[T] {
	if more {
		return b.find(rest)
	}
	return b.leaf
}
