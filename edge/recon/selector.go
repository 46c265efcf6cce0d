package recon

import "strconv"

// selector reads "$" and steps. A step is a literal key or one of @name *: :* * ** #index [filter].
func (p *parser) selector() Value {
	p.pos++
	var path []step
	for first := true; p.err == nil; first = false {
		c := p.peek()
		if !first && c != '[' && c != '#' {
			if c != '.' {
				return exprOf(&node{op: opSelect, path: path})
			}
			p.pos++
			if c = p.peek(); c == '[' || c == '#' {
				c = 0 // behind a dot these begin a key: markup, or nothing at all
			}
		}
		if p.atEnd() {
			p.fail(wantStep)
			break
		}
		if len(path) >= p.limits.Depth {
			p.exceed(strconv.Itoa(len(path)+1)+" steps", p.limits.Depth)
			break
		}
		start := p.pos
		path = append(path, p.step(c))
		if first && p.pos == start {
			p.fail(wantStep) // "{$}" as well as "$", which could not be read again
		}
	}
	return Value{}
}

func (p *parser) step(c byte) step {
	switch c {
	case '@':
		p.pos++
		if identLen(p.text[p.pos:]) > 0 {
			if name := p.ident(); name.kind == KindText {
				return step{selAttr, name}
			}
		}
		p.fail("an attribute name")
	case '*':
		p.pos++
		switch p.peek() {
		case ':':
			p.pos++
			return step{kind: selKeys}
		case '*':
			p.pos++
			return step{kind: selDescendants}
		}
		return step{kind: selChildren}
	case ':':
		p.pos++
		if p.peek() == '*' {
			p.pos++
			return step{kind: selValues}
		}
		p.fail("*")
	case '#':
		p.pos++
		return step{selItem, p.index()}
	case '[':
		if !p.enter() {
			break
		}
		defer p.leave()
		p.pos++
		v := p.expression(false)
		if p.peek() != ']' {
			p.fail("the closing ]")
			break
		}
		p.pos++
		return step{selFilter, v}
	default:
		return step{selKey, p.key()}
	}
	return step{}
}

// index reads the whole number of "#1".
func (p *parser) index() Value {
	p.skip(blank | lineBreak)
	start := p.pos
	if p.peek() == '-' {
		p.pos++
	}
	if p.peek() == '0' {
		p.pos++
	} else {
		p.digits()
	}
	if p.err != nil {
		return Value{}
	}
	i, _ := strconv.ParseInt(p.text[start:p.pos], 10, 64)
	return Int(int64(int32(i)))
}

// key reads the literal key of a selector step; braces, brackets and parentheses around one value do not count.
func (p *parser) key() Value {
	mark := len(p.items)
	switch c := p.skip(blank); {
	case c == '(':
		if !p.enter() {
			return Value{}
		}
		defer p.leave()
		p.pos++
		v := p.expression(false)
		if p.skip(blank|lineBreak) != ')' {
			p.fail("the closing )")
			return Value{}
		}
		p.pos++
		return v
	case c == '-':
		return p.number()
	default:
		if v := p.literal(true); p.err != nil {
			return v
		}
	}
	return p.value(mark)
}
