package config

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"selvage/edge/clock"
)

// fields are the keys a table may have, in the order their struct declares them.
type fields struct {
	keys  []string
	value map[string]reflect.Value
	tag   map[string]reflect.StructTag
	loose bool // other keys may be right
}

// add makes the fields of a struct available under their keys: the `toml:"…"` tag, or the
// field's name in small letters. A key that is there already keeps its place.
func (fs *fields) add(structure reflect.Value, except ...string) {
	if fs.value == nil {
		fs.value = map[string]reflect.Value{}
		fs.tag = map[string]reflect.StructTag{}
	}
	if structure.Kind() != reflect.Struct {
		return
	}
	for f, v := range structure.Fields() {
		key, _, _ := strings.Cut(f.Tag.Get("toml"), ",")
		switch {
		case f.Anonymous && key == "" && f.Type.Kind() == reflect.Struct:
			fs.add(v, except...)
			continue
		case !f.IsExported() || key == "-":
			continue
		case key == "":
			key = strings.ToLower(f.Name)
		}
		if _, taken := fs.value[key]; !taken && !slices.Contains(except, key) {
			fs.keys = append(fs.keys, key)
			fs.value[key] = v
			fs.tag[key] = f.Tag
		}
	}
}

// fill sets fields from a table's keys. Keys without a field are refused, keys that have a
// fault already are left alone.
func (d *document) fill(t *table, fs fields) {
	for _, e := range t.entries {
		field, ok := fs.value[e.key]
		if !ok && !e.bad && !fs.loose {
			d.unknownKey(t, e, fs.keys)
		}
		if !ok || e.bad {
			continue
		}
		before := len(d.faults)
		d.set(field, e.value, e.key)
		e.bad = e.bad || len(d.faults) > before
	}
}

func (d *document) unknownKey(t *table, e *entry, known []string) {
	remedy := didYouMean(e.key, known)
	switch {
	case remedy != "":
	case len(known) == 0:
		remedy = "it takes no keys"
	default:
		remedy = "it takes " + brief(known)
	}
	e.bad = true
	d.fault(e.at, fmt.Sprintf("[%s] has no key %s", t.name(), quoteKey(e.key)), remedy)
}

