package tape

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"time"
)

// secret is how keys are called whose values are not for a file that is shown to others.
var secret = regexp.MustCompile(`(?i)pas|pwd|secret|tok|key`)

// writeConfig is what of a driver's config differs from the defaults, under its keys in the host's file; nil for nothing.
func writeConfig(config, defaults any) (json.RawMessage, error) {
	if config == nil {
		return nil, nil
	}
	v, d := reflect.ValueOf(config), reflect.ValueOf(defaults)
	if v.Kind() != reflect.Struct || v.Type() != d.Type() {
		return nil, nil
	}
	given := map[string]any{}
	eachKey(v, func(key string, path []int) {
		if secret.MatchString(key) {
			return
		}
		if now, was := v.FieldByIndex(path), d.FieldByIndex(path); !reflect.DeepEqual(now.Interface(), was.Interface()) {
			given[key] = plain(now)
		}
	})
	if len(given) == 0 {
		return nil, nil
	}
	return json.Marshal(given)
}

// eachKey visits the fields of a struct that are keys, as edge/config reads them: a field's name is its toml tag, or
// its own in small letters; the fields of an embedded struct are those of the struct.
func eachKey(v reflect.Value, visit func(key string, path []int)) {
	for _, f := range reflect.VisibleFields(v.Type()) {
		key, _, _ := strings.Cut(f.Tag.Get("toml"), ",")
		if !f.IsExported() || f.Anonymous || key == "-" || f.Name == "_" {
			continue
		}
		if key == "" {
			key = strings.ToLower(f.Name)
		}
		visit(key, f.Index)
	}
}

var (
	durationType = reflect.TypeFor[time.Duration]()
	textType     = reflect.TypeFor[encoding.TextMarshaler]()
)

// plain is a value as JSON has it.
func plain(v reflect.Value) any {
	switch {
	case v.Type() == durationType:
		return time.Duration(v.Int()).String()
	case v.Type().Implements(textType):
		return v.Interface() // json writes it as that text
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return plain(v.Elem())
	case reflect.Slice, reflect.Array:
		items := make([]any, v.Len())
		for i := range items {
			items[i] = plain(v.Index(i))
		}
		return items
	case reflect.Map:
		items := map[string]any{}
		for key, item := range v.Seq2() {
			items[fmt.Sprint(key.Interface())] = plain(item)
		}
		return items
	case reflect.Struct:
		items := map[string]any{}
		eachKey(v, func(key string, path []int) { items[key] = plain(v.FieldByIndex(path)) })
		return items
	}
	return v.Interface()
}

// loadConfig returns the defaults with what is given in their place.
func loadConfig(given json.RawMessage, defaults any) (any, error) {
	to := reflect.New(reflect.TypeOf(defaults)).Elem()
	to.Set(reflect.ValueOf(defaults))
	if len(given) == 0 {
		return to.Interface(), nil
	}
	if err := load(to, given, "config"); err != nil {
		return nil, err
	}
	return to.Interface(), nil
}

// load sets a field from JSON; what is the name by which people know it.
func load(to reflect.Value, in json.RawMessage, what string) error {
	wrong := func(err error) error {
		if err != nil {
			return fmt.Errorf("%s cannot be %.40s", what, in)
		}
		return nil
	}
	_, isText := to.Addr().Interface().(encoding.TextUnmarshaler)
	switch {
	case to.Type() == durationType:
		var text string
		if err := json.Unmarshal(in, &text); err != nil {
			return wrong(err)
		}
		d, err := time.ParseDuration(text)
		to.SetInt(int64(d))
		return wrong(err)
	case isText:
	case to.Kind() == reflect.Pointer:
		fresh := reflect.New(to.Type().Elem())
		to.Set(fresh)
		return load(fresh.Elem(), in, what)
	case to.Kind() == reflect.Slice:
		var items []json.RawMessage
		if err := json.Unmarshal(in, &items); err != nil {
			return wrong(err)
		}
		fresh := reflect.MakeSlice(to.Type(), len(items), len(items))
		to.Set(fresh)
		for i, item := range items {
			if err := load(fresh.Index(i), item, fmt.Sprintf("%s[%d]", what, i)); err != nil {
				return err
			}
		}
		return nil
	case to.Kind() == reflect.Map && to.Type().Key().Kind() == reflect.String:
		var items map[string]json.RawMessage
		if err := json.Unmarshal(in, &items); err != nil {
			return wrong(err)
		}
		fresh := reflect.MakeMap(to.Type())
		to.Set(fresh)
		for key, item := range items {
			value := reflect.New(to.Type().Elem()).Elem()
			if err := load(value, item, what+"."+key); err != nil {
				return err
			}
			fresh.SetMapIndex(reflect.ValueOf(key).Convert(to.Type().Key()), value)
		}
		return nil
	case to.Kind() == reflect.Struct:
		var items map[string]json.RawMessage
		if err := json.Unmarshal(in, &items); err != nil {
			return wrong(err)
		}
		var failed error
		eachKey(to, func(key string, path []int) {
			item, ok := items[key]
			delete(items, key)
			if ok && failed == nil {
				failed = load(to.FieldByIndex(path), item, what+"."+key)
			}
		})
		for key := range items {
			if failed == nil {
				failed = fmt.Errorf("%s has no key %s", what, key)
			}
		}
		return failed
	}
	return wrong(json.Unmarshal(in, to.Addr().Interface()))
}
