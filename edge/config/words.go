package config

import (
	"fmt"
	"reflect"
	"regexp"

	"selvage/edge/clock"
)

// mismatch says that a value is of another type than its key wants.
func (d *document) mismatch(to reflect.Value, v value, label string) {
	d.fault(v.at, fmt.Sprintf("%s wants %s, got %s", label, wanted(to.Type()), v.describe()), convert(to.Type(), v))
}

// wanted names a type as a writer of config files would.
func wanted(t reflect.Type) string {
	switch {
	case t == durationType:
		return `a duration in quotes such as "10s"`
	case reflect.PointerTo(t).Implements(textType):
		return "text in quotes"
	}
	switch t.Kind() {
	case reflect.String:
		return "text in quotes"
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Interface:
		return "true or false, a number or text in quotes"
	case reflect.Slice:
		return "a list in [ ]"
	case reflect.Struct, reflect.Map:
		return "a table or { }"
	default:
		return "a whole number"
	}
}

// describe names a value with what it is.
func (v value) describe() string {
	switch v.kind {
	case text:
		return "the text " + quoteShort(v.text)
	case boolean:
		return v.text
	case integer, float:
		return "the number " + v.text
	case moment:
		return "the date or time " + v.text
	case list:
		return "a list"
	default:
		return "a table"
	}
}

func quoteShort(s string) string {
	const long = 40
	if short := firstRunes(s, long); len(short) < len(s) {
		s = short + "…"
	}
	return fmt.Sprintf("%q", s)
}

// convert proposes the same value in the form its key wants, where there is one.
func convert(t reflect.Type, v value) string {
	simple := v.kind == integer || v.kind == float || v.kind == boolean || v.kind == moment
	switch {
	case t == durationType && v.kind == integer:
		if _, err := clock.ParseSpan(v.text + "s"); err == nil {
			return fmt.Sprintf("write %q for seconds", v.text+"s")
		}
	case wanted(t) == "text in quotes" && simple:
		return fmt.Sprintf("write %q", v.text)
	case t.Kind() == reflect.Bool && v.kind == text && (v.text == "true" || v.text == "false"),
		wanted(t) == "a whole number" && v.kind == text && wholeNumber.MatchString(v.text),
		wanted(t) == "a number" && v.kind == text && anyNumber.MatchString(v.text):
		return "write it without the quotes"
	case v.open && wanted(t) == "a table or { }":
		return "write one pair of brackets"
	case t.Kind() == reflect.Slice && v.kind == text:
		return fmt.Sprintf("write [%q]", v.text)
	case t.Kind() == reflect.Slice && simple:
		return fmt.Sprintf("write [%s]", v.text)
	}
	return ""
}

var (
	wholeNumber = regexp.MustCompile(`^(-?(0|[1-9][0-9]*)|0x[0-9a-fA-F]+)$`)
	anyNumber   = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?$`)
)
