package recon

import "strconv"

// startsItem reports whether the character at pos, which is c, may begin an item of a block.
func (p *parser) startsItem(c byte) bool {
	if c < 0x80 {
		return class[c]&(identHead|digit|starter) != 0
	}
	return identLen(p.text[p.pos:]) > 0
}

// push adds an item to the innermost record.
func (p *parser) push(kind ItemKind, key, v Value) {
	if p.count >= p.limits.Items {
		p.exceed(strconv.Itoa(p.count+1)+" items", p.limits.Items)
		return
	}
	p.count++
	n := len(p.items)
	if n == cap(p.items) {
		p.items = append(p.items, Item{})
	}
	p.items = p.items[:n+1]
	it := &p.items[n]
	it.Key, it.Value, it.Kind = key, v, kind
}

// drop takes the items above mark off the stack. Their memory is cleared in the end, all at once.
func (p *parser) drop(mark int) {
	p.high = max(p.high, len(p.items))
	p.items = p.items[:mark]
}

// record takes the items above mark off the stack and returns them as a record.
func (p *parser) record(mark int) Value {
	top := p.items[mark:]
	items := make([]Item, len(top))
	copy(items, top)
	p.drop(mark)
	return Record(items...)
}

// value is record, but one plain item stands for itself and none is Absent.
func (p *parser) value(mark int) Value {
	switch top := p.items[mark:]; {
	case len(top) == 0:
		return Value{}
	case len(top) == 1 && top[0].Kind == ValueItem:
		v := top[0].Value
		p.drop(mark)
		return v
	}
	return p.record(mark)
}

// block reads items up to something that can be neither an item nor a separator: the content of a text, of an attribute
// or of a call. A separator must be followed by an item or the end of the text, not by a closing parenthesis.
func (p *parser) block() Value {
	mark := len(p.items)
	for {
		c := p.skip(blank | lineBreak)
		switch {
		case c == '#':
			p.skipComment()
			continue
		case p.startsItem(c):
		case !p.atEnd():
			p.fail(wantItem)
			return Value{}
		default:
			return p.value(mark)
		}
		p.item()
		switch p.peek() {
		case ',', ';', '\n', '\r':
			p.pos++
		case '#':
			p.skipComment()
		default:
			return p.value(mark)
		}
	}
}

// item reads "value", "key: value" or "key:", and pushes it. Like expression it passes over the blanks behind.
func (p *parser) item() {
	v, start := Value{}, p.pos
	if class[p.peek()]&identHead != 0 { // a key, as nearly always
		v = p.ident()
	}
	if p.peek() != ':' || p.pos == start {
		p.pos = start
		v = p.expression(false)
	}
	if p.peek() != ':' {
		p.push(ValueItem, Value{}, v)
		return
	}
	p.pos++
	p.push(SlotItem, v, p.expression(false))
}

// braces reads a record in braces and pushes its items. Unlike in a block, nothing before a separator is an Extant item.
func (p *parser) braces() {
	if !p.enter() {
		return
	}
	defer p.leave()
	p.pos++
	for {
		switch p.skip(blank | lineBreak) {
		case '}':
			p.pos++
			return
		case '#':
			p.skipComment()
			continue
		}
		if p.atEnd() {
			break
		}
		p.item()
		switch p.peek() {
		case ',', ';', '\n', '\r':
			p.pos++
			continue
		case '#':
			p.skipComment()
			continue
		case '}':
			p.pos++
			return
		}
		if p.atEnd() && p.err == nil && p.endsInColon() {
			return // "{a:" is closed silently, as SwimOS does
		}
		p.fail("a comma, a line break or }")
		return
	}
	p.fail("the closing }")
}

// endsInColon reports whether the last item read was "key:" with the text ending right there.
func (p *parser) endsInColon() bool {
	if n := len(p.items); n == 0 || p.items[n-1].Kind != SlotItem || p.items[n-1].Value.kind != KindExtant {
		return false
	}
	i := len(p.text) - 1
	for i > 0 && class[p.text[i]]&blank != 0 {
		i--
	}
	return p.text[i] == ':'
}

// markup reads text in brackets, which may hold attributes, records and more markup, and pushes its pieces.
func (p *parser) markup() {
	if !p.enter() {
		return
	}
	defer p.leave()
	p.pos++
	start, escaped := p.pos, false
	for !p.atEnd() {
		c := p.text[p.pos]
		switch c {
		case '@', '{', '[', ']':
			if escaped {
				p.push(ValueItem, Value{}, String(string(append(p.buf, p.text[start:p.pos]...))))
			} else if start < p.pos {
				p.push(ValueItem, Value{}, String(p.slice(start, p.pos)))
			}
			escaped = false
			if p.err != nil { // one item too many
				return
			}
			switch c {
			case '@':
				p.inline()
			case '{':
				p.braces()
			case '[':
				p.markup()
			case ']':
				p.pos++
				return
			}
			start = p.pos
		case '\\':
			if !escaped {
				p.buf, escaped = p.buf[:0], true
			}
			p.buf = append(p.buf, p.text[start:p.pos]...)
			p.escape(false)
			start = p.pos
		case '}':
			p.fail("\\} or ]")
		default:
			p.pos++
		}
	}
	p.fail("the closing ]")
}

// inline reads an attribute within markup, and the record or markup that immediately follows it, as one item.
func (p *parser) inline() {
	mark := len(p.items)
	p.attribute()
	switch p.peek() {
	case '{':
		p.braces()
	case '[':
		p.markup()
	}
	if p.err == nil {
		p.push(ValueItem, Value{}, p.record(mark))
	}
}

// attribute reads "@name" or "@name(block)" and pushes it.
func (p *parser) attribute() {
	p.pos++
	var name Value
	switch c := p.peek(); {
	case c == '"' || c == '\'':
		name = p.quoted()
	default:
		start := p.pos
		switch name = p.ident(); {
		case p.pos == start:
			p.fail("an attribute name")
		case name.kind == KindBool:
			p.pos = start
			p.fail(wantName)
		}
	}
	if p.err == nil {
		p.push(AttrItem, name, p.arguments())
	}
}

// arguments reads "(block)" if it is there. Nothing and empty parentheses are Extant.
func (p *parser) arguments() Value {
	if p.peek() != '(' || !p.enter() {
		return Extant()
	}
	defer p.leave()
	p.pos++
	v := Extant()
	if p.skip(blank|lineBreak) != ')' {
		v = p.block()
	}
	if p.skip(blank|lineBreak) != ')' {
		p.fail("a comma, a line break or )")
		return Value{}
	}
	p.pos++
	return v
}
