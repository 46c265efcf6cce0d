package recon

import (
	"fmt"
	"reflect"
	"sync"
	"time"
)

// An Appender prints itself as one value in canonical form.
type Appender interface {
	AppendRecon(dst []byte) ([]byte, error)
}

// A Loader, a pointer, sets what it points to from a value.
type Loader interface {
	LoadRecon(v Value) error
}

// Marshal returns the canonical form of v. See CodecOf for the types it takes.
func Marshal(v any) ([]byte, error) { return AppendAny(nil, v) }

// AppendAny prints v in canonical form. For a type known beforehand, a Codec does it without allocating.
func AppendAny(dst []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return dst, nil
	case Value:
		return Append(dst, v), nil
	case string:
		return AppendString(dst, v), nil
	}
	p, err := planOf(reflect.TypeOf(v))
	if err != nil {
		return dst, err
	}
	place := reflect.New(reflect.TypeOf(v)).Elem()
	place.Set(reflect.ValueOf(v))
	return p.append(dst, place)
}

// Unmarshal reads a text into what the pointer into points to.
func Unmarshal(text []byte, into any) error {
	v, err := Parse(text)
	if err != nil {
		return err
	}
	return FromValue(v, into)
}

// ToValue returns v as a peer reads it when it is sent.
func ToValue(v any) (Value, error) {
	if v, ok := v.(Value); ok {
		return v, nil
	}
	text, err := Marshal(v)
	if err != nil {
		return Value{}, err
	}
	return Parse(text)
}

// FromValue sets what the pointer into points to from v. If v does not fit it is left half set.
func FromValue(v Value, into any) error {
	place := reflect.ValueOf(into)
	if place.Kind() != reflect.Pointer || place.IsNil() {
		return fmt.Errorf("recon: want a pointer to load into, not %T", into)
	}
	p, err := planOf(place.Type().Elem())
	if err != nil {
		return err
	}
	return p.load(place.Elem(), v)
}

// A plan says how to print and load one Go type. Its functions take addressable values.
type plan struct {
	append func(dst []byte, v reflect.Value) ([]byte, error)
	load   func(into reflect.Value, v Value) error
	basic  reflect.Kind // of types that are nothing but a boolean, number or string, for which Codec has a short cut
	blank  bool         // an empty body is the zero value
	tag    string       // of a struct, the attribute it begins with
}

var (
	plans sync.Map // from reflect.Type to *plan

	appenderType = reflect.TypeFor[Appender]()
	loaderType   = reflect.TypeFor[Loader]()
	valueType    = reflect.TypeFor[Value]()
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[time.Duration]()
)

func planOf(t reflect.Type) (*plan, error) {
	if p, ok := plans.Load(t); ok {
		return p.(*plan), nil
	}
	p, err := makePlan(t, nil)
	if err != nil {
		return nil, fmt.Errorf("recon: %w", err)
	}
	plans.Store(t, p)
	return p, nil
}

// makePlan makes the plan for t, which lies within the types of within.
func makePlan(t reflect.Type, within []reflect.Type) (*plan, error) {
	for _, outer := range within {
		if t == outer {
			return nil, fmt.Errorf("%v contains itself, which has no Recon form", t)
		}
	}
	within = append(within, t)
	switch {
	case t == valueType:
		return &valuePlan, nil
	case isOwn(t):
		return ownPlan(t, reflect.PointerTo(t)), nil
	case t == timeType:
		return &timePlan, nil
	case t == durationType:
		return &durationPlan, nil
	}
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return basicPlan(t), nil
	case reflect.Pointer:
		return pointerPlan(t, within)
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return &bytesPlan, nil
		}
		return listPlan(t, within)
	case reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return byteArrayPlan(t.Len()), nil
		}
		return listPlan(t, within)
	case reflect.Map:
		return mapPlan(t, within)
	case reflect.Struct:
		return structPlan(t, within)
	case reflect.Interface:
		if u, ok := unions.Load(t); ok {
			return u.(*union).plan(), nil
		}
		return nil, fmt.Errorf("%v has no Recon form; name the types it may hold with recon.RegisterUnion", t)
	}
	return nil, fmt.Errorf("%v has no Recon form; use recon.Value, a struct, a map or a slice", t)
}

