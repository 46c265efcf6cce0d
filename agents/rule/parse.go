package rule

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The language of conditions is read by operator precedence (V. Pratt, Top Down Operator Precedence, 1973).

const (
	maxSource = 1000 // bytes of a condition
	maxDepth  = 50   // of what stands within each other
)

// A SyntaxError says what is wrong with a condition, and where.
type SyntaxError struct {
	Column int    // in characters, from 1
	Near   string // what stands there, "" at the end
	Why    string
	Remedy string
}

func (e *SyntaxError) Error() string {
	if e.Near == "" {
		return fmt.Sprintf("column %d, at its end: %s", e.Column, e.Why)
	}
	return fmt.Sprintf("column %d, at %q: %s", e.Column, e.Near, e.Why)
}

// form is what kind of thing a token is.
type form int

const (
	end form = iota
	figures
	quoted
	word
	sign
)

type token struct {
	form form
	text string
	col  int
}

var lexemes = regexp.MustCompile(`^(?:([0-9][0-9a-zA-Z.µ]*)|('[^']*'|"[^"]*")|([a-zA-Z_][a-zA-Z0-9_]*)|(==|!=|<=|>=|[-+*/()<>,]))`)

func lex(source string) (all []token, err error) {
	for rest, col := source, 1; ; {
		blank := len(rest) - len(strings.TrimLeft(rest, " \t\n"))
		rest, col = rest[blank:], col+blank
		m := lexemes.FindStringSubmatch(rest)
		switch {
		case rest == "":
			return append(all, token{col: col}), nil
		case m == nil:
			return nil, strange(rest, col)
		}
		for f := figures; f <= sign; f++ {
			if m[f] != "" {
				all = append(all, token{f, m[0], col})
			}
		}
		rest, col = rest[len(m[0]):], col+utf8.RuneCountInString(m[0])
	}
}

// strange explains what begins no token.
func strange(rest string, col int) *SyntaxError {
	r, _ := utf8.DecodeRuneInString(rest)
	e := &SyntaxError{col, string(r), "this has no meaning here", "conditions are made of lanes, numbers, times, texts in quotes, and operators such as < and =="}
	switch r {
	case '=', '&', '|', '!':
		e.Remedy = "write " + map[rune]string{'=': "==", '&': "and", '|': "or", '!': "not"}[r]
	case '\'', '"':
		e.Why, e.Remedy = "a text has no end", "close it with the same quote"
	}
	return e
}

// words are those that name no lane; the last ones are functions.
var words = []string{"and", "or", "not", "for", "true", "false", "age", "was", "min", "max", "abs"}

var functions = words[6:]

// bindings say how tightly an operator binds what stands before it; inverting and signing, how tightly not and a sign
// bind what stands behind them.
var bindings = map[string]int{
	"for": 1, "or": 2, "and": 3,
	"<": 5, "<=": 5, ">": 5, ">=": 5, "==": 5, "!=": 5,
	"+": 6, "-": 6, "*": 7, "/": 7,
}

const inverting, signing = 4, 8

// parser makes a program of tokens. It gives up by a panic with a *SyntaxError.
type parser struct {
	tokens []token
	lanes  []string
	depth  int
	program
}

// compile reads a condition that speaks of lanes by these names.
func compile(source string, lanes []string) (_ *program, err error) {
	if len(source) > maxSource {
		return nil, &SyntaxError{1, "", fmt.Sprintf("it has more than %d bytes", maxSource), "make two rules of it"}
	}
	p := parser{lanes: lanes}
	if p.tokens, err = lex(source); err != nil {
		return nil, err
	}
	defer func() {
		if p := recover(); p != nil {
			err = p.(*SyntaxError) // anything else is a mistake of ours
		}
	}()
	p.expr = p.expression(0)
	if t := p.next(); t.form != end {
		p.fail(t, "the condition is over before this", "is there an operator missing, or a parenthesis too much?")
	}
	// What is wrong whatever the lanes hold shows without them.
	m := newMemory(&p.program, len(lanes))
	if p.run(m); m.fault != nil {
		return nil, m.fault
	}
	return &p.program, nil
}

func (p *parser) fail(t token, why, remedy string) {
	panic(&SyntaxError{t.col, t.text, why, remedy})
}

func (p *parser) next() token {
	t := p.tokens[0]
	if t.form != end {
		p.tokens = p.tokens[1:]
	}
	return t
}

