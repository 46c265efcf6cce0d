package recon

import (
	"reflect"
	"strconv"
	"sync"
	"unsafe"
)

// A Codec prints and reads values of one Go type. It is safe for use by many goroutines.
type Codec[T any] struct {
	plan  *plan
	basic reflect.Kind // see plan; reflect.Interface stands for Value itself
	bits  int
	boxes sync.Pool // of *T, so that printing a struct need not allocate
}

var codecs sync.Map // from reflect.Type to *Codec[T]

// CodecOf returns the codec of T, which is made once. These types have a Recon form, and so have all made of them:
//
//	Value                   itself
//	bool, string, floats    booleans, text, numbers; NaN and the infinities are the words that Java prints
//	integers                decimal numbers, also uint32 and uint64
//	[]byte, [N]byte         data, of N bytes
//	time.Time               a number: milliseconds since 1970, UTC
//	time.Duration           text such as 1.5s
//	[]T, [N]T               a record of plain values, N of them
//	map[K]T                 a record of slots in the order of Compare; K is anything but a pointer or an interface
//	struct                  a record of slots, as below
//	*T                      T; nil is an empty value, as behind the colon of "a:"
//	an interface            if RegisterUnion was called for it: the struct it holds, told apart by its attribute
//	Appender and Loader     what these methods print and read
//
// A struct's slots are named after its exported fields with a lower-case first letter. The fields of an embedded struct
// count as its own; an embedded Value, time.Time, Appender or Loader is a field like others. Tags change that:
//
//	`recon:"name"`          chooses another name
//	`recon:",omitempty"`    leaves the slot out if the field is zero; also behind a name
//	`recon:"-"`             leaves the field out
//	`recon:",rest"`         keeps what no other field takes, in a Value (a record) or a map[string]Value (slots only)
//	`recon:"@name"`         on a field called _, puts an attribute in front
//
// Reading is strict: what does not fit is a FitError, whose Path leads to it by names, keys and indexes. Missing slots
// leave their fields zero. Slots that no field takes do not fit, unless there is a field for the rest, which is printed
// back behind the others. No key may occur twice, not even spelled differently as 1 and 1.0. An empty body, which is
// how {} arrives behind an envelope's head, fits Value, pointers, slices, maps, interfaces, and structs whose zero value
// prints as {}.
func CodecOf[T any]() (*Codec[T], error) {
	t := reflect.TypeFor[T]()
	if c, ok := codecs.Load(t); ok {
		return c.(*Codec[T]), nil
	}
	p, err := planOf(t)
	if err != nil {
		return nil, err
	}
	c := &Codec[T]{plan: p, basic: p.basic}
	c.boxes.New = func() any { return new(T) }
	switch {
	case p == &valuePlan:
		c.basic = reflect.Interface
	case p.basic != reflect.Invalid && p.basic != reflect.Bool && p.basic != reflect.String:
		c.bits = t.Bits()
	}
	codec, _ := codecs.LoadOrStore(t, c)
	return codec.(*Codec[T]), nil
}

// IsBasic reports whether T is a boolean, a number, a text or Value: all of these have a form.
func (c *Codec[T]) IsBasic() bool { return c.basic != reflect.Invalid }

// Append prints v in canonical form.
func (c *Codec[T]) Append(dst []byte, v T) ([]byte, error) {
	p := unsafe.Pointer(&v) // of the type that basic says
	switch c.basic {
	case reflect.Interface:
		return Append(dst, *(*Value)(p)), nil
	case reflect.Bool:
		return strconv.AppendBool(dst, *(*bool)(p)), nil
	case reflect.String:
		return AppendString(dst, *(*string)(p)), nil
	case reflect.Float64:
		return appendFloat(dst, *(*float64)(p)), nil
	case reflect.Int:
		return strconv.AppendInt(dst, int64(*(*int)(p)), 10), nil
	case reflect.Int64:
		return strconv.AppendInt(dst, *(*int64)(p), 10), nil
	}
	box := c.boxes.Get().(*T)
	*box = v
	dst, err := c.plan.append(dst, reflect.ValueOf(box).Elem())
	var zero T
	*box = zero
	c.boxes.Put(box)
	return dst, err
}

// Decode reads a whole text. Booleans, strings and decimal numbers are read directly.
func (c *Codec[T]) Decode(text []byte) (T, error) {
	var t T
	p := unsafe.Pointer(&t)
	s := stringOf(text)
	switch c.basic {
	case reflect.Float64:
		if len(s) <= 32 && isDecimal(s) { // Parse refuses numbers without end
			f, _ := strconv.ParseFloat(s, 64)
			*(*float64)(p) = f
			return t, nil
		}
	case reflect.Int, reflect.Int64:
		if i, ok := smallInt(s); ok && c.bits == 64 {
			*(*int64)(p) = i
			return t, nil
		}
	case reflect.Interface:
		if i, ok := smallInt(s); ok {
			*(*Value)(p) = Int(i)
			return t, nil
		}
		if IsIdentString(s) && s != "true" && s != "false" {
			*(*Value)(p) = String(string(text))
			return t, nil
		}
	case reflect.Bool:
		if s == "true" || s == "false" {
			*(*bool)(p) = s == "true"
			return t, nil
		}
	case reflect.String:
		if IsIdentString(s) {
			*(*string)(p) = string(text)
			return t, nil
		}
	}
	v, err := Parse(text)
	if err != nil {
		return t, err
	}
	return c.Load(v)
}

// Load converts v, which may share its strings with the result.
func (c *Codec[T]) Load(v Value) (T, error) {
	var t T
	var err error
	p := unsafe.Pointer(&t)
	switch c.basic {
	case reflect.Interface:
		*(*Value)(p) = v
	case reflect.Bool:
		*(*bool)(p), err = loadBool(v)
	case reflect.String:
		*(*string)(p), err = loadString(v)
	case reflect.Float64:
		*(*float64)(p), err = loadFloat(v)
	case reflect.Int:
		var i int64
		i, err = loadInt(v, c.bits)
		*(*int)(p) = int(i)
	case reflect.Int64:
		*(*int64)(p), err = loadInt(v, 64)
	default:
		box := new(T)
		err = c.plan.load(reflect.ValueOf(box).Elem(), v)
		t = *box
	}
	if err != nil {
		var zero T
		return zero, err
	}
	return t, nil
}

// isDecimal reports whether s is a whole number or decimal fraction without an exponent, as most are.
func isDecimal(s string) bool {
	if len(s) > 0 && s[0] == '-' {
		s = s[1:]
	}
	i, dot := 0, 0
	for i < len(s) && (class[s[i]]&digit != 0 || s[i] == '.' && dot == 0 && i > 0) {
		if s[i] == '.' {
			dot = i
		}
		i++
	}
	return i == len(s) && i > 0 && dot != i-1 && (s[0] != '0' || i == 1 || dot == 1)
}

// smallInt returns the number that s is, if it has at most 18 digits.
func smallInt(s string) (i int64, ok bool) {
	digits := s
	if len(s) > 0 && s[0] == '-' {
		digits = s[1:]
	}
	if len(digits) == 0 || len(digits) > 18 || digits[0] == '0' && len(digits) > 1 {
		return 0, false
	}
	for k := range len(digits) {
		if class[digits[k]]&digit == 0 {
			return 0, false
		}
		i = i*10 + int64(digits[k]-'0')
	}
	if len(digits) < len(s) {
		i = -i
	}
	return i, true
}
