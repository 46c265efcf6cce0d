package jinja

import "strconv"

// parser reads expressions; statements are in statements.go.
type parser struct {
	text   string
	tokens []token
	at     int
	depth  int
	known  map[string]bool // variables
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != end {
		p.at++
	}
	return t
}

// accept goes over a sign, or over a word such as "if".
func (p *parser) accept(k kind, text string) bool {
	if t := p.peek(); t.kind != k || t.text != text {
		return false
	}
	p.at++
	return true
}

func (p *parser) expect(text string) error {
	if !p.accept(sign, text) {
		return p.unexpected(text)
	}
	return nil
}

func (p *parser) unexpected(wanted string) error {
	t := p.peek()
	if t.kind == end || t.kind == data {
		return p.errorAt(t.at, false, "the tag ends where there should be %s", wanted)
	}
	return p.errorAt(t.at, false, "there should be %s instead of %q", wanted, t.text)
}

func (p *parser) refuse(at token, what string) error {
	return p.errorAt(at.at, true, "%s is not available here", what)
}

// deeper bounds the recursion of the parser, and with it that of the evaluation.
func (p *parser) deeper(parse func() (expression, error)) (expression, error) {
	if p.depth == maxDepth {
		return nil, p.errorAt(p.peek().at, true, "more than %d parts in each other are not taken", maxDepth)
	}
	p.depth++
	defer func() { p.depth-- }()
	return parse()
}

func (p *parser) expression() (expression, error) { return p.deeper(p.conditional) }

func (p *parser) conditional() (expression, error) {
	yes, err := p.or()
	for err == nil && p.accept(name, "if") {
		c := conditional{yes: yes, no: constant{undefined{}}}
		if c.test, err = p.or(); err == nil && p.accept(name, "else") {
			c.no, err = p.expression()
		}
		yes = c
	}
	return yes, err
}

func (p *parser) or() (expression, error) {
	left, err := p.and()
	for err == nil && p.accept(name, "or") {
		l := logic{left: left, stops: true}
		l.right, err = p.and()
		left = l
	}
	return left, err
}

func (p *parser) and() (expression, error) {
	left, err := p.not()
	for err == nil && p.accept(name, "and") {
		l := logic{left: left}
		l.right, err = p.not()
		left = l
	}
	return left, err
}

func (p *parser) not() (expression, error) {
	if !p.accept(name, "not") {
		return p.comparison()
	}
	of, err := p.deeper(p.not)
	return negation{of}, err
}

func (p *parser) comparison() (expression, error) {
	first, err := p.binary(0)
	c := comparison{first: first}
	for err == nil {
		op := p.comparator()
		if op == "" {
			break
		}
		var next expression
		next, err = p.binary(0)
		c.ops, c.rest = append(c.ops, op), append(c.rest, next)
	}
	if len(c.ops) == 0 {
		return first, err
	}
	return c, err
}

func (p *parser) comparator() string {
	t := p.peek()
	switch {
	case t.kind == sign && (t.text == "==" || t.text == "!=" || t.text == "<" || t.text == "<=" || t.text == ">" || t.text == ">="):
		p.next()
		return t.text
	case p.accept(name, "in"):
		return "in"
	case t.kind == name && t.text == "not" && p.tokens[p.at+1].kind == name && p.tokens[p.at+1].text == "in":
		p.at += 2
		return "not in"
	}
	return ""
}

// levels are the operators by how tightly they bind; ** binds to the left as well, other than in Python.
var levels = [][]string{{"+", "-"}, {"~"}, {"*", "/", "//", "%"}, {"**"}}

func (p *parser) binary(level int) (expression, error) {
	if level == len(levels) {
		return p.unary(true)
	}
	left, err := p.binary(level + 1)
	for err == nil {
		t, found := p.peek(), false
		for _, op := range levels[level] {
			found = found || t.kind == sign && t.text == op
		}
		if !found {
			break
		}
		p.next()
		o := operation{op: t.text, left: left}
		o.right, err = p.binary(level + 1)
		left = o
	}
	return left, err
}