func (p *parser) expect(text string) {
	if t := p.next(); t.text != text || t.form != sign {
		p.fail(t, text+" is missing before this", "")
	}
}

// expression reads what binds more tightly than outer.
func (p *parser) expression(outer int) expr {
	if p.depth++; p.depth > maxDepth {
		p.fail(p.tokens[0], "too much stands within each other", "make two rules of it")
	}
	defer func() { p.depth-- }()
	for left := p.operand(); ; {
		op := p.tokens[0]
		binding := bindings[op.text]
		if op.form == quoted || binding <= outer {
			return left
		}
		p.next()
		switch op.text {
		case "for":
			left = p.held(left, op)
		case "and", "or":
			left = logic(op, left, p.expression(binding))
		case "+", "-", "*", "/":
			left = calculation(op, left, p.expression(binding))
		default:
			left = comparison(op, left, p.expression(binding))
			if again := p.tokens[0]; bindings[again.text] == binding && again.form == sign {
				p.fail(again, "comparisons do not chain", "write a < b and b < c")
			}
		}
	}
}

// operand reads what stands before an operator.
func (p *parser) operand() expr {
	t := p.next()
	switch {
	case t.form == figures:
		return p.number(t)
	case t.form == quoted:
		return constant(t, value{kind: text, text: t.text[1 : len(t.text)-1]})
	case t.text == "(":
		e := p.expression(0)
		p.expect(")")
		return e
	case t.text == "-":
		return calculation(token{sign, "*", t.col}, constant(t, value{kind: number, num: -1}), p.expression(signing))
	case t.text == "not":
		return inversion(t, p.expression(inverting))
	case t.text == "true", t.text == "false":
		return constant(t, truth(t.text == "true"))
	case slices.Contains(functions, t.text):
		return p.call(t)
	case t.form == word && !slices.Contains(words, t.text):
		i := p.lane(t)
		return expr{t, func(m *memory) value { return m.lanes[i].now }}
	}
	p.fail(t, "a lane, a number, a time or a text is wanted here", "")
	return expr{}
}

func (p *parser) number(t token) expr {
	if f, err := strconv.ParseFloat(t.text, 64); err == nil {
		return constant(t, value{kind: number, num: f})
	}
	d, err := parseDuration(t.text)
	if err != nil {
		p.fail(t, "this is neither a number nor a time", "numbers are like 26.5, times like 500ms, 10s, 5m, 1h30m and 7d")
	}
	return constant(t, value{kind: duration, num: d.Seconds()})
}

// parseDuration reads a time as the config does: with d for days.
func parseDuration(s string) (time.Duration, error) {
	days, rest, ok := strings.Cut(s, "d")
	if !ok {
		return time.ParseDuration(s)
	}
	n, err := strconv.ParseUint(days, 10, 16) // 65535 days are well inside a Duration
	d := time.Duration(n) * 24 * time.Hour
	if err != nil || rest == "" {
		return d, err
	}
	part, err := time.ParseDuration(rest)
	return d + part, err
}

func (p *parser) lane(t token) int {
	i := slices.Index(p.lanes, t.text)
	if i < 0 || t.form != word {
		p.fail(t, "there is no lane of that name", "the key lanes has "+strings.Join(p.lanes, ", "))
	}
	return i
}

// held reads the time of: condition for 5m.
func (p *parser) held(cond expr, op token) expr {
	t := p.next()
	d, err := parseDuration(t.text)
	if t.form != figures || err != nil || d <= 0 {
		p.fail(t, "for wants a time above zero", "such as for 5m")
	}
	p.fors++
	return held(op, cond, d, p.fors-1)
}

// call reads the arguments of a function.
func (p *parser) call(t token) expr {
	p.expect("(")
	if t.text == "age" || t.text == "was" {
		i := p.lane(p.next())
		p.expect(")")
		if t.text == "was" {
			return expr{t, func(m *memory) value { return m.lanes[i].before }}
		}
		p.ages = true
		return expr{t, func(m *memory) value { return value{kind: duration, num: m.lanes[i].age(m.now).Seconds()} }}
	}
	args := []expr{p.expression(0)}
	for p.tokens[0].text == "," && t.text != "abs" {
		p.next()
		args = append(args, p.expression(0))
	}
	p.expect(")")
	return extreme(t, args)
}
