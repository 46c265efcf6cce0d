// Package jinja evaluates the templates that devices give Home Assistant over MQTT: the part of Jinja2 that occurs in
// them, with the filters that Home Assistant adds (home-assistant.io/docs/configuration/templating). What it gives is
// what Home Assistant would see, or an error: a template with anything else in it is refused by Parse, which says what
// that is and where.
//
// Templates are made by strangers. One sees nothing but what it is given, and has bounds on nesting, work and memory.
package jinja

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

const (
	maxText  = 16 << 10 // bytes of a template; the longest of Zigbee2MQTT's have two thousand
	maxDepth = 50       // of expressions and blocks in each other
	maxWork  = 2 << 20  // bytes that an evaluation may make or look through, with some for each of its steps
)

// ErrUndefined says that a template asks for what is not in the message: there is no news in it for whoever asked.
// Home Assistant keeps the state it has then.
var ErrUndefined = errors.New("what the template asks for is not in the message")

// ParseError says why a template is not taken.
type ParseError struct {
	Line, Column int    // both from 1; columns are characters
	Beyond       bool   // Home Assistant may understand it; otherwise it is no template
	Problem      string // "now() is not available here"
}

func (e *ParseError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Problem)
}

// Template is a template that is understood. It is not changed by use.
type Template struct {
	body []statement
	sole expression // of a template that is nothing but one {{ expression }}
}

// Input is what a template sees.
type Input struct {
	Payload *Payload       // what came, as value and value_json; nil for a command
	Vars    map[string]any // other variables: bool, int, float64, string or nil
}

// Result is what a template gives.
type Result struct {
	Text     string // without white space around it
	Number   float64
	IsNumber bool // the template is one {{ expression }}, and that is a number
}

// Parse reads a template that may use value, value_json and the other variables that are named.
func Parse(text string, names ...string) (t *Template, err error) {
	if len(text) > maxText {
		return nil, &ParseError{1, 1, true, fmt.Sprintf("a template of more than %d bytes is not taken", maxText)}
	}
	defer caught(&err)
	p := &parser{text: strings.TrimSpace(text), known: map[string]bool{"value": true, "value_json": true}} // trimmed as Home Assistant does
	for _, name := range names {
		p.known[name] = true
	}
	p.scan()
	t = &Template{body: p.block()}
	if len(t.body) == 1 {
		if only, ok := t.body[0].(output); ok {
			t.sole = only.of
		}
	}
	return t, nil
}

// Eval evaluates the template. The error is ErrUndefined where what it asks for is not there; any other says what went
// wrong.
func (t *Template) Eval(in Input) (res Result, err error) {
	defer caught(&err)
	r := &run{in: in}
	if t.sole == nil {
		r.all(t.body)
	} else {
		v := t.sole.eval(r)
		r.print(v)
		if _, isFlag := v.(bool); !isFlag {
			n, ok := numberOf(v)
			res.Number, res.IsNumber = n.float(), ok
		}
	}
	// Home Assistant prints nothing for what is undefined, and takes nothing for no state.
	if res.Text = strings.TrimSpace(r.out.String()); res.Text == "" && r.missed {
		return Result{}, ErrUndefined
	}
	return res, nil
}

// failure is an error on its way out of the recursion, as in encoding/json.
type failure struct{ error }

func caught(err *error) {
	switch f := recover().(type) {
	case nil:
	case failure:
		*err = f.error
	default:
		panic(f)
	}
}

// fail ends an evaluation.
func fail(format string, args ...any) { panic(failure{fmt.Errorf(format, args...)}) }

// fail ends the reading of a template, because of what is at an offset in it.
func (p *parser) fail(at int, beyond bool, format string, args ...any) {
	before := p.text[:at]
	line := 1 + strings.Count(before, "\n")
	column := 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	panic(failure{&ParseError{line, column, beyond, fmt.Sprintf(format, args...)}})
}
