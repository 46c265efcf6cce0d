package recon

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
)

// A FitError says that a value does not fit a Go type: what was wanted, and what was read instead. Path names the field
// it was read for, "" for the value as a whole.
type FitError struct{ Path, Want, Read string }

func (e *FitError) Error() string {
	text := "want " + e.Want + ", read " + e.Read
	if e.Path == "" {
		return text
	}
	return e.Path + ": " + text
}

func misfit(want string, v Value) error {
	return &FitError{Want: want, Read: v.describe()}
}

// within1 adds the field that err occurred in.
func within1(name string, err error) error {
	var fit *FitError
	if !errors.As(err, &fit) {
		return fmt.Errorf("%s: %w", name, err)
	}
	path := name
	if fit.Path != "" {
		path += "." + fit.Path
	}
	return &FitError{path, fit.Want, fit.Read}
}

// describe says what v is in an error text.
func (v Value) describe() string {
	switch v.kind {
	case KindAbsent, KindExtant, KindData:
		return v.kind.String()
	case KindText:
		return "text " + quoteShort(v.str())
	case KindRecord, KindExpr:
		return v.kind.String() + " " + short(v.String())
	}
	return short(v.String())
}

const shortLen = 40

func short(s string) string {
	if len(s) > shortLen {
		return s[:shortLen] + "…"
	}
	return s
}

func quoteShort(s string) string {
	return strconv.Quote(short(s))
}

// isEmpty reports whether v is what an empty body reads as.
func (v Value) isEmpty() bool { return v.kind == KindAbsent || v.kind == KindExtant }

// loadBool, loadString and the others below convert v for one kind of Go type.

func loadBool(v Value) (bool, error) {
	b, ok := v.Bool()
	if !ok {
		return false, misfit("true or false", v)
	}
	return b, nil
}

func loadString(v Value) (string, error) {
	s, ok := textOf(v)
	if !ok {
		return "", misfit("text", v)
	}
	return s, nil
}

// textOf takes a boolean as its word too: the text "true" is sent without quotes and read as a boolean.
func textOf(v Value) (string, bool) {
	switch v.kind {
	case KindText:
		return v.str(), true
	case KindBool:
		return v.String(), true
	}
	return "", false
}

// loadFloat takes the words NaN and Infinity too, since that is how such numbers are sent.
func loadFloat(v Value) (float64, error) {
	if f, ok := v.Float(); ok {
		return f, nil
	}
	if v.kind == KindText || v.kind == KindExpr {
		switch v.String() {
		case "NaN":
			return math.NaN(), nil
		case "Infinity":
			return math.Inf(1), nil
		case "-Infinity":
			return math.Inf(-1), nil
		}
	}
	return 0, misfit("a number", v)
}

func loadInt(v Value, bits int) (int64, error) {
	i, ok := v.Int()
	if min, max := int64(-1)<<(bits-1), int64(1)<<(bits-1)-1; !ok || i < min || i > max {
		return 0, misfit(fmt.Sprintf("a whole number from %d to %d", min, max), v)
	}
	return i, nil
}

func loadUint(v Value, bits int) (uint64, error) {
	max := uint64(math.MaxUint64) >> (64 - bits)
	i, ok := v.Int()
	u := uint64(i)
	if !ok {
		if b, whole := v.Big(); whole && b.IsUint64() {
			u, ok = b.Uint64(), true
		}
	} else if i < 0 {
		ok = false
	}
	if !ok || u > max {
		return 0, misfit(fmt.Sprintf("a whole number from 0 to %d", max), v)
	}
	return u, nil
}

// basicPlan is the plan for booleans, numbers and strings.
func basicPlan(t reflect.Type) *plan {
	p := &plan{basic: t.Kind()}
	switch t.Kind() {
	case reflect.Bool:
		p.append = func(dst []byte, v reflect.Value) ([]byte, error) { return strconv.AppendBool(dst, v.Bool()), nil }
		p.load = func(into reflect.Value, v Value) error {
			b, err := loadBool(v)
			into.SetBool(b)
			return err
		}
	case reflect.String:
		p.append = func(dst []byte, v reflect.Value) ([]byte, error) { return AppendString(dst, v.String()), nil }
		p.load = func(into reflect.Value, v Value) error {
			s, err := loadString(v)
			into.SetString(s)
			return err
		}
	case reflect.Float32, reflect.Float64:
		p.append = func(dst []byte, v reflect.Value) ([]byte, error) { return appendFloat(dst, v.Float()), nil }
		p.load = func(into reflect.Value, v Value) error {
			f, err := loadFloat(v)
			into.SetFloat(f)
			return err
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		p.append = func(dst []byte, v reflect.Value) ([]byte, error) { return strconv.AppendUint(dst, v.Uint(), 10), nil }
		p.load = func(into reflect.Value, v Value) error {
			u, err := loadUint(v, t.Bits())
			into.SetUint(u)
			return err
		}
	default:
		p.append = func(dst []byte, v reflect.Value) ([]byte, error) { return strconv.AppendInt(dst, v.Int(), 10), nil }
		p.load = func(into reflect.Value, v Value) error {
			i, err := loadInt(v, t.Bits())
			into.SetInt(i)
			return err
		}
	}
	return p
}
