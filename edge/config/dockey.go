package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"selvage/edge/size"
)

func keyOf(name string, v reflect.Value, tag reflect.StructTag) Key {
	k := Key{Name: name, Type: typeWord(v.Type()), Default: inTOML(name, v), Doc: tag.Get("doc"), Unset: tag.Get("unset")}
	k.Sample = k.Default
	switch given := tag.Get("example"); {
	case given == "-":
		k.Sample = ""
	case given != "" && isText(v.Type()):
		k.Sample = strconv.Quote(given)
	case given != "":
		k.Sample = given
	}
	if k.Unset != "" {
		k.Default = "" // a zero that stands for something else
	}
	return k
}

var sizeType = reflect.TypeFor[size.Bytes]()

// isText reports whether values of a type stand in quotes.
func isText(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() == reflect.String || t == durationType || reflect.PointerTo(t).Implements(textType)
}

// plainWord is the reference's word for what decides by how it is written what it is.
const plainWord = "true, a number or a text"

// typeWord is the reference's word for what a key wants.
func typeWord(t reflect.Type) string {
	switch {
	case t.Kind() == reflect.Pointer:
		return typeWord(t.Elem())
	case t == durationType:
		return "duration"
	case t == sizeType:
		return "size"
	case isText(t):
		return "text"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "number"
	case reflect.Interface:
		return plainWord
	case reflect.Slice:
		return "list of " + plural(typeWord(t.Elem()))
	case reflect.Map:
		return "table of " + plural(typeWord(t.Elem()))
	case reflect.Struct:
		return "table"
	default:
		return "whole number"
	}
}

func plural(word string) string {
	if first, rest, ok := strings.Cut(word, " of "); ok {
		return first + "s of " + rest
	}
	switch word {
	case "true or false":
		return word
	case plainWord:
		return "true, numbers or texts"
	}
	return word + "s"
}

// inTOML writes a default as the file would have it, "" for one that stands for nothing: an empty text,
// list or table, and no time at all.
func inTOML(name string, v reflect.Value) string {
	switch {
	case v.Kind() == reflect.Pointer:
		if v.IsNil() {
			return ""
		}
		return inTOML(name, v.Elem())
	case v.Kind() == reflect.Interface:
		if v.IsNil() {
			return ""
		}
		return inTOML(name, v.Elem())
	case v.IsZero() && isText(v.Type()):
		return ""
	case v.Type() == durationType:
		return strconv.Quote(durationText(time.Duration(v.Int())))
	case v.Type() == sizeType:
		return strconv.Quote(sizeText(size.Bytes(v.Int())))
	case v.Kind() == reflect.String:
		return strconv.Quote(v.String())
	case isText(v.Type()):
		return strconv.Quote(fmt.Sprint(v.Interface()))
	}
	switch v.Kind() {
	case reflect.Slice:
		var items []string
		for i := range v.Len() {
			items = append(items, inTOML(name, v.Index(i)))
		}
		if items == nil {
			return ""
		}
		return "[" + strings.Join(items, ", ") + "]"
	case reflect.Map:
		all := map[string]string{}
		for key, item := range v.Seq2() {
			all[key.String()] = quoteKey(key.String()) + " = " + inTOML(name, item)
		}
		if len(all) == 0 {
			return ""
		}
		var items []string
		for _, key := range slices.Sorted(maps.Keys(all)) {
			items = append(items, all[key])
		}
		return "{ " + strings.Join(items, ", ") + " }"
	}
	if name == "address" && v.CanUint() { // as datasheets have it
		return fmt.Sprintf("%#x", v.Uint())
	}
	return fmt.Sprint(v.Interface())
}

// durationText is a duration as clock.ParseSpan reads it, without parts that are zero: "90s", "7d".
func durationText(d time.Duration) string {
	const day = 24 * time.Hour
	if d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	s := d.String()
	if cut, ok := strings.CutSuffix(s, "m0s"); ok {
		s = cut + "m"
	}
	if cut, ok := strings.CutSuffix(s, "h0m"); ok {
		s = cut + "h"
	}
	return s
}

// sizeText is a size in the largest unit that loses nothing a label has.
func sizeText(s size.Bytes) string {
	for _, u := range []struct {
		name string
		size size.Bytes
	}{{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}} {
		if s >= u.size && s%(u.size/10) == 0 {
			return strconv.FormatFloat(float64(s)/float64(u.size), 'f', -1, 64) + u.name
		}
	}
	return fmt.Sprintf("%dB", s)
}