// unary reads what may have a sign before it. Filters bind looser than the sign.
func (p *parser) unary(filtered bool) (expression, error) {
	var e expression
	var err error
	if t := p.peek(); t.kind == sign && (t.text == "-" || t.text == "+") {
		p.next()
		e, err = p.deeper(func() (expression, error) { return p.unary(false) })
		e = signed{e, t.text == "-"}
	} else if e, err = p.primary(); err == nil {
		e, err = p.postfix(e)
	}
	for filtered && err == nil {
		switch {
		case p.accept(sign, "|"):
			e, err = p.filter(e)
		case p.accept(name, "is"):
			e, err = p.test(e)
		default:
			return e, nil
		}
	}
	return e, err
}

func (p *parser) primary() (expression, error) {
	switch t := p.peek(); t.kind {
	case name:
		return p.named(p.next())
	case whole:
		p.next()
		i, err := strconv.ParseInt(t.text, 10, 64)
		if err != nil {
			return nil, p.errorAt(t.at, true, "the number %.40s is too large here", t.text)
		}
		return constant{i}, nil
	case real:
		p.next()
		f, _ := strconv.ParseFloat(t.text, 64) // out of range it is infinite, as in Python
		return constant{f}, nil
	case quoted:
		text := ""
		for p.peek().kind == quoted {
			text += p.next().text
		}
		return constant{text}, nil
	case sign:
		switch t.text {
		case "(":
			p.next()
			return p.parenthesis()
		case "[":
			p.next()
			items, err := p.items("]")
			return sequence{items: items}, err
		case "{":
			p.next()
			return p.dictionary()
		}
	}
	return nil, p.unexpected("an expression")
}

var constants = map[string]any{"true": true, "True": true, "false": false, "False": false, "none": nil, "None": nil}

// named reads a variable, a constant, or the call of a function.
func (p *parser) named(t token) (expression, error) {
	if v, ok := constants[t.text]; ok {
		return constant{v}, nil
	}
	if p.accept(sign, "(") {
		f, ok := functions[t.text]
		if !ok {
			return nil, p.refuse(t, t.text+"()")
		}
		return p.arguments(t, f, nil)
	}
	if !p.known[t.text] {
		return nil, p.refuse(t, "the variable "+t.text)
	}
	return variable(t.text), nil
}

// parenthesis reads an expression in parentheses, or a tuple.
func (p *parser) parenthesis() (expression, error) {
	if p.accept(sign, ")") {
		return sequence{tuple: true}, nil
	}
	first, err := p.expression()
	if err != nil || p.accept(sign, ")") {
		return first, err
	}
	if err := p.expect(","); err != nil {
		return nil, err
	}
	rest, err := p.items(")")
	return sequence{append([]expression{first}, rest...), true}, err
}

// items reads expressions with commas between them, up to the closer.
func (p *parser) items(closer string) (items []expression, err error) {
	for !p.accept(sign, closer) {
		e, err := p.expression()
		if err != nil {
			return nil, err
		}
		items = append(items, e)
		if !p.accept(sign, ",") {
			return items, p.expect(closer)
		}
	}
	return items, nil
}

func (p *parser) dictionary() (expression, error) {
	var d dictionary
	for !p.accept(sign, "}") {
		key, err := p.expression()
		if err == nil {
			err = p.expect(":")
		}
		if err != nil {
			return nil, err
		}
		value, err := p.expression()
		if err != nil {
			return nil, err
		}
		d.keys, d.values = append(d.keys, key), append(d.values, value)
		if !p.accept(sign, ",") {
			return d, p.expect("}")
		}
	}
	return d, nil
}

