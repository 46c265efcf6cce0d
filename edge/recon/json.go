package recon

import (
	"encoding/base64"
	"math"
	"strconv"
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
//	a key that is no text      {"$0":{"$key":1,"$value":5}}, and so for one that occurs before or begins with $ or @
//	a repeated attribute       {"@t":1,"$1":{"$attr":"t","$value":2}}
//	%AQI=                      {"$data":"AQI="}
//	an expression              {"$recon":"$a + 1"}
//
// The client takes a $key that begins with @ for an attribute, and so has no form for a slot with such a key.

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
				dst = appendJSONField(dst, it)
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
		name := items[i].Key.str()
		if items[i].Kind == AttrItem {
			name = "@" + name
		}
		return append(appendQuoted(dst, name), ':')
	}
	return append(strconv.AppendInt(append(dst, `"$`...), int64(i), 10), `":`...)
}

// appendJSONField prints a field whose key is no name in a JSON object.
func appendJSONField(dst []byte, it Item) []byte {
	name := `{"$key":`
	if it.Kind == AttrItem {
		name = `{"$attr":`
	}
	dst = AppendJSON(append(dst, name...), it.Key)
	return append(AppendJSON(append(dst, `,"$value":`...), it.Value), '}')
}

// isJSONKey reports whether the key of member i can be a name in a JSON object: it is text, cannot be taken for
// something else, and is new. Looking for it among the members before keeps short records, which are nearly all, fast.
func isJSONKey(items []Item, i int) bool {
	key := items[i].Key
	if key.kind != KindText || i >= maxJSONKeys {
		return false
	}
	if name := key.str(); items[i].Kind == SlotItem && name != "" && (name[0] == '$' || name[0] == '@') {
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
