package recon

import (
	"fmt"
	"reflect"
	"slices"
)

// addRest adds the field of the struct t that keeps what has no field of its own.
func (s *structMap) addRest(t reflect.Type, f reflect.StructField, index []int) error {
	switch {
	case s.rest != nil:
		return fmt.Errorf("%v has two fields for the rest", t)
	case f.Type != valueType && f.Type != restMapType:
		return fmt.Errorf("field %s: the rest is kept in a recon.Value or a map[string]recon.Value, not in a %v", f.Name, f.Type)
	}
	s.rest = index
	return nil
}

var restMapType = reflect.TypeFor[map[string]Value]()

// keepRest stores the members of a record that have no field of their own.
func (s *structMap) keepRest(into reflect.Value, items []Item) error {
	if into.Type() == valueType {
		*into.Addr().Interface().(*Value) = Record(items...)
		return nil
	}
	rest := make(map[string]Value, len(items))
	for _, it := range items {
		name, ok := textOf(it.Key)
		if !ok || it.Kind != SlotItem {
			return &FitError{Want: "only values with keys that are text", Read: quoteShort(string(appendItem(nil, it)))}
		}
		if _, twice := rest[name]; twice {
			return &FitError{Path: name, Want: "it once", Read: "it again"}
		}
		rest[name] = it.Value
	}
	*into.Addr().Interface().(*map[string]Value) = rest
	return nil
}

// restOf returns what keepRest has stored.
func (s *structMap) restOf(v reflect.Value) (items []Item, err error) {
	switch rest := v.FieldByIndex(s.rest).Addr().Interface().(type) {
	case *Value:
		if !rest.isEmpty() && rest.kind != KindRecord {
			return nil, fmt.Errorf("recon: the rest of %v is no record but %s", v.Type(), rest.describe())
		}
		items = rest.Items()
	case *map[string]Value:
		for name, value := range *rest {
			items = append(items, Field(name, value))
		}
		slices.SortFunc(items, func(a, b Item) int { return Compare(a.Key, b.Key) })
	}
	for _, it := range items {
		name, _ := textOf(it.Key)
		if _, known := s.byName[name]; known && it.Kind == SlotItem {
			return nil, fmt.Errorf("recon: the rest of %v has the key %s, which is a field", v.Type(), name)
		}
	}
	return items, nil
}

// appendRest prints the rest behind the fields, which dst[begin:] holds, without the closing brace if open is set. Only
// attributes at its beginning come before the fields, as they did when they were read.
func (s *structMap) appendRest(dst []byte, begin int, open bool, rest []Item) ([]byte, error) {
	if !slices.ContainsFunc(rest, func(it Item) bool { return it.Kind != SlotItem }) {
		for _, it := range rest {
			if open {
				dst = append(dst, ',')
			} else {
				dst, open = append(dst, '{'), true
			}
			dst = appendItem(dst, it)
		}
		return append(dst, '}'), nil
	}
	if open {
		dst = append(dst, '}')
	}
	known, err := Parse(dst[begin:])
	if err != nil {
		return dst, err
	}
	attrs := 0
	for attrs < len(rest) && rest[attrs].Kind == AttrItem {
		attrs++
	}
	fields := known.Items()
	if s.tag == "" {
		return appendAll(dst[:begin], Record(slices.Concat(rest[:attrs], fields, rest[attrs:])...)), nil
	}
	return appendAll(dst[:begin], Record(slices.Concat(fields[:1], rest[:attrs], fields[1:], rest[attrs:])...)), nil
}

// appendAll is Append, but for records with an empty item, which in SwimOS's form may be lost.
func appendAll(dst []byte, v Value) []byte {
	items := v.Items()
	if !slices.ContainsFunc(items, holdsEmpty) {
		return Append(dst, v)
	}
	for i := 0; i < len(items); {
		if items[i].Kind == AttrItem {
			dst = appendItem(dst, items[i])
			i++
			continue
		}
		dst = append(dst, '{')
		for first := i; i < len(items) && items[i].Kind != AttrItem; i++ {
			if i > first {
				dst = append(dst, ',')
			}
			if items[i].Kind == SlotItem {
				dst = append(appendAll(dst, items[i].Key), ':')
			}
			dst = appendAll(dst, items[i].Value)
		}
		if last := items[i-1]; last.Kind == ValueItem && last.Value.isEmpty() {
			dst = append(dst, ',')
		}
		dst = append(dst, '}')
	}
	return dst
}

// holdsEmpty reports whether it is an empty item, or has one within.
func holdsEmpty(it Item) bool {
	return it.Kind == ValueItem && it.Value.isEmpty() ||
		slices.ContainsFunc(it.Key.Items(), holdsEmpty) || slices.ContainsFunc(it.Value.Items(), holdsEmpty)
}
