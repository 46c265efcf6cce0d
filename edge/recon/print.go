package recon

import (
	"encoding/base64"
	"strconv"
)

// Append prints v in canonical form, in which it stands on its own in a text: records have braces. Equal values of the
// same numeric kinds print the same bytes, the ones that SwimOS prints.
func Append(dst []byte, v Value) []byte {
	switch v.kind {
	case KindText:
		return appendText(dst, v)
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

// appendArguments prints the parentheses of an attribute or a call. A record with an empty item in it keeps its braces
// there, with a comma behind an empty item at the end. SwimOS prints "(1,,2)" and "(1,)", which neither it nor anyone
// else reads, and "([t{}])", which is the text t alone; it reads ours as meant.
func appendArguments(dst []byte, v Value) []byte {
	dst = append(dst, '(')
	items, attr, empty := v.Items(), false, false
	if len(items) > 0 && isPlain(items) {
		return append(appendPlain(dst, items, items[0].Kind == SlotItem), ')')
	}
	for i := range items {
		attr = attr || items[i].Kind == AttrItem
		empty = empty || items[i].Kind == ValueItem && items[i].Value.isEmpty()
	}
	switch {
	case len(items) == 0:
		return append(Append(dst, v), ')')
	case attr || !empty:
		return append(appendItems(dst, items, !attr, false), ')')
	}
	dst = append(dst, '{')
	for i, it := range items {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendItem(dst, it)
	}
	if last := items[len(items)-1]; last.Kind == ValueItem && last.Value.isEmpty() {
		dst = append(dst, ',')
	}
	return append(dst, "})"...)
}

// String returns the canonical form.
func (v Value) String() string { return string(Append(nil, v)) }

// appendItem prints one item on its own.
func appendItem(dst []byte, it Item) []byte {
	switch it.Kind {
	case AttrItem:
		dst = appendText(append(dst, '@'), it.Key)
		if it.Value.kind == KindExtant {
			return dst
		}
		return appendArguments(dst, it.Value)
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
	if isPlain(items) {
		return appendPlain(dst, items, bare)
	}
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

// isPlain reports whether a record is attributes, if any, and slots behind them, if any, as nearly all are.
func isPlain(items []Item) bool {
	i := 0
	for i < len(items) && items[i].Kind == AttrItem {
		i++
	}
	for i < len(items) && items[i].Kind == SlotItem {
		i++
	}
	return i == len(items)
}

// appendPlain is appendItems for what isPlain.
func appendPlain(dst []byte, items []Item, bare bool) []byte {
	i := 0
	for ; i < len(items) && items[i].Kind == AttrItem; i++ {
		dst = appendText(append(dst, '@'), items[i].Key)
		if v := items[i].Value; v.kind != KindExtant {
			dst = appendArguments(dst, v)
		}
	}
	if i == len(items) {
		return dst
	}
	if !bare {
		dst = append(dst, '{')
	}
	for first := i; i < len(items); i++ {
		if i > first {
			dst = append(dst, ',')
		}
		it := &items[i]
		if it.Key.kind == KindText {
			dst = appendText(dst, it.Key)
		} else {
			dst = Append(dst, it.Key)
		}
		dst = Append(append(dst, ':'), it.Value)
	}
	if !bare {
		dst = append(dst, '}')
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
