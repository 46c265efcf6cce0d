package recon

import "strconv"

// The methods in this file read expressions, loosest binding first. Nearly all texts hold plain values only, for which
// expression and operand have a short cut.
//
// A method that takes into reads either a value of its own, which it returns, or (into is true) pushes what it reads
// onto the record being read: "@a {x:1}" adds x to the record that a began. In that case operators have no effect, the
// result is not used, and is Absent or part of what was pushed. SwimOS reads such texts the same way.

// expression reads any expression, with lambdas.
func (p *parser) expression(into bool) Value {
	if c := p.peek(); !into && (c >= 0x80 || class[c]&(identHead|digit) != 0 || c == '"') {
		start := p.pos
		if v, ok := p.scalar(c); ok && (class[p.skip(blank)]&stop != 0 || p.atEnd()) {
			return v
		}
		p.pos = start
		if p.err != nil {
			p.pos = len(p.text)
		}
	}
	v := p.conditional(into)
	if p.peek() != '>' { // comparison has taken the = of =>
		return v
	}
	p.pos++
	if !p.enter() {
		return Value{}
	}
	defer p.leave()
	return p.node(into, opLambda, v, p.conditional(false))
}

func (p *parser) conditional(into bool) Value {
	test := p.logic(into, opOr)
	if p.skip(blank) != '?' || !p.enter() {
		return test
	}
	defer p.leave()
	p.pos++
	yes := p.conditional(into)
	if p.skip(blank) != ':' {
		p.fail(": and the other choice")
		return Value{}
	}
	p.pos++
	no := p.conditional(into)
	switch {
	case test.kind == KindExpr && test.node().op != opLambda:
		return p.node(into, opConditional, test, yes, no)
	case test.kind == KindAbsent, test.kind == KindBool && test.num == 0:
		return no
	}
	return yes
}

// logic reads || && | ^ & between comparisons; only operators that bind at least as tightly as min.
func (p *parser) logic(into bool, min op) Value {
	v := p.comparison(into)
	for {
		c := p.skip(blank)
		twin := p.pos+1 < len(p.text) && p.text[p.pos+1] == c
		var o op
		switch {
		case c == '|' && twin:
			o = opOr
		case c == '&' && twin:
			o = opAnd
		case c == '|':
			o = opBitOr
		case c == '^':
			o = opBitXor
		case c == '&':
			o = opBitAnd
		default:
			return v
		}
		if o < min {
			return v
		}
		p.pos += len(o.symbol())
		if p.atEnd() && (c == '|' || c == '&') && !twin {
			p.fail("an operand")
		}
		v = p.node(into, o, v, p.logic(into, o+1))
	}
}

// comparison reads at most one of < <= == != >= >. Of => it takes the = and leaves the rest to expression.
func (p *parser) comparison(into bool) Value {
	v := p.attributed(into)
	c := p.skip(blank)
	if c != '<' && c != '>' && c != '=' && c != '!' {
		return v
	}
	var next byte
	if p.pos+1 < len(p.text) {
		next = p.text[p.pos+1]
	}
	o := opLess
	switch {
	case c == '=' && next == '>':
		p.pos++
		return v
	case c == '<' && next == '=':
		o = opAtMost
	case c == '<' && next != 0:
		o = opLess
	case c == '>' && next == '=':
		o = opAtLeast
	case c == '>' && next != 0:
		o = opMore
	case c == '=' && next == '=':
		o = opEqual
	case c == '!' && next == '=':
		o = opUnequal
	default:
		p.pos++
		p.fail("an operator such as == or <= and its operand")
		return Value{}
	}
	p.pos += len(o.symbol())
	return p.node(into, o, v, p.attributed(into))
}

// attributed reads any number of attributes with at most one operand before, between and after them; all become one record.
func (p *parser) attributed(into bool) Value {
	mark := len(p.items)
	isRecord, empty := false, !into
	for {
		c := p.skip(blank)
		if c == '@' {
			p.attribute()
			isRecord, empty = true, false
			continue
		}
		switch {
		case c == '{' || c == '[':
			isRecord = isRecord || empty
			p.additive(true)
		case c == '(' && !empty:
			p.additive(true)
		case c == '(' || c != '@' && p.startsItem(c):
			p.push(Of(p.operand()))
		case empty:
			return Extant()
		default:
			return p.attributedValue(mark, into, isRecord)
		}
		empty = false
		if p.skip(blank) != '@' {
			return p.attributedValue(mark, into, isRecord)
		}
	}
}

