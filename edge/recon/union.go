package recon

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
)

// A union is an interface type and the types its values may have, told apart by the attribute they begin with.
type union struct {
	t      reflect.Type
	types  map[string]reflect.Type // by tag
	wanted string                  // for error texts
}

var unions sync.Map // from reflect.Type of the interface to *union

// RegisterUnion gives the interface type T a Recon form: that of the value it holds, which must be of the type of one of
// variants, a struct (or a pointer to one) that a tag such as `recon:"@circle"` on a blank field names. A nil T is an
// empty value. Call it in an init function; it panics if it is called twice for T or a variant cannot be used.
func RegisterUnion[T any](variants ...T) {
	t := reflect.TypeFor[T]()
	u := &union{t: t, types: map[string]reflect.Type{}}
	if _, twice := unions.LoadOrStore(t, u); twice {
		panic(fmt.Sprintf("recon: RegisterUnion was called twice for %v", t))
	}
	if t.Kind() != reflect.Interface {
		panic(fmt.Sprintf("recon: RegisterUnion wants an interface type, not %v", t))
	}
	var tags []string
	for _, v := range variants {
		vt := reflect.TypeOf(v)
		tag, err := tagOf(vt)
		if err != nil {
			panic(fmt.Sprintf("recon: RegisterUnion of %v: %v", t, err))
		}
		if other, twice := u.types[tag]; twice {
			panic(fmt.Sprintf("recon: RegisterUnion of %v: %v and %v are both @%s", t, other, vt, tag))
		}
		u.types[tag] = vt
		tags = append(tags, "@"+tag)
	}
	u.wanted = "a record that begins with " + strings.Join(tags, " or ")
}

// tagOf returns the attribute that the form of t begins with.
func tagOf(t reflect.Type) (string, error) {
	if t == nil {
		return "", fmt.Errorf("a variant is nil; name it as Circle{} or (*Circle)(nil)")
	}
	base := t
	if t.Kind() == reflect.Pointer {
		base = t.Elem()
	}
	p, err := planOf(base)
	switch {
	case err != nil:
		return "", err
	case p.tag == "":
		return "", fmt.Errorf("%v needs a blank field with a tag such as `recon:\"@circle\"`", base)
	}
	return p.tag, nil
}

// plan looks the plans of the variants up when they are needed, since a variant may hold a T again.
func (u *union) plan() *plan {
	return &plan{append: u.append, load: u.load, blank: true}
}

func (u *union) append(dst []byte, v reflect.Value) ([]byte, error) {
	if v.IsNil() {
		return dst, nil
	}
	v = v.Elem()
	t := v.Type()
	tag, err := tagOf(t)
	switch {
	case err != nil:
		return dst, err
	case u.types[tag] != t:
		return dst, fmt.Errorf("recon: %v holds a %v, which is none of the types given to RegisterUnion", u.t, t)
	case t.Kind() == reflect.Pointer && v.IsNil():
		return dst, fmt.Errorf("recon: %v holds a nil %v", u.t, t)
	}
	p, err := planOf(t)
	if err != nil {
		return dst, err
	}
	place := reflect.New(t).Elem()
	place.Set(v)
	return p.append(dst, place)
}

func (u *union) load(into reflect.Value, v Value) error {
	if v.isEmpty() {
		into.SetZero()
		return nil
	}
	t, ok := u.types[v.Tag()]
	if !ok {
		return misfit(u.wanted, v)
	}
	p, err := planOf(t)
	if err != nil {
		return err
	}
	place := reflect.New(t).Elem()
	if err := p.load(place, v); err != nil {
		return err
	}
	into.Set(place)
	return nil
}
