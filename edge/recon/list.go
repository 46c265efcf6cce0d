package recon

import (
	"fmt"
	"reflect"
	"slices"
)

// listPlan maps a slice or an array to a record of plain items.
func listPlan(t reflect.Type, within []reflect.Type) (*plan, error) {
	elem, err := makePlan(t.Elem(), within)
	if err != nil {
		return nil, err
	}
	p := &plan{
		append: func(dst []byte, v reflect.Value) ([]byte, error) {
			dst = append(dst, '{')
			var err error
			size := v.Len()
			for i := range size {
				if i > 0 {
					dst = append(dst, ',')
				}
				before := len(dst)
				if dst, err = elem.append(dst, v.Index(i)); err != nil {
					return dst, within1(fmt.Sprint(i), err)
				}
				if i == size-1 && len(dst) == before {
					dst = append(dst, ',') // or an empty item at the end would be lost
				}
			}
			return append(dst, '}'), nil
		},
		load: func(into reflect.Value, v Value) error {
			items := v.Items()
			switch {
			case v.kind != KindRecord && !v.isEmpty():
				return misfit("a record", v)
			case t.Kind() == reflect.Slice:
				into.Set(reflect.MakeSlice(t, len(items), len(items)))
			case len(items) != t.Len():
				return misfit(fmt.Sprintf("a record of %d values", t.Len()), v)
			}
			for i, it := range items {
				if it.Kind != ValueItem {
					return &FitError{Path: fmt.Sprint(i), Want: "a value without a key", Read: string(appendItem(nil, it))}
				}
				if err := elem.load(into.Index(i), it.Value); err != nil {
					return within1(fmt.Sprint(i), err)
				}
			}
			return nil
		},
		blank: t.Kind() == reflect.Slice || t.Len() == 0,
	}
	if t.Elem() == valueType {
		p.append = func(dst []byte, v reflect.Value) ([]byte, error) {
			items := make([]Item, v.Len())
			for i := range items {
				items[i] = Of(v.Index(i).Interface().(Value))
			}
			return appendAll(dst, Record(items...)), nil
		}
	}
	return p, nil
}

// byteArrayPlan maps an array of bytes to data of that size.
func byteArrayPlan(size int) *plan {
	return &plan{
		append: func(dst []byte, v reflect.Value) ([]byte, error) {
			return Append(dst, Data(v.Bytes())), nil
		},
		load: func(into reflect.Value, v Value) error {
			b, ok := v.Data()
			if !ok || len(b) != size {
				return misfit(fmt.Sprintf("data of %d bytes", size), v)
			}
			reflect.Copy(into, reflect.ValueOf(b))
			return nil
		},
	}
}

// mapPlan maps a map to a record of slots in the order of Compare.
func mapPlan(t reflect.Type, within []reflect.Type) (*plan, error) {
	switch t.Key().Kind() {
	case reflect.Pointer, reflect.Interface:
		return nil, fmt.Errorf("%v has keys that are equal without being the same, which has no Recon form", t)
	}
	key, err := makePlan(t.Key(), within)
	if err != nil {
		return nil, fmt.Errorf("keys of %v: %w", t, err)
	}
	elem, err := makePlan(t.Elem(), within)
	if err != nil {
		return nil, err
	}
	m := &mapMap{t, key, elem}
	return &plan{append: m.append, load: m.load, blank: true}, nil
}

type mapMap struct {
	t         reflect.Type
	key, elem *plan
}

// entry is one entry of a map that is being printed.
type entry struct {
	key   Value
	value reflect.Value
}

func (m *mapMap) append(dst []byte, v reflect.Value) ([]byte, error) {
	entries := make([]entry, 0, v.Len())
	place := reflect.New(m.t.Key()).Elem()
	values := reflect.MakeSlice(reflect.SliceOf(m.t.Elem()), v.Len(), v.Len())
	for all := v.MapRange(); all.Next(); {
		place.SetIterKey(all)
		key, err := m.keyOf(place)
		if err != nil {
			return dst, err
		}
		value := values.Index(len(entries))
		value.SetIterValue(all)
		entries = append(entries, entry{key, value})
	}
	slices.SortFunc(entries, func(a, b entry) int { return Compare(a.key, b.key) })
	dst = append(dst, '{')
	for i, e := range entries {
		if i > 0 {
			dst = append(dst, ',')
			if Equal(e.key, entries[i-1].key) {
				return dst, fmt.Errorf("recon: two keys of %v are both %s", m.t, short(e.key.String()))
			}
		}
		var err error
		if dst, err = m.elem.append(append(Append(dst, e.key), ':'), e.value); err != nil {
			return dst, within1(short(e.key.String()), err)
		}
	}
	return append(dst, '}'), nil
}

// keyOf returns the key in place as a Value.
func (m *mapMap) keyOf(place reflect.Value) (Value, error) {
	switch m.key.basic {
	case reflect.String:
		return String(place.String()), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return Int(place.Int()), nil
	}
	text, err := m.key.append(nil, place)
	if err != nil {
		return Value{}, err
	}
	return Parse(text)
}

func (m *mapMap) load(into reflect.Value, v Value) error {
	if v.kind != KindRecord && !v.isEmpty() {
		return misfit("a record", v)
	}
	items := v.Items()
	result := reflect.MakeMapWithSize(m.t, len(items))
	key, elem := reflect.New(m.t.Key()).Elem(), reflect.New(m.t.Elem()).Elem()
	for _, it := range items {
		if it.Kind != SlotItem {
			return &FitError{Want: "only values with keys", Read: quoteShort(string(appendItem(nil, it)))}
		}
		name := short(it.Key.String())
		key.SetZero()
		elem.SetZero()
		if err := m.key.load(key, it.Key); err != nil {
			return within1(name, err)
		}
		if result.MapIndex(key).IsValid() {
			return &FitError{Path: name, Want: "it once", Read: "it again"}
		}
		if err := m.elem.load(elem, it.Value); err != nil {
			return within1(name, err)
		}
		result.SetMapIndex(key, elem)
	}
	into.Set(result)
	return nil
}
