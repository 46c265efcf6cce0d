package recon

import (
	"encoding/base64"
	"math"
	"strconv"
)

// Append prints v in canonical form, in which it stands on its own in a text: records have braces. Equal values of the
// same numeric kinds print the same bytes, the ones that SwimOS prints.
func Append(dst []byte, v Value) []byte {
	switch v.kind {
	case KindText:
		return AppendString(dst, v.str())
	case KindInt32, KindInt64:
		return strconv.AppendInt(dst, int64(v.num), 10)
	case KindUint32:
		return appendHex(dst, v.num, 8)
	case KindUint64:
		return appendHex(dst, v.num, 16)
	case KindFloat32, KindFloat64:
		return appendFloat(dst, v.float())
	case KindBigInt:
		return v.bigInt().Append(dst, 10)
	case KindBool:
		return strconv.AppendBool(dst, v.num != 0)
	case KindData:
		return base64.StdEncoding.AppendEncode(append(dst, '%'), v.bytes())
	case KindRecord:
		if v.num == 0 {
			return append(dst, "{}"...)
		}
		return appendItems(dst, v.records(), false, false)
	case KindExpr:
		return appendNode(dst, v.node())
	}
	return dst // Absent and Extant print as nothing
}

// AppendBlock prints v as the content of a text or of an attribute's parentheses: a record without attributes goes
// without its braces.
func AppendBlock(dst []byte, v Value) []byte {
	if v.kind != KindRecord || v.num == 0 {
		return Append(dst, v)
	}
	items, bare := v.records(), true
	for i := range items {
		bare = bare && items[i].Kind != AttrItem
	}
	return appendItems(dst, items, bare, false)
}

// String returns the canonical form.
func (v Value) String() string { return string(Append(nil, v)) }

// appendItem prints one item on its own.
func appendItem(dst []byte, it Item) []byte {
	switch it.Kind {
	case AttrItem:
		dst = AppendString(append(dst, '@'), it.Key.str())
		if it.Value.kind == KindExtant {
			return dst
		}
		return append(AppendBlock(append(dst, '('), it.Value), ')')
	case SlotItem:
		return Append(append(Append(dst, it.Key), ':'), it.Value)
	}
	return Append(dst, it.Value)
}

// appendItems prints the items of a record. Bare says that no braces are needed around them, and inMarkup that they are
// one piece of a text in brackets. The rules are those of SwimOS, whose parser reads the output back as the same record
// in all but the corners that warp-recon's vectors name:
//   - attributes stand back to back, and end what is open before them;
//   - a single plain value before, between or after attributes stands by itself, behind a space if it would run into
//     the attribute;
//   - text that is followed by something other than text begins markup;
//   - everything else is in braces.
func appendItems(dst []byte, items []Item, bare, inMarkup bool) []byte {
	braces, brackets, first, markup := false, false, true, true
	for i := 0; i < len(items); i++ {
		it := &items[i]
		var next *Item
		if i+1 < len(items) {
			next = &items[i+1]
		}
		isText := it.Kind == ValueItem && it.Value.kind == KindText
		markup = markup && !(it.Kind == ValueItem && it.Value.isOperator())

		if braces && (it.Kind == AttrItem || brackets && isText) {
			dst, braces = append(dst, '}'), false
		}
		switch {
		case it.Kind == AttrItem:
			if brackets {
				dst, brackets = append(dst, ']'), false
			}
			dst, first = appendItem(dst, *it), false
		case brackets && isText:
			dst = appendMarkupText(dst, it.Value.str())
		case braces || !brackets && bare && !beginsMarkup(markup && isText, next):
			if !first {
				dst = append(dst, ',')
			}
			dst, first = appendItem(dst, *it), false
		case brackets && isInline(it):
			dst = appendItems(dst, it.Value.records(), false, true)
			switch {
			case next == nil || next.Kind == AttrItem:
				dst, brackets = append(dst, ']'), false
			case next.Kind == ValueItem && next.Value.kind == KindText:
				dst = appendMarkupText(dst, next.Value.str())
				i++
			default:
				dst, braces, first = append(dst, '{'), true, true
			}
		case !brackets && beginsMarkup(markup && isText, next):
			dst, brackets = appendMarkupText(append(dst, '['), it.Value.str()), true
		case !brackets && inMarkup && isText && next == nil:
			dst = append(appendMarkupText(append(dst, '['), it.Value.str()), ']')
		case !brackets && !inMarkup && standsAlone(it, next, first):
			if !first && needsSpace(it.Value) {
				dst = append(dst, ' ')
			}
			dst = Append(dst, it.Value)
		default:
			dst, braces, first = appendItem(append(dst, '{'), *it), true, false
		}
	}
	if braces {
		dst = append(dst, '}')
	}
	if brackets {
		dst = append(dst, ']')
	}
	return dst
}