var (
	durationType = reflect.TypeFor[time.Duration]()
	textType     = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// set puts a value into a field, or says why it does not fit. Lists and maps replace what was
// there; structs keep the defaults of keys that are not given.
func (d *document) set(to reflect.Value, v value, label string) {
	switch {
	case v.kind == unread:
		return
	case to.Kind() == reflect.Pointer:
		fresh := reflect.New(to.Type().Elem())
		d.set(fresh.Elem(), v, label)
		to.Set(fresh)
		return
	case to.Type() == durationType:
		d.setDuration(to, v, label)
		return
	case reflect.PointerTo(to.Type()).Implements(textType):
		if v.kind != text && v.kind != moment {
			d.mismatch(to, v, label)
		} else if err := to.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(v.text)); err != nil {
			d.fault(v.at, fmt.Sprintf("%s cannot be %s: %v", label, v.describe(), err), "")
		}
		return
	}
	switch to.Kind() {
	case reflect.String:
		if v.kind == text {
			to.SetString(v.text)
			return
		}
	case reflect.Bool:
		if v.kind == boolean {
			to.SetBool(v.text == "true")
			return
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if v.kind == integer {
			d.setInt(to, v, label)
			return
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if v.kind == integer {
			d.setUint(to, v, label)
			return
		}
	case reflect.Float32, reflect.Float64:
		if v.kind == float || v.kind == integer {
			d.setFloat(to, v, label)
			return
		}
	case reflect.Slice:
		if v.kind == list {
			fresh := reflect.MakeSlice(to.Type(), len(v.items), len(v.items))
			for i, item := range v.items {
				d.set(fresh.Index(i), item, "each of "+label)
			}
			to.Set(fresh)
			return
		}
	case reflect.Map:
		if v.kind == group && to.Type().Key().Kind() == reflect.String {
			d.setMap(to, v.table)
			return
		}
	case reflect.Interface:
		if plain, ok := d.plain(v, label); ok {
			to.Set(reflect.ValueOf(plain))
			return
		}
	case reflect.Struct:
		if v.kind == group {
			var fs fields
			fs.add(to)
			d.fill(v.table, fs)
			d.check(to, v.table)
			return
		}
	}
	d.mismatch(to, v, label)
}

// plain is what a value is where each kind of text, boolean and number has a meaning: a string, a bool, an int64
// or a float64.
func (d *document) plain(v value, label string) (any, bool) {
	switch v.kind {
	case text:
		return v.text, true
	case boolean:
		return v.text == "true", true
	case integer:
		var n int64
		d.setInt(reflect.ValueOf(&n).Elem(), v, label)
		return n, true
	case float:
		var f float64
		d.setFloat(reflect.ValueOf(&f).Elem(), v, label)
		return f, true
	}
	return nil, false
}

func (d *document) setMap(to reflect.Value, t *table) {
	fresh := reflect.MakeMap(to.Type())
	for _, e := range t.entries {
		item := reflect.New(to.Type().Elem()).Elem()
		before := len(d.faults)
		d.set(item, e.value, e.key)
		e.bad = e.bad || len(d.faults) > before
		fresh.SetMapIndex(reflect.ValueOf(e.key).Convert(to.Type().Key()), item)
	}
	to.Set(fresh)
}

func (d *document) setInt(to reflect.Value, v value, label string) {
	n, err := strconv.ParseInt(v.digits(), 0, 64)
	if err != nil || to.OverflowInt(n) {
		most := int64(math.MaxInt64) >> (64 - to.Type().Bits())
		d.fault(v.at, fmt.Sprintf("%s wants a whole number from %d to %d, got %s", label, -most-1, most, v.text), "")
		return
	}
	to.SetInt(n)
}

func (d *document) setUint(to reflect.Value, v value, label string) {
	n, err := strconv.ParseUint(v.digits(), 0, 64)
	if err != nil || to.OverflowUint(n) {
		most := uint64(math.MaxUint64) >> (64 - to.Type().Bits())
		d.fault(v.at, fmt.Sprintf("%s wants a whole number from 0 to %d, got %s", label, most, v.text), "")
		return
	}
	to.SetUint(n)
}

func (d *document) setFloat(to reflect.Value, v value, label string) {
	f, err := strconv.ParseFloat(v.digits(), 64)
	if v.kind == integer {
		var n int64
		n, err = strconv.ParseInt(v.digits(), 0, 64)
		f = float64(n)
	}
	if err != nil || to.OverflowFloat(f) || math.IsInf(f, 0) || math.IsNaN(f) {
		d.fault(v.at, fmt.Sprintf("%s wants a number of ordinary size, got %s", label, v.text), "write a number such as 21.5")
		return
	}
	to.SetFloat(f)
}

// digits is a number without what TOML allows and strconv does not.
func (v value) digits() string {
	return strings.TrimPrefix(strings.ReplaceAll(v.text, "_", ""), "+")
}

func (d *document) setDuration(to reflect.Value, v value, label string) {
	if v.kind != text {
		d.mismatch(to, v, label)
		return
	}
	duration, err := clock.ParseSpan(v.text)
	switch {
	case errors.Is(err, clock.ErrLong):
		d.fault(v.at, fmt.Sprintf("%s is too long, got %s", label, v.describe()), err.Error())
		return
	case err != nil:
		d.fault(v.at, fmt.Sprintf("%s wants a duration such as \"10s\", got %s", label, v.describe()), err.Error())
		return
	}
	to.SetInt(int64(duration))
}

// checker is a config that knows more about its values than their types.
type checker interface {
	Check(fault func(key, problem, remedy string))
}

// check lets a filled config speak for itself. It stays silent about keys that could not be
// read, since it has seen their defaults instead.
func (d *document) check(config reflect.Value, t *table) {
	c, ok := config.Addr().Interface().(checker)
	if !ok {
		return
	}
	c.Check(func(key, problem, remedy string) {
		e := t.find(key)
		switch {
		case e == nil && !t.broken:
			d.fault(t.at, problem, remedy)
		case e != nil && !e.bad && e.value.kind != unread:
			d.fault(e.value.at, problem, remedy)
		}
	})
}
