package jinja

import "slices"

// block reads text and tags up to the end, or up to the tag with one of the words, which it stays before.
func (p *parser) block(until ...string) (body []statement) {
	for {
		switch t := p.next(); {
		case t.kind == end:
			if len(until) > 0 {
				p.fail(t.at, false, "a tag {%% %s %%} is missing", until[len(until)-1])
			}
			return body
		case t.kind == data:
			body = append(body, plain(t.text))
		case t.text == "{{":
			body = append(body, output{p.expression()})
			p.expect("}}")
		default:
			if word := p.peek(); slices.Contains(until, word.text) && word.kind == name {
				return body
			}
			body = append(body, p.statement())
		}
	}
}

// nested is block within another.
func (p *parser) nested(until ...string) []statement {
	p.expect("%}")
	return deeper(p, func() []statement { return p.block(until...) })
}

func (p *parser) statement() statement {
	t := p.peek()
	if t.kind != name {
		p.unexpected("a word such as if")
	}
	p.at++
	switch t.text {
	case "if":
		return p.choice()
	case "for":
		return p.loop()
	case "set":
		return p.assignment()
	case "endif", "endfor", "else", "elif":
		p.fail(t.at, false, "there is nothing that {%% %s %%} could belong to", t.text)
	}
	p.refuse(t, "{% "+t.text+" %}")
	return nil
}

func (p *parser) choice() statement {
	var c choice
	for word := "elif"; word == "elif"; word = p.next().text {
		c.tests = append(c.tests, p.expression())
		c.bodies = append(c.bodies, p.nested("elif", "else", "endif"))
		if p.accept(name, "else") {
			c.other = p.nested("endif")
		}
	}
	p.expect("%}")
	return c
}

func (p *parser) variable() token {
	t := p.peek()
	if t.kind != name {
		p.unexpected("a variable")
	}
	p.at++
	return t
}

func (p *parser) loop() statement {
	l := loop{variable: p.variable().text}
	if t := p.peek(); t.is(sign, ",") {
		p.refuse(t, "a loop with several variables")
	}
	if !p.accept(name, "in") {
		p.unexpected("in")
	}
	l.over = deeper(p, p.or)
	if t := p.peek(); t.kind == name {
		p.refuse(t, "a loop with "+t.text)
	}
	p.known[l.variable], p.known["loop"] = true, true
	l.body = p.nested("else", "endfor")
	if p.next().text == "else" {
		l.other = p.nested("endfor")
		p.at++
	}
	p.expect("%}")
	return l
}

func (p *parser) assignment() statement {
	t := p.variable()
	if _, ok := constants[t.text]; ok {
		p.fail(t.at, false, "%s cannot be set", t.text)
	}
	if !p.accept(sign, "=") {
		p.refuse(p.peek(), "{% set %} with anything but one variable and =")
	}
	a := assignment{t.text, p.expression()}
	p.expect("%}")
	p.known[t.text] = true
	return a
}
