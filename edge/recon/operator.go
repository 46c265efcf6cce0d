package recon

// The methods in this file read expressions. Nearly all texts hold plain values only, so expression begins with what
// binds tightly, and looks for looser operators only if something is left that may be one. The methods named after
// operators take the operand that has been read already as v.
//
// A method that takes into reads either a value of its own, which it returns, or (into is true) pushes what it reads
// onto the record being read: "@a {x:1}" adds x to the record that a began. In that case operators have no effect, the
// result is not used, and is Absent or part of what was pushed. SwimOS reads such texts the same way.

// expression reads any expression, with lambdas, and the blanks on both sides.
func (p *parser) expression(into bool) Value {
	c, v, plain := p.skip(blank), Value{}, false
	if !into {
		v, plain = p.scalar(c)
	}
	switch {
	case !plain:
		v = p.attributed(into)
	case class[p.skip(blank)]&stop != 0:
		return v
	default:
		v = p.behind(v)
	}
	if class[p.peek()]&stop != 0 {
		return v
	}
	v = p.conditional(into, p.logic(into, opOr, p.comparison(into, v)))
	if p.peek() != '>' { // comparison has taken the = of =>
		return v
	}
	p.pos++
	if !p.enter() {
		return Value{}
	}
	defer p.leave()
	return p.node(into, opLambda, v, p.choice(false))
}

// choice reads an expression without lambdas.
func (p *parser) choice(into bool) Value {
	return p.conditional(into, p.logic(into, opOr, p.comparison(into, p.attributed(into))))
}

// conditional reads "? yes : no". Where the outcome is certain SwimOS keeps the one or the other only.
func (p *parser) conditional(into bool, v Value) Value {
	if p.peek() != '?' || !p.enter() {
		return v
	}
	defer p.leave()
	p.pos++
	yes := p.choice(into)
	if p.peek() != ':' {
		p.fail(": and the other choice")
		return Value{}
	}
	p.pos++
	no := p.choice(into)
	switch {
	case v.isOperator():
		return p.node(into, opConditional, v, yes, no)
	case v.kind == KindAbsent, v.kind == KindBool && v.num == 0:
		return no
	}
	return yes
}

// logic reads || && | ^ & and comparisons behind them; only operators that bind at least as tightly as min.
func (p *parser) logic(into bool, min op, v Value) Value {
	for {
		c := p.peek()
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
		v = p.node(into, o, v, p.logic(into, o+1, p.comparison(into, p.attributed(into))))
	}
}

// comparison reads at most one of < <= == != >= >. Of => it takes the = and leaves the rest to expression.
func (p *parser) comparison(into bool, v Value) Value {
	c := p.peek()
	if c != '<' && c != '>' && c != '=' && c != '!' {
		return v
	}
	var next byte
	if p.pos+1 < len(p.text) {
		next = p.text[p.pos+1]
	}
	var o op
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

// attributed reads any number of attributes with at most one operand before, between and after them; all become one
// record, into which the items of an operand in braces or brackets go one by one.
func (p *parser) attributed(into bool) Value {
	return p.attributes(len(p.items), into, !into, false)
}

// behind reads arithmetic and attributes behind the scalar v.
func (p *parser) behind(v Value) Value {
	v = p.arithmetic(false, v)
	if p.peek() != '@' {
		return v
	}
	mark := len(p.items)
	p.push(ValueItem, Value{}, v)
	return p.attributes(mark, false, false, false)
}

// attributes is attributed where the items above mark have been read already. They are empty if none has, and isRecord
// says that the result is a record even if it is one plain item.
func (p *parser) attributes(mark int, into, empty, isRecord bool) Value {
	for {
		c := p.skip(blank)
		switch {
		case c == '@':
			p.attribute()
			empty, isRecord = false, true
			continue
		case c == '{' || c == '[':
			isRecord = isRecord || empty
			p.collection(c)
			p.arithmetic(true, Value{})
		case c == '(' && !empty:
			p.arithmetic(true, p.prefixed(true))
		case p.startsItem(c):
			v := p.operand(c)
			if empty && p.peek() != '@' {
				return v
			}
			p.push(ValueItem, Value{}, v)
		case empty:
			return Extant()
		default:
			return p.attributedValue(mark, into, isRecord)
		}
		if p.peek() != '@' {
			return p.attributedValue(mark, into, isRecord)
		}
		empty = false
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

// operand reads a value that begins with c, and arithmetic with it.
func (p *parser) operand(c byte) Value {
	if v, ok := p.scalar(c); ok {
		return p.arithmetic(false, v)
	}
	return p.arithmetic(false, p.prefixed(false))
}

// arithmetic reads calls of v and + - * / % behind it, and passes over the blanks behind.
func (p *parser) arithmetic(into bool, v Value) Value {
	if class[p.skip(blank)]&infix == 0 {
		return v
	}
	v = p.product(into, p.call(into, v))
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
		v = p.node(into, o, v, p.product(into, p.prefixed(into)))
	}
}

// product reads * / % behind v.
func (p *parser) product(into bool, v Value) Value {
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

// prefixed reads a primary expression and calls of it, behind any number of ! ~ - +.
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
		return p.call(into, p.primary(into))
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

// call reads arguments behind v.
func (p *parser) call(into bool, v Value) Value {
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
		switch p.peek() {
		case ',':
			p.pos++
			if !into && !list {
				p.push(ValueItem, Value{}, v)
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
		p.collection(c)
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
		p.push(ValueItem, Value{}, v)
	}
	return v
}

// collection pushes the items of the record or markup that begins with c.
func (p *parser) collection(c byte) {
	if c == '{' {
		p.braces()
	} else {
		p.markup()
	}
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