// postfix reads members, places, slices and the calls of methods that follow an expression.
func (p *parser) postfix(e expression) (expression, error) {
	for {
		var err error
		switch {
		case p.accept(sign, "."):
			e, err = p.member(e)
		case p.accept(sign, "["):
			e, err = p.subscript(e)
		case p.peek().kind == sign && p.peek().text == "(":
			err = p.refuse(p.peek(), "a call of what is no function")
		default:
			return e, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func (p *parser) member(of expression) (expression, error) {
	t := p.next()
	switch {
	case t.kind == whole:
		i, err := strconv.ParseInt(t.text, 10, 32)
		if err != nil {
			return nil, p.errorAt(t.at, false, "%.40s is no place in a list", t.text)
		}
		return subscript{of, constant{i}}, nil
	case t.kind != name:
		return nil, p.errorAt(t.at, false, "a dot needs a name behind it")
	case !p.accept(sign, "("):
		return subscript{of, constant{t.text}}, nil
	}
	m, ok := methods[t.text]
	if !ok {
		return nil, p.refuse(t, "the method "+t.text+"()")
	}
	return p.arguments(t, m, of)
}

func (p *parser) subscript(of expression) (expression, error) {
	s := slice{of: of}
	var err error
	if !p.accept(sign, ":") {
		key, err := p.expression()
		if err != nil || p.accept(sign, "]") {
			return subscript{of, key}, err
		}
		if err := p.expect(":"); err != nil {
			return nil, err
		}
		s.from = key
	}
	if p.accept(sign, "]") {
		return s, nil
	}
	if t := p.peek(); t.kind == sign && t.text == ":" {
		return nil, p.refuse(t, "a slice with steps")
	}
	if s.to, err = p.expression(); err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind == sign && t.text == ":" {
		return nil, p.refuse(t, "a slice with steps")
	}
	return s, p.expect("]")
}

func (p *parser) filter(of expression) (expression, error) {
	t := p.next()
	f, ok := filters[t.text]
	switch {
	case t.kind != name:
		p.at--
		return nil, p.unexpected("the name of a filter")
	case !ok:
		return nil, p.refuse(t, "the filter "+t.text)
	case p.accept(sign, "("):
		return p.arguments(t, f, of)
	}
	return p.applied(t, f, application{f, of, make([]expression, len(f.takes))})
}

func (p *parser) test(of expression) (expression, error) {
	not := p.accept(name, "not")
	t := p.next()
	f, ok := tests[t.text]
	if t.kind != name || !ok {
		return nil, p.refuse(t, "the test "+t.text)
	}
	var e expression
	var err error
	switch {
	case p.accept(sign, "("):
		e, err = p.arguments(t, f, of)
	case len(f.takes) == 1:
		var arg expression
		if arg, err = p.primary(); err == nil {
			arg, err = p.postfix(arg)
		}
		e = application{f, of, []expression{arg}}
	default:
		e = application{f, of, nil}
	}
	if not {
		e = negation{e}
	}
	return e, err
}

// arguments reads the arguments of a call behind its parenthesis. A function that is called without an object has its
// first argument for it.
func (p *parser) arguments(t token, f *builtin, of expression) (expression, error) {
	a := application{f, of, make([]expression, len(f.takes))}
	for place := 0; !p.accept(sign, ")"); {
		word, named := p.peek(), false
		if after := p.tokens[min(p.at+1, len(p.tokens)-1)]; word.kind == name && after.kind == sign && after.text == "=" {
			named = true
			p.at += 2
		}
		e, err := p.expression()
		if err != nil {
			return nil, err
		}
		switch {
		case named:
			i := f.place(word.text)
			if i < 0 {
				return nil, p.refuse(word, t.text+" with "+word.text+"=")
			}
			a.args[i] = e
		case a.of == nil:
			a.of = e
		case f.many:
			a.args = append(a.args, e)
		case place < len(a.args):
			a.args[place] = e
			place++
		default:
			return nil, p.refuse(word, t.text+" with so many arguments")
		}
		if !p.accept(sign, ",") {
			if err := p.expect(")"); err != nil {
				return nil, err
			}
			break
		}
	}
	return p.applied(t, f, a)
}

// applied checks that what a function needs is there.
func (p *parser) applied(t token, f *builtin, a application) (expression, error) {
	if a.of == nil {
		return nil, p.errorAt(t.at, false, "%s() has no argument", t.text)
	}
	for i := range f.needs {
		if a.args[i] == nil {
			return nil, p.errorAt(t.at, false, "%s has no %s", t.text, f.takes[i])
		}
	}
	return a, nil
}
