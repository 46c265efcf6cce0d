package jinja

import (
	"slices"
	"strconv"
)

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

func (t token) is(k kind, text string) bool { return t.kind == k && t.text == text }

// accept goes over a sign, or over a word such as "if".
func (p *parser) accept(k kind, text string) bool {
	if !p.peek().is(k, text) {
		return false
	}
	p.at++
	return true
}

func (p *parser) expect(text string) {
	if !p.accept(sign, text) {
		p.unexpected(text)
	}
}

func (p *parser) unexpected(wanted string) {
	t := p.peek()
	if t.kind == end || t.kind == data {
		p.fail(t.at, false, "the tag ends where there should be %s", wanted)
	}
	p.fail(t.at, false, "there should be %s instead of %q", wanted, t.text)
}

func (p *parser) refuse(at token, what string) { p.fail(at.at, true, "%s is not available here", what) }

// deeper bounds the recursion of the parser, and with it that of the evaluation.
func deeper[T any](p *parser, parse func() T) T {
	if p.depth == maxDepth {
		p.fail(p.peek().at, true, "more than %d parts in each other are not taken", maxDepth)
	}
	p.depth++
	defer func() { p.depth-- }()
	return parse()
}

func (p *parser) expression() expression { return deeper(p, p.conditional) }

func (p *parser) conditional() expression {
	e := p.or()
	for p.accept(name, "if") {
		c := conditional{yes: e, test: p.or(), no: constant{undefined{}}}
		if p.accept(name, "else") {
			c.no = p.expression()
		}
		e = c
	}
	return e
}

func (p *parser) or() expression {
	e := p.and()
	for p.accept(name, "or") {
		e = logic{left: e, right: p.and(), stops: true}
	}
	return e
}

func (p *parser) and() expression {
	e := p.not()
	for p.accept(name, "and") {
		e = logic{left: e, right: p.not()}
	}
	return e
}

func (p *parser) not() expression {
	if p.accept(name, "not") {
		return negation{deeper(p, p.not)}
	}
	return p.comparison()
}

func (p *parser) comparison() expression {
	c := comparison{first: p.binary(0)}
	for op := p.comparator(); op != ""; op = p.comparator() {
		c.ops, c.rest = append(c.ops, op), append(c.rest, p.binary(0))
	}
	if len(c.ops) == 0 {
		return c.first
	}
	return c
}

var comparators = []string{"==", "!=", "<", "<=", ">", ">="}

func (p *parser) comparator() string {
	t := p.peek()
	switch {
	case t.kind == sign && slices.Contains(comparators, t.text), t.is(name, "in"):
		p.at++
		return t.text
	case t.is(name, "not") && p.tokens[p.at+1].is(name, "in"):
		p.at += 2
		return "not in"
	}
	return ""
}

// levels are the operators by how tightly they bind; ** binds to the left as well, other than in Python.
var levels = [][]string{{"+", "-"}, {"~"}, {"*", "/", "//", "%"}, {"**"}}

func (p *parser) binary(level int) expression {
	if level == len(levels) {
		return p.unary(true)
	}
	e := p.binary(level + 1)
	for t := p.peek(); t.kind == sign && slices.Contains(levels[level], t.text); t = p.peek() {
		p.at++
		e = operation{op: t.text, left: e, right: p.binary(level + 1)}
	}
	return e
}

// unary reads what may have a sign before it. Filters bind looser than the sign.
func (p *parser) unary(filtered bool) (e expression) {
	if t := p.peek(); t.is(sign, "-") || t.is(sign, "+") {
		p.at++
		e = signed{deeper(p, func() expression { return p.unary(false) }), t.text == "-"}
	} else {
		e = p.postfix(p.primary())
	}
	for filtered {
		switch {
		case p.accept(sign, "|"):
			e = p.filter(e)
		case p.accept(name, "is"):
			e = p.test(e)
		default:
			return e
		}
	}
	return e
}

func (p *parser) primary() expression {
	switch t := p.peek(); {
	case t.kind == name:
		p.at++
		return p.named(t)
	case t.kind == whole:
		p.at++
		i, err := strconv.ParseInt(t.text, 10, 64)
		if err != nil {
			p.fail(t.at, true, "the number %.40s is too large here", t.text)
		}
		return constant{i}
	case t.kind == real:
		p.at++
		f, _ := strconv.ParseFloat(t.text, 64) // out of range it is infinite, as in Python
		return constant{f}
	case t.kind == quoted:
		text := ""
		for p.peek().kind == quoted {
			text += p.next().text
		}
		return constant{text}
	case p.accept(sign, "("):
		return p.parenthesis()
	case p.accept(sign, "["):
		return sequence{items: p.items("]")}
	case p.accept(sign, "{"):
		return p.dictionary()
	}
	p.unexpected("an expression")
	return nil
}

var constants = map[string]any{"true": true, "True": true, "false": false, "False": false, "none": nil, "None": nil}

