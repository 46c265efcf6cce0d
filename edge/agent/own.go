package agent

import (
	"reflect"
	"sync"
	"time"

	"selvage/edge/recon"
)

// own makes v its holder's own, who may alter it: what it leads to is copied. Most types lead nowhere, and
// cost nothing.
func own[T any](v *T) {
	t := reflect.TypeFor[T]()
	if k := t.Kind(); k <= reflect.Complex128 || k == reflect.String {
		return
	}
	if detach := detacherOf(t); detach != nil {
		box := new(T) // so that v need not live on the heap where nothing is copied
		*box = *v
		detach(reflect.ValueOf(box).Elem())
		*v = *box
	}
}

// detacher replaces what a value, which can be set, leads to by copies.
type detacher func(reflect.Value)

var detachers sync.Map // from reflect.Type to detacher, which is nil for a type that leads nowhere

// fixed are types whose values are never altered.
var fixed = map[reflect.Type]bool{reflect.TypeFor[recon.Value](): true, reflect.TypeFor[time.Time](): true}

func detacherOf(t reflect.Type) detacher {
	if d, known := detachers.Load(t); known {
		return d.(detacher)
	}
	d := makeDetacher(t)
	detachers.Store(t, d)
	return d
}

var appender = reflect.TypeFor[recon.Appender]()

// makeDetacher makes that of t. As far as it looks t is what its Recon form is made of, and so does not contain
// itself.
func makeDetacher(t reflect.Type) detacher {
	if fixed[t] || t.Implements(appender) {
		return nil
	}
	switch t.Kind() {
	case reflect.Slice:
		return detachSlice(makeDetacher(t.Elem()))
	case reflect.Array:
		return detachArray(makeDetacher(t.Elem()))
	case reflect.Map:
		return detachMap(makeDetacher(t.Elem()))
	case reflect.Pointer:
		return detachPointer(makeDetacher(t.Elem()))
	case reflect.Interface:
		return detachInterface
	case reflect.Struct:
		return detachStruct(t)
	}
	return nil
}

func detachSlice(each detacher) detacher {
	return func(v reflect.Value) {
		if v.IsNil() {
			return
		}
		to := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(to, v)
		v.Set(to)
		for i := 0; each != nil && i < to.Len(); i++ {
			each(to.Index(i))
		}
	}
}

func detachArray(each detacher) detacher {
	if each == nil {
		return nil
	}
	return func(v reflect.Value) {
		for i := range v.Len() {
			each(v.Index(i))
		}
	}
}

func detachMap(each detacher) detacher {
	return func(v reflect.Value) {
		if v.IsNil() {
			return
		}
		to := reflect.MakeMapWithSize(v.Type(), v.Len())
		room := reflect.New(v.Type().Elem()).Elem()
		for all := v.MapRange(); all.Next(); {
			if room.Set(all.Value()); each != nil {
				each(room)
			}
			to.SetMapIndex(all.Key(), room)
		}
		v.Set(to)
	}
}

func detachPointer(what detacher) detacher {
	return func(v reflect.Value) {
		if v.IsNil() {
			return
		}
		to := reflect.New(v.Type().Elem())
		if to.Elem().Set(v.Elem()); what != nil {
			what(to.Elem())
		}
		v.Set(to)
	}
}

func detachInterface(v reflect.Value) {
	if v.IsNil() {
		return
	}
	if detach := detacherOf(v.Elem().Type()); detach != nil {
		to := reflect.New(v.Elem().Type()).Elem()
		to.Set(v.Elem())
		detach(to)
		v.Set(to)
	}
}

func detachStruct(t reflect.Type) detacher {
	var at []int
	var fields []detacher
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() && (!f.Anonymous || f.Type.Kind() != reflect.Struct) {
			continue // it cannot be set
		}
		if f.Tag.Get("recon") == "-" {
			continue
		}
		if d := makeDetacher(f.Type); d != nil {
			at, fields = append(at, i), append(fields, d)
		}
	}
	if len(at) == 0 {
		return nil
	}
	return func(v reflect.Value) {
		for i, detach := range fields {
			detach(v.Field(at[i]))
		}
	}
}
