package recon

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"
	"unicode"
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
	ptr := reflect.PointerTo(t)
	switch {
	case t == valueType:
		return &valuePlan, nil
	case ptr.Implements(appenderType) || ptr.Implements(loaderType):
		return ownPlan(t, ptr), nil
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
		return slicePlan(t, within)
	case reflect.Struct:
		return structPlan(t, within)
	}
	return nil, fmt.Errorf("%v has no Recon form; use recon.Value, a struct or a slice", t)
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

// slicePlan maps a slice to a record of plain items.
func slicePlan(t reflect.Type, within []reflect.Type) (*plan, error) {
	elem, err := makePlan(t.Elem(), within)
	if err != nil {
		return nil, err
	}
	p := &plan{
		append: func(dst []byte, v reflect.Value) ([]byte, error) {
			dst = append(dst, '{')
			for i := range v.Len() {
				if i > 0 {
					dst = append(dst, ',')
				}
				if dst, err = elem.append(dst, v.Index(i)); err != nil {
					return dst, err
				}
			}
			return append(dst, '}'), nil
		},
		load: func(into reflect.Value, v Value) error {
			if v.kind != KindRecord && !v.isEmpty() {
				return misfit("a record", v)
			}
			items := v.Items()
			list := reflect.MakeSlice(t, len(items), len(items))
			for i, it := range items {
				if it.Kind != ValueItem {
					return &FitError{Path: fmt.Sprint(i), Want: "a value without a key", Read: string(appendItem(nil, it))}
				}
				if err := elem.load(list.Index(i), it.Value); err != nil {
					return within1(fmt.Sprint(i), err)
				}
			}
			into.Set(list)
			return nil
		},
		blank: true,
	}
	if t.Elem() == valueType {
		p.append = func(dst []byte, v reflect.Value) ([]byte, error) {
			items := make([]Item, v.Len())
			for i := range items {
				items[i] = Of(v.Index(i).Interface().(Value))
			}
			return Append(dst, Record(items...)), nil
		}
	}
	return p, nil
}

// field is one field of a struct and its name in Recon.
type field struct {
	name  string
	key   string // as printed, with the colon
	index []int
	omit  bool
	plan  *plan
}

// structPlan maps a struct to a record of slots, behind an attribute if a blank field has a tag such as `recon:"@name"`.
func structPlan(t reflect.Type, within []reflect.Type) (*plan, error) {
	s := &structMap{byName: map[string]int{}}
	if err := s.add(t, nil, within); err != nil {
		return nil, err
	}
	s.blank = s.tag == ""
	for _, f := range s.fields {
		s.blank = s.blank && f.omit
	}
	return &plan{append: s.append, load: s.load, blank: s.blank}, nil
}

type structMap struct {
	tag    string
	fields []field
	byName map[string]int
	blank  bool
}

// add adds the fields of t, which is the struct itself or one embedded in it at index.
func (s *structMap) add(t reflect.Type, index []int, within []reflect.Type) error {
	for i := range t.NumField() {
		f := t.Field(i)
		name, option, _ := strings.Cut(f.Tag.Get("recon"), ",")
		if f.Name == "_" && strings.HasPrefix(name, "@") {
			s.tag = name[1:]
			continue
		}
		at := append(append([]int{}, index...), i)
		if f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct {
			if err := s.add(f.Type, at, within); err != nil {
				return err
			}
			continue
		}
		if !f.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = lowerCamel(f.Name)
		}
		if _, twice := s.byName[name]; twice {
			return fmt.Errorf("%v has two fields named %s in Recon", t, name)
		}
		p, err := makePlan(f.Type, within)
		if err != nil {
			return fmt.Errorf("field %s: %w", f.Name, err)
		}
		s.byName[name] = len(s.fields)
		s.fields = append(s.fields, field{name, string(AppendString(nil, name)) + ":", at, option == "omitempty", p})
	}
	return nil
}

func (s *structMap) append(dst []byte, v reflect.Value) ([]byte, error) {
	if s.tag != "" {
		dst = AppendString(append(dst, '@'), s.tag)
	}
	open := false
	for i := range s.fields {
		f := &s.fields[i]
		place := v.FieldByIndex(f.index)
		if f.omit && place.IsZero() {
			continue
		}
		if !open {
			dst, open = append(dst, '{'), true
		} else {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = f.plan.append(append(dst, f.key...), place); err != nil {
			return dst, within1(f.name, err)
		}
	}
	switch {
	case open:
		dst = append(dst, '}')
	case s.tag == "":
		dst = append(dst, "{}"...)
	}
	return dst, nil
}

func (s *structMap) load(into reflect.Value, v Value) error {
	into.SetZero()
	if v.isEmpty() && s.blank {
		return nil
	}
	items := v.Items()
	switch {
	case v.kind != KindRecord:
		return misfit("a record", v)
	case s.tag != "" && v.Tag() != s.tag:
		return misfit("a record that begins with @"+s.tag, v)
	case s.tag != "":
		items = items[1:]
	}
	var space [32]bool
	seen := append(space[:0], make([]bool, len(s.fields))...)
	for _, it := range items {
		name, _ := it.Key.Text()
		i, ok := s.byName[name]
		if !ok || it.Kind != SlotItem {
			return &FitError{Want: s.names(), Read: quoteShort(string(appendItem(nil, it)))}
		}
		if seen[i] {
			return &FitError{Path: name, Want: "it once", Read: "it again"}
		}
		seen[i] = true
		if err := s.fields[i].plan.load(into.FieldByIndex(s.fields[i].index), it.Value); err != nil {
			return within1(name, err)
		}
	}
	return nil
}

// names lists the fields for an error text.
func (s *structMap) names() string {
	if len(s.fields) == 0 {
		return "an empty record"
	}
	names := make([]string, len(s.fields))
	for i, f := range s.fields {
		names[i] = f.name
	}
	return "only the keys " + strings.Join(names, ", ")
}

// lowerCamel turns the name of a Go field into that of a slot: Value becomes value, NodeURI nodeURI and HTTPPort
// httpPort.
func lowerCamel(name string) string {
	r := []rune(name)
	for i := range r {
		if i > 0 && i+1 < len(r) && !unicode.IsUpper(r[i+1]) || !unicode.IsUpper(r[i]) {
			break
		}
		r[i] = unicode.ToLower(r[i])
	}
	return string(r)
}