func (p *parser) attributedValue(mark int, into, isRecord bool) Value {
	switch {
	case into || p.err != nil:
		return Value{}
	case isRecord:
		return p.record(mark)
	}
	return p.value(mark)
}

// operand reads an additive expression, quickly if it is a plain value.
func (p *parser) operand() Value {
	start := p.pos
	if v, ok := p.scalar(p.peek()); ok {
		switch p.skip(blank) {
		case '+', '-', '*', '/', '%', '(':
			p.pos = start
		default:
			return v
		}
	}
	return p.additive(false)
}

func (p *parser) additive(into bool) Value {
	v := p.multiplicative(into)
	for {
		var o op
		switch p.skip(blank) {
		case '+':
			o = opPlus
		case '-':
			o = opMinus
		default:
			return v
		}
		p.pos++
		v = p.node(into, o, v, p.multiplicative(into))
	}
}

func (p *parser) multiplicative(into bool) Value {
	v := p.prefixed(into)
	for {
		var o op
		switch p.skip(blank) {
		case '*':
			o = opTimes
		case '/':
			o = opDivide
		case '%':
			o = opModulo
		default:
			return v
		}
		p.pos++
		v = p.node(into, o, v, p.prefixed(into))
	}
}

func (p *parser) prefixed(into bool) Value {
	var o op
	switch p.skip(blank) {
	case '!':
		o = opNot
	case '~':
		o = opBitNot
	case '-':
		o = opNegative
	case '+':
		o = opPositive
	default:
		return p.call(into)
	}
	if !p.enter() {
		return Value{}
	}
	defer p.leave()
	p.pos++
	v := p.prefixed(into)
	switch {
	case !into && (v.kind == KindExtant || v.kind == KindAbsent):
		p.fail("a value")
		return Value{}
	case o == opNegative && v.IsNumber():
		return v.negate()
	}
	return p.node(into, o, v)
}

func (p *parser) call(into bool) Value {
	v := p.primary(into)
	for p.skip(blank) == '(' && p.err == nil {
		v = p.node(into, opCall, v, p.arguments())
	}
	return v
}

// primary reads a literal or an expression in parentheses; several, separated by commas, make a record.
func (p *parser) primary(into bool) Value {
	if p.skip(blank) != '(' {
		return p.literal(into)
	}
	if !p.enter() {
		return Value{}
	}
	defer p.leave()
	p.pos++
	mark, list := len(p.items), false
	v := p.expression(into)
	for {
		switch p.skip(blank) {
		case ',':
			p.pos++
			if !into && !list {
				p.push(Of(v))
				list = true
			}
			p.expression(true)
		case ')':
			p.pos++
			if list {
				return p.record(mark)
			}
			return v
		default:
			p.fail("a comma or )")
			return Value{}
		}
	}
}

// literal reads a record, markup, selector or scalar; a missing one is Extant.
func (p *parser) literal(into bool) Value {
	mark := len(p.items)
	switch c := p.skip(blank); c {
	case '{', '[':
		if c == '{' {
			p.braces()
		} else {
			p.markup()
		}
		if into || p.err != nil {
			return Value{}
		}
		return p.record(mark)
	case '$':
		return p.literalItem(into, p.selector())
	default:
		if v, ok := p.scalar(c); ok {
			return p.literalItem(into, v)
		}
	}
	if into {
		return Value{}
	}
	return Extant()
}

func (p *parser) literalItem(into bool, v Value) Value {
	if into {
		p.push(Of(v))
	}
	return v
}

// scalar reads the text, number or data that begins with c, if one does.
func (p *parser) scalar(c byte) (Value, bool) {
	switch {
	case class[c]&identHead != 0:
		return p.ident(), true
	case class[c]&digit != 0:
		return p.number(), true
	case c == '"' || c == '\'':
		return p.quoted(), true
	case c == '%':
		return p.data(), true
	case c == '`':
		return p.raw(), true
	case c >= 0x80 && identLen(p.text[p.pos:]) > 0:
		return p.ident(), true
	}
	return Value{}, false
}

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
			p.fail("a key, @, *, : or #")
			break
		}
		if len(path) >= p.limits.Depth {
			p.exceed(strconv.Itoa(len(path)+1)+" steps", p.limits.Depth)
			break
		}
		path = append(path, p.step(c))
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
		if p.skip(blank) != ']' {
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