// named reads a variable, a constant, or the call of a function.
func (p *parser) named(t token) expression {
	if v, ok := constants[t.text]; ok {
		return constant{v}
	}
	if p.accept(sign, "(") {
		return p.arguments(t, functions[t.text], t.text+"()", nil)
	}
	if !p.known[t.text] {
		p.refuse(t, "the variable "+t.text)
	}
	return variable(t.text)
}

// parenthesis reads an expression in parentheses, or a tuple.
func (p *parser) parenthesis() expression {
	if p.accept(sign, ")") {
		return sequence{tuple: true}
	}
	first := p.expression()
	if p.accept(sign, ")") {
		return first
	}
	p.expect(",")
	return sequence{append([]expression{first}, p.items(")")...), true}
}

// items reads expressions with commas between them, up to the closer.
func (p *parser) items(closer string) (items []expression) {
	for !p.accept(sign, closer) {
		items = append(items, p.expression())
		if !p.accept(sign, ",") {
			p.expect(closer)
			break
		}
	}
	return items
}

func (p *parser) dictionary() expression {
	var d dictionary
	for !p.accept(sign, "}") {
		d.keys = append(d.keys, p.expression())
		p.expect(":")
		d.values = append(d.values, p.expression())
		if !p.accept(sign, ",") {
			p.expect("}")
			break
		}
	}
	return d
}

// postfix reads members, places, slices and the calls of methods that follow an expression.
func (p *parser) postfix(e expression) expression {
	for {
		switch t := p.peek(); {
		case p.accept(sign, "."):
			e = p.member(e)
		case p.accept(sign, "["):
			e = p.subscript(e)
		case t.is(sign, "("):
			p.refuse(t, "a call of what is no function")
		default:
			return e
		}
	}
}

func (p *parser) member(of expression) expression {
	t := p.next()
	if t.kind == whole {
		i, _ := strconv.ParseInt(t.text, 10, 64) // a list ends before the largest of them
		return subscript{of, constant{i}}
	}
	if t.kind != name {
		p.fail(t.at, false, "a dot needs a name behind it")
	}
	if p.accept(sign, "(") {
		return p.arguments(t, methods[t.text], "the method "+t.text+"()", of)
	}
	return subscript{of, constant{t.text}}
}

func (p *parser) subscript(of expression) expression {
	s := slice{of: of}
	if !p.accept(sign, ":") {
		s.from = p.expression()
		if p.accept(sign, "]") {
			return subscript{of, s.from}
		}
		p.expect(":")
	}
	if t := p.peek(); !t.is(sign, "]") && !t.is(sign, ":") {
		s.to = p.expression()
	}
	if t := p.peek(); t.is(sign, ":") {
		p.refuse(t, "a slice with steps")
	}
	p.expect("]")
	return s
}

func (p *parser) filter(of expression) expression {
	t := p.peek()
	if t.kind != name {
		p.unexpected("the name of a filter")
	}
	p.at++
	f, what := filters[t.text], "the filter "+t.text
	if p.accept(sign, "(") {
		return p.arguments(t, f, what, of)
	}
	return p.applied(t, f, what, application{f: f, of: of})
}

func (p *parser) test(of expression) (e expression) {
	not := p.accept(name, "not")
	t := p.next()
	f, what := tests[t.text], "the test "+t.text
	switch {
	case p.accept(sign, "("):
		e = p.arguments(t, f, what, of)
	case f != nil && f.needs == 1:
		e = application{f, of, []expression{p.postfix(p.primary())}}
	default:
		e = p.applied(t, f, what, application{f: f, of: of})
	}
	if not {
		return negation{e}
	}
	return e
}

// arguments reads the arguments of a call behind its parenthesis. A function that is called without an object has its
// first argument for it.
func (p *parser) arguments(t token, f *builtin, what string, of expression) expression {
	if f == nil {
		p.refuse(t, what)
	}
	a := application{f, of, make([]expression, len(f.takes))}
	for place := 0; !p.accept(sign, ")"); {
		word, at := p.peek(), place
		if word.kind == name && p.tokens[p.at+1].is(sign, "=") {
			p.at += 2
			if at = slices.Index(f.takes, word.text); at < 0 {
				p.refuse(word, t.text+" with "+word.text+"=")
			}
			a.args[at] = p.expression()
		} else if e := p.expression(); a.of == nil {
			a.of = e
		} else if f.many {
			a.args = append(a.args, e)
		} else if at < len(a.args) {
			a.args[at] = e
			place++
		} else {
			p.refuse(word, t.text+" with so many arguments")
		}
		if !p.accept(sign, ",") {
			p.expect(")")
			break
		}
	}
	return p.applied(t, f, what, a)
}

// applied checks that what a builtin needs is there.
func (p *parser) applied(t token, f *builtin, what string, a application) expression {
	switch {
	case f == nil:
		p.refuse(t, what)
	case a.of == nil:
		p.fail(t.at, false, "%s has no argument", what)
	}
	for i := len(a.args); i < len(f.takes); i++ {
		a.args = append(a.args, nil)
	}
	for i := range f.needs {
		if a.args[i] == nil {
			p.fail(t.at, false, "%s has no %s", t.text, f.takes[i])
		}
	}
	return a
}
