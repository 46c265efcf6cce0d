package jinja

import "slices"

// block reads text and tags up to the end, or up to the tag with one of the words, which it stays before.
func (p *parser) block(until ...string) (body []statement, err error) {
	for {
		switch t := p.next(); {
		case t.kind == end:
			if len(until) > 0 {
				return nil, p.errorAt(t.at, false, "a tag {%% %s %%} is missing", until[len(until)-1])
			}
			return body, nil
		case t.kind == data:
			body = append(body, plain(t.text))
		case t.text == "{{":
			e, err := p.expression()
			if err == nil {
				err = p.expect("}}")
			}
			if err != nil {
				return nil, err
			}
			body = append(body, output{e})
		default:
			word := p.peek()
			if slices.Contains(until, word.text) && word.kind == name {
				return body, nil
			}
			s, err := p.statement()
			if err != nil {
				return nil, err
			}
			body = append(body, s)
		}
	}
}

// nested is block within another.
func (p *parser) nested(until ...string) (body []statement, err error) {
	if err = p.expect("%}"); err != nil {
		return nil, err
	}
	_, err = p.deeper(func() (expression, error) {
		body, err = p.block(until...)
		return nil, err
	})
	return body, err
}

func (p *parser) statement() (statement, error) {
	switch t := p.next(); {
	case t.kind == name && t.text == "if":
		return p.choice()
	case t.kind == name && t.text == "for":
		return p.loop()
	case t.kind == name && t.text == "set":
		return p.assignment()
	case t.kind == name && slices.Contains([]string{"endif", "endfor", "else", "elif"}, t.text):
		return nil, p.errorAt(t.at, false, "there is nothing that {%% %s %%} could belong to", t.text)
	case t.kind == name:
		return nil, p.refuse(t, "{% "+t.text+" %}")
	}
	p.at--
	return nil, p.unexpected("a word such as if")
}

func (p *parser) choice() (statement, error) {
	var c choice
	for {
		test, err := p.expression()
		if err != nil {
			return nil, err
		}
		body, err := p.nested("elif", "else", "endif")
		if err != nil {
			return nil, err
		}
		c.tests, c.bodies = append(c.tests, test), append(c.bodies, body)
		switch p.next().text {
		case "else":
			if c.other, err = p.nested("endif"); err != nil {
				return nil, err
			}
			p.next()
			return c, p.expect("%}")
		case "endif":
			return c, p.expect("%}")
		}
	}
}

func (p *parser) loop() (statement, error) {
	t := p.next()
	if t.kind != name {
		p.at--
		return nil, p.unexpected("a variable")
	}
	if comma := p.peek(); comma.kind == sign && comma.text == "," {
		return nil, p.refuse(comma, "a loop with several variables")
	}
	if !p.accept(name, "in") {
		return nil, p.unexpected("in")
	}
	l := loop{variable: t.text}
	var err error
	if l.over, err = p.deeper(p.or); err != nil {
		return nil, err
	}
	if word := p.peek(); word.kind == name {
		return nil, p.refuse(word, "a loop with "+word.text)
	}
	p.known[t.text], p.known["loop"] = true, true
	if l.body, err = p.nested("else", "endfor"); err != nil {
		return nil, err
	}
	if p.next().text == "else" {
		if l.other, err = p.nested("endfor"); err != nil {
			return nil, err
		}
		p.next()
	}
	return l, p.expect("%}")
}

func (p *parser) assignment() (statement, error) {
	t := p.next()
	if t.kind != name {
		p.at--
		return nil, p.unexpected("a variable")
	}
	if _, ok := constants[t.text]; ok {
		return nil, p.errorAt(t.at, false, "%s cannot be set", t.text)
	}
	switch sep := p.peek(); {
	case sep.text == "." || sep.text == "," || sep.text == "|" || sep.text == "%}":
		return nil, p.refuse(sep, "{% set %} with anything but one variable and =")
	case !p.accept(sign, "="):
		return nil, p.unexpected("=")
	}
	e, err := p.expression()
	if err == nil {
		err = p.expect("%}")
	}
	p.known[t.text] = true
	return assignment{t.text, e}, err
}
