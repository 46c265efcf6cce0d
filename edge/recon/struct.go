package recon

import (
	"fmt"
	"reflect"
	"strings"
	"unicode"
)

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
	return &plan{append: s.append, load: s.load, blank: s.blank, tag: s.tag}, nil
}

type structMap struct {
	tag    string
	fields []field
	byName map[string]int
	rest   []int // index of the field that keeps what has no other, nil if there is none
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
			if !hasOwnForm(f.Type) {
				if err := s.add(f.Type, at, within); err != nil {
					return err
				}
				continue
			}
			if !f.IsExported() {
				return fmt.Errorf("%v embeds %v, which has a form of its own but is not exported; give the field a name", t, f.Type)
			}
		}
		if !f.IsExported() || name == "-" {
			continue
		}
		if option == "rest" {
			if err := s.addRest(t, f, at); err != nil {
				return err
			}
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
	begin, open := len(dst), false
	if s.tag != "" {
		dst = AppendString(append(dst, '@'), s.tag)
	}
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
	if s.rest != nil {
		items, err := s.restOf(v)
		switch {
		case err != nil:
			return dst, err
		case len(items) > 0:
			return s.appendRest(dst, begin, open, items)
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
		if arg := items[0].Value; !arg.isEmpty() {
			return &FitError{Path: "@" + s.tag, Want: "an attribute without a value", Read: arg.describe()}
		}
		items = items[1:]
	}
	var space [32]bool
	seen := append(space[:0], make([]bool, len(s.fields))...)
	var rest []Item
	for _, it := range items {
		name, _ := textOf(it.Key)
		i, ok := s.byName[name]
		if !ok || it.Kind != SlotItem {
			if s.rest == nil {
				return &FitError{Want: s.names(), Read: quoteShort(string(appendItem(nil, it)))}
			}
			rest = append(rest, it)
			continue
		}
		if seen[i] {
			return &FitError{Path: name, Want: "it once", Read: "it again"}
		}
		seen[i] = true
		if err := s.fields[i].plan.load(into.FieldByIndex(s.fields[i].index), it.Value); err != nil {
			return within1(name, err)
		}
	}
	if len(rest) > 0 {
		return s.keepRest(into.FieldByIndex(s.rest), rest)
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
