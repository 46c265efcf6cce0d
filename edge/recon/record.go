package recon

// ItemKind says how an Item stands in its record.
type ItemKind uint8

// The item kinds: a plain value ("5"), a slot ("a:5") and an attribute ("@a(5)").
const (
	ValueItem ItemKind = iota
	SlotItem
	AttrItem
)

// An Item is one member of a record. Key is Absent unless Kind is SlotItem or AttrItem; an attribute's key is always
// Text. Make items with Of, Field, Slot and Attr.
type Item struct {
	Key, Value Value
	Kind       ItemKind
}

// Of returns v as a plain item.
func Of(v Value) Item { return Item{Value: v} }

// Field returns the item "name:v".
func Field(name string, v Value) Item { return Item{Key: String(name), Value: v, Kind: SlotItem} }

// Slot returns the item "key:v"; see Field for a Text key.
func Slot(key, v Value) Item { return Item{Key: key, Value: v, Kind: SlotItem} }

// Attr returns the item "@name(v)"; an Extant v prints as "@name".
func Attr(name string, v Value) Item { return Item{Key: String(name), Value: v, Kind: AttrItem} }

// IsField reports whether the item has a key.
func (it Item) IsField() bool { return it.Kind != ValueItem }

// Items returns the members of a Record, nil for anything else. They must not be written to.
func (v Value) Items() []Item {
	if v.kind != KindRecord {
		return nil
	}
	return v.records()
}

// Len returns the number of members of a Record, 0 for anything else.
func (v Value) Len() int {
	if v.kind != KindRecord {
		return 0
	}
	return int(v.num)
}

// Tag returns the name of the attribute v begins with, or "".
func (v Value) Tag() string {
	if items := v.Items(); len(items) > 0 && items[0].Kind == AttrItem {
		return items[0].Key.str()
	}
	return ""
}

// Header returns the value of v's leading attribute if that is named tag, as a record: "@drop(2)" has the header {2},
// "@clear" the header {}. It is Absent if v does not begin with that attribute.
func (v Value) Header(tag string) Value {
	items := v.Items()
	if len(items) == 0 || items[0].Kind != AttrItem || items[0].Key.str() != tag {
		return Value{}
	}
	switch h := items[0].Value; h.kind {
	case KindRecord:
		return h
	case KindAbsent, KindExtant:
		return Record()
	default:
		return Record(Of(h))
	}
}

// Body returns what follows the first item of v: Absent if nothing does, the value itself if one plain value does, and
// a record of the rest otherwise. A v that is no record has no body.
func (v Value) Body() Value {
	items := v.Items()
	switch {
	case len(items) < 2:
		return Value{}
	case len(items) == 2 && items[1].Kind == ValueItem:
		return items[1].Value
	}
	return Record(items[1:]...)
}

// Get returns the value of the first slot or attribute whose key is the text key, or Absent.
func (v Value) Get(key string) Value {
	for _, it := range v.Items() {
		if it.Key.kind == KindText && it.Kind != ValueItem && it.Key.str() == key {
			return it.Value
		}
	}
	return Value{}
}

// Index returns the value of the member at position i, or Absent if there is none.
func (v Value) Index(i int) Value {
	if items := v.Items(); i >= 0 && i < len(items) {
		return items[i].Value
	}
	return Value{}
}