// beginsMarkup reports whether an item, which is text where markup is possible if text is set, opens a bracket.
func beginsMarkup(text bool, next *Item) bool {
	return text && next != nil && next.Kind == ValueItem && next.Value.kind != KindText && next.Value.kind != KindBool
}

// isInline reports whether markup can hold the item as it is: a record with one attribute, which comes first.
func isInline(it *Item) bool {
	if it.Kind != ValueItem || it.Value.kind != KindRecord {
		return false
	}
	for i, inner := range it.Value.records() {
		if (i == 0) != (inner.Kind == AttrItem) {
			return false
		}
	}
	return it.Value.num > 0
}

func standsAlone(it, next *Item, first bool) bool {
	return it.Kind == ValueItem && it.Value.kind != KindRecord && (next == nil && !first || next != nil && next.Kind == AttrItem)
}

// needsSpace reports whether v would be read as part of an attribute's name if it followed that immediately.
func needsSpace(v Value) bool {
	return v.IsNumber() || v.kind == KindBool || v.kind == KindText && IsIdentString(v.str())
}

const hexDigits = "0123456789abcdef"

func appendHex(dst []byte, n uint64, digits int) []byte {
	dst = append(dst, "0x"...)
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		dst = append(dst, hexDigits[n>>shift&15])
	}
	return dst
}

// appendFloat prints f as Java does: whole numbers within the range of int64 as integers, whatever their kind, others
// with the fewest digits that tell them apart, as a float32 if they are one exactly. From 1e7 and below 1e-3 there is an
// exponent.
func appendFloat(dst []byte, f float64) []byte {
	switch {
	case f >= -1<<63 && f < 1<<63 && f == math.Trunc(f):
		return strconv.AppendInt(dst, int64(f), 10)
	case f == 1<<63: // Java converts to the nearest int64 before it compares
		return strconv.AppendInt(dst, math.MaxInt64, 10)
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	}
	bits := 64
	if float64(float32(f)) == f {
		bits = 32
	}
	if size := math.Abs(f); size >= 1e-3 && size < 1e7 {
		return strconv.AppendFloat(dst, f, 'f', -1, bits)
	}
	return appendExponent(dst, f, bits)
}

// appendExponent turns Go's "1e-06" and "1.5e+20" into Java's "1.0E-6" and "1.5E20". Java prints two digits at least,
// and chooses the second one where the first alone would do: 4.9E-324, not 5.0E-324.
func appendExponent(dst []byte, f float64, bits int) []byte {
	var space [32]byte
	digits, exp := splitExponent(strconv.AppendFloat(space[:0], f, 'e', -1, bits))
	if len(digits) < 3 {
		var space2 [32]byte
		two, exp2 := splitExponent(strconv.AppendFloat(space2[:0], f, 'e', 1, bits))
		if exp2 == exp {
			digits = two
		} else {
			digits = append(digits, ".0"...)
		}
	}
	dst = append(append(dst, digits...), 'E')
	return strconv.AppendInt(dst, int64(exp), 10)
}

func splitExponent(text []byte) (digits []byte, exp int) {
	e := len(text) - 3
	for text[e] != 'e' {
		e--
	}
	exp, _ = strconv.Atoi(string(text[e+1:]))
	return text[:e:e], exp
}