// isOwn reports whether t prints or loads itself.
func isOwn(t reflect.Type) bool {
	ptr := reflect.PointerTo(t)
	return ptr.Implements(appenderType) || ptr.Implements(loaderType)
}

// hasOwnForm reports whether the struct t has another form than that of its fields.
func hasOwnForm(t reflect.Type) bool {
	return t == valueType || t == timeType || isOwn(t)
}

var valuePlan = plan{
	append: func(dst []byte, v reflect.Value) ([]byte, error) {
		return Append(dst, *v.Addr().Interface().(*Value)), nil
	},
	load: func(into reflect.Value, v Value) error {
		*into.Addr().Interface().(*Value) = v
		return nil
	},
	blank: true,
}

// ownPlan is for types that print or load themselves.
func ownPlan(t, ptr reflect.Type) *plan {
	p := &plan{
		append: func(dst []byte, v reflect.Value) ([]byte, error) {
			return v.Addr().Interface().(Appender).AppendRecon(dst)
		},
		load: func(into reflect.Value, v Value) error {
			return into.Addr().Interface().(Loader).LoadRecon(v)
		},
	}
	if !ptr.Implements(appenderType) {
		p.append = func(dst []byte, _ reflect.Value) ([]byte, error) {
			return dst, fmt.Errorf("recon: %v can be read but not written", t)
		}
	}
	if !ptr.Implements(loaderType) {
		p.load = func(reflect.Value, Value) error {
			return fmt.Errorf("recon: %v can be written but not read", t)
		}
	}
	return p
}

var timePlan = plan{
	append: func(dst []byte, v reflect.Value) ([]byte, error) {
		return Append(dst, Int(v.Addr().Interface().(*time.Time).UnixMilli())), nil
	},
	load: func(into reflect.Value, v Value) error {
		ms, ok := v.Int()
		if !ok {
			return misfit("a time in milliseconds since 1970", v)
		}
		*into.Addr().Interface().(*time.Time) = time.UnixMilli(ms).UTC()
		return nil
	},
}

var durationPlan = plan{
	append: func(dst []byte, v reflect.Value) ([]byte, error) {
		return AppendString(dst, time.Duration(v.Int()).String()), nil
	},
	load: func(into reflect.Value, v Value) error {
		text, ok := v.Text()
		d, err := time.ParseDuration(text)
		if !ok || err != nil {
			return misfit("a duration such as 1.5s or 10m", v)
		}
		into.SetInt(int64(d))
		return nil
	},
}

var bytesPlan = plan{
	append: func(dst []byte, v reflect.Value) ([]byte, error) {
		return Append(dst, Data(v.Bytes())), nil
	},
	load: func(into reflect.Value, v Value) error {
		b, ok := v.Data()
		if !ok {
			return misfit("data", v)
		}
		into.SetBytes(append([]byte{}, b...))
		return nil
	},
}

// pointerPlan prints nil as Extant, and reads that and nothing at all as nil.
func pointerPlan(t reflect.Type, within []reflect.Type) (*plan, error) {
	elem, err := makePlan(t.Elem(), within)
	if err != nil {
		return nil, err
	}
	return &plan{
		append: func(dst []byte, v reflect.Value) ([]byte, error) {
			if v.IsNil() {
				return dst, nil
			}
			return elem.append(dst, v.Elem())
		},
		load: func(into reflect.Value, v Value) error {
			if v.isEmpty() {
				into.SetZero()
				return nil
			}
			target := reflect.New(t.Elem())
			into.Set(target)
			return elem.load(target.Elem(), v)
		},
		blank: true,
	}, nil
}
