package recon

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// The JSON form is the one of the SwimOS client for JavaScript, where it says anything:
//
//	Recon                      JSON
//	nothing, an empty value    null
//	text, booleans             strings, booleans
//	numbers                    numbers; hexadecimal ones as decimal, NaN and the infinities as null
//	{1,2}                      [1,2], if no member has a key
//	{a:1,b:2}, {}              {"a":1,"b":2}, {}
//	@t(x:1){a:2}               {"@t":{"x":1},"a":2}
//	a member without a key     {"$1":5}, by its position
//	a key that is no text      {"$0":{"$key":1,"$value":5}}, and so for a key that occurs before
//	%AQI=                      {"$data":"AQI="}
//	an expression              {"$recon":"$a + 1"}

// AppendJSON prints v as JSON.
func AppendJSON(dst []byte, v Value) []byte {
	switch v.kind {
	case KindText:
		return appendQuoted(dst, v.str())
	case KindUint32, KindUint64:
		return strconv.AppendUint(dst, v.num, 10)
	case KindFloat32, KindFloat64:
		return appendJSONFloat(dst, v)
	case KindData:
		dst = base64.StdEncoding.AppendEncode(append(dst, `{"$data":"`...), v.bytes())
		return append(dst, `"}`...)
	case KindExpr:
		return append(appendQuoted(append(dst, `{"$recon":`...), v.String()), '}')
	case KindRecord:
		return appendJSONRecord(dst, v.records())
	case KindExtant, KindAbsent:
		return append(dst, "null"...)
	}
	return Append(dst, v)
}

func appendJSONFloat(dst []byte, v Value) []byte {
	f, bits := v.float(), 64
	if i, whole := wholeInt64(f); whole {
		return strconv.AppendInt(dst, i, 10)
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(dst, "null"...)
	}
	if v.kind == KindFloat32 {
		bits = 32
	}
	return strconv.AppendFloat(dst, f, 'g', -1, bits)
}

func appendJSONRecord(dst []byte, items []Item) []byte {
	open, end := byte('['), byte(']')
	for _, it := range items {
		if it.IsField() {
			open, end = '{', '}'
		}
	}
	if len(items) == 0 {
		return append(dst, "{}"...)
	}
	for i, it := range items {
		if i == 0 {
			dst = append(dst, open)
		} else {
			dst = append(dst, ',')
		}
		if open == '{' {
			dst = appendJSONKey(dst, items, i)
			if it.IsField() && !isJSONKey(items, i) {
				dst = AppendJSON(append(dst, `{"$key":`...), jsonKey(it))
				dst = append(AppendJSON(append(dst, `,"$value":`...), it.Value), '}')
				continue
			}
		}
		dst = AppendJSON(dst, it.Value)
	}
	return append(dst, end)
}

// appendJSONKey prints the name that member i has in a JSON object.
func appendJSONKey(dst []byte, items []Item, i int) []byte {
	if isJSONKey(items, i) {
		return append(appendQuoted(dst, jsonKey(items[i]).str()), ':')
	}
	return append(strconv.AppendInt(append(dst, `"$`...), int64(i), 10), `":`...)
}

// isJSONKey reports whether the key of member i can be a name in a JSON object: it is text, cannot be taken for
// something else, and is new. Looking for it among the members before keeps short records, which are nearly all, fast.
func isJSONKey(items []Item, i int) bool {
	key := items[i].Key
	if key.kind != KindText || items[i].Kind == SlotItem && strings.HasPrefix(key.str(), "$") {
		return false
	}
	if i >= maxJSONKeys {
		return false
	}
	for j := range i {
		if items[j].Kind == items[i].Kind && items[j].Key.kind == KindText && items[j].Key.str() == key.str() {
			return false
		}
	}
	return true
}

// maxJSONKeys bounds the time isJSONKey takes for a long record. Keys further on are printed as "$key".
const maxJSONKeys = 1 << 10

// jsonKey is the key of it as JSON has it, with the @ of an attribute.
func jsonKey(it Item) Value {
	if it.Kind == AttrItem {
		return String("@" + it.Key.str())
	}
	return it.Key
}

// ParseJSON reads JSON, within the default limits. Keys keep their order.
func ParseJSON(text []byte) (Value, error) {
	if len(text) > DefaultLimits.Bytes {
		return Value{}, fmt.Errorf("read JSON: %d bytes, want at most %d: %w", len(text), DefaultLimits.Bytes, ErrLimit)
	}
	r := jsonReader{dec: json.NewDecoder(strings.NewReader(string(text))), limits: DefaultLimits}
	r.dec.UseNumber()
	v, err := r.value(0)
	if err == nil {
		if _, more := r.dec.Token(); more != io.EOF {
			err = errors.New("something follows the value")
		}
	}
	if err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return Value{}, fmt.Errorf("read JSON at byte %d: %w", r.dec.InputOffset(), err)
	}
	return v, nil
}

type jsonReader struct {
	dec    *json.Decoder
	limits Limits
	count  int
}

func (r *jsonReader) value(depth int) (Value, error) {
	token, err := r.dec.Token()
	if err != nil {
		return Value{}, err
	}
	switch t := token.(type) {
	case nil:
		return Extant(), nil
	case bool:
		return Bool(t), nil
	case string:
		return String(t), nil
	case json.Number:
		return ParseString(t.String())
	}
	if depth >= r.limits.Depth {
		return Value{}, fmt.Errorf("more than %d levels: %w", r.limits.Depth, ErrLimit)
	}
	var items []Item
	var name string
	for r.dec.More() {
		if r.count++; r.count > r.limits.Items {
			return Value{}, fmt.Errorf("more than %d items: %w", r.limits.Items, ErrLimit)
		}
		var it Item
		if token == json.Delim('[') {
			it.Value, err = r.value(depth + 1)
		} else {
			it, name, err = r.member(depth + 1)
		}
		if err != nil {
			return Value{}, err
		}
		items = append(items, it)
	}
	if _, err := r.dec.Token(); err != nil {
		return Value{}, err
	}
	if text, ok := Record(items...).Index(0).Text(); ok && len(items) == 1 {
		switch name {
		case "$data":
			b, err := base64.StdEncoding.DecodeString(text)
			return Data(b), err
		case "$recon":
			return ParseString(text)
		}
	}
	return Record(items...), nil
}

// member reads one member of a JSON object, whose name it returns too.
func (r *jsonReader) member(depth int) (Item, string, error) {
	token, err := r.dec.Token()
	if err != nil {
		return Item{}, "", err
	}
	name, _ := token.(string)
	v, err := r.value(depth)
	if err != nil {
		return Item{}, "", err
	}
	switch {
	case !strings.HasPrefix(name, "$"), name == "$key", name == "$value":
		return fieldOf(String(name), v), name, nil
	case v.Len() == 2 && v.Get("$key").kind != KindAbsent:
		return fieldOf(v.Get("$key"), v.Get("$value")), name, nil
	}
	return Of(v), name, nil
}

// fieldOf returns a slot, or an attribute if the key is text that begins with @.
func fieldOf(key, v Value) Item {
	if name, ok := key.Text(); ok && strings.HasPrefix(name, "@") {
		return Attr(name[1:], v)
	}
	return Slot(key, v)
}
