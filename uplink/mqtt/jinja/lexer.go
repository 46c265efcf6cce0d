package jinja

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

type kind uint8

const (
	end    kind = iota // of the template
	data               // text outside of tags
	name               // a name or word
	whole              // a number without a fraction
	real               // one with
	quoted             // a text, as it is without its quotes
	sign               // an operator or bracket, or what begins or ends a tag: "{{", "%}"
)

type token struct {
	kind kind
	text string
	at   int // where it begins in the template
}

var closers = map[string]string{"{{": "}}", "{%": "%}", "{#": "#}"}

// scan splits the template into tokens.
func (p *parser) scan() error {
	at, strip := 0, false
	for {
		begin := strings.IndexByte(p.text[at:], '{')
		for begin >= 0 && closers[p.text[at+begin:min(at+begin+2, len(p.text))]] == "" {
			next := strings.IndexByte(p.text[at+begin+1:], '{')
			if next < 0 {
				begin = -1
				break
			}
			begin += 1 + next
		}
		if begin < 0 {
			p.data(p.text[at:], at, strip, false)
			p.add(end, "", len(p.text))
			return nil
		}
		open := at + begin
		opener := p.text[open : open+2]
		inner := open + 2
		trim := strings.HasPrefix(p.text[inner:], "-")
		p.data(p.text[at:open], at, strip, trim)
		if trim || strings.HasPrefix(p.text[inner:], "+") {
			inner++
		}
		var err error
		if opener == "{#" {
			at, err = p.comment(open, inner)
		} else {
			p.add(sign, opener, open)
			at, err = p.tag(open, inner, closers[opener])
		}
		if err != nil {
			return err
		}
		strip = p.text[at-3] == '-'
	}
}

func (p *parser) add(k kind, text string, at int) { p.tokens = append(p.tokens, token{k, text, at}) }

// data adds the text between two tags, without the white space that they take away.
func (p *parser) data(text string, at int, left, right bool) {
	if left {
		text = strings.TrimLeftFunc(text, unicode.IsSpace)
	}
	if right {
		text = strings.TrimRightFunc(text, unicode.IsSpace)
	}
	if text != "" {
		p.add(data, text, at)
	}
}

func (p *parser) comment(open, inner int) (after int, err error) {
	n := strings.Index(p.text[inner:], "#}")
	if n < 0 {
		return 0, p.errorAt(open, false, "a {# has no #}")
	}
	return inner + n + 2, nil
}

// tag adds what is in a tag, up to its closer outside of all brackets.
func (p *parser) tag(open, at int, closer string) (after int, err error) {
	for depth := 0; ; {
		at += len(p.text[at:]) - len(strings.TrimLeftFunc(p.text[at:], unicode.IsSpace))
		rest := p.text[at:]
		if rest == "" {
			return 0, p.errorAt(open, false, "a %s has no %s", p.text[open:open+2], closer)
		}
		if depth == 0 {
			marked := 0 // by what controls white space
			if rest[0] == '-' || rest[0] == '+' {
				marked = 1
			}
			if strings.HasPrefix(rest[marked:], closer) {
				p.add(sign, closer, at)
				return at + marked + len(closer), nil
			}
		}
		size, err := p.token(rest, at)
		if err != nil {
			return 0, err
		}
		switch rest[0] {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth = max(depth-1, 0)
		}
		at += size
	}
}

// token adds what rest begins with.
func (p *parser) token(rest string, at int) (size int, err error) {
	switch c, n := utf8.DecodeRuneInString(rest); {
	case c == '"' || c == '\'':
		return p.quoted(rest, at)
	case c >= '0' && c <= '9':
		size, k := number(rest)
		p.add(k, strings.ReplaceAll(rest[:size], "_", ""), at)
		return size, nil
	case c == '_' || unicode.IsLetter(c):
		size := strings.IndexFunc(rest, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		if size < 0 {
			size = len(rest)
		}
		p.add(name, rest[:size], at)
		return size, nil
	default:
		for _, two := range []string{"**", "//", "==", "!=", "<=", ">="} {
			if strings.HasPrefix(rest, two) {
				p.add(sign, two, at)
				return 2, nil
			}
		}
		if !strings.ContainsRune("+-*/%~<>=()[]{},:.|", c) {
			return 0, p.errorAt(at, false, "%q is not understood", rest[:n])
		}
		p.add(sign, rest[:1], at)
		return 1, nil
	}
}

// number returns how long the number is that rest begins with.
func number(rest string) (size int, k kind) {
	digits := func(from int) int {
		for from < len(rest) && (rest[from] >= '0' && rest[from] <= '9' || rest[from] == '_') {
			from++
		}
		return from
	}
	isDigit := func(at int) bool { return at < len(rest) && rest[at] >= '0' && rest[at] <= '9' }
	size = digits(0)
	if rest[size:] != "" && rest[size] == '.' && isDigit(size+1) {
		size, k = digits(size+1), real
	}
	if rest[size:] != "" && rest[size]|0x20 == 'e' {
		exponent := size + 1
		if exponent < len(rest) && (rest[exponent] == '-' || rest[exponent] == '+') {
			exponent++
		}
		if isDigit(exponent) {
			size, k = digits(exponent), real
		}
	}
	if k != real {
		k = whole
	}
	return size, k
}

var escapes = map[byte]string{'n': "\n", 't': "\t", 'r': "\r", '\\': `\`, '\'': "'", '"': `"`, '\n': ""}

func (p *parser) quoted(rest string, at int) (size int, err error) {
	var b strings.Builder
	for i := 1; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == rest[0]:
			p.add(quoted, b.String(), at)
			return i + 1, nil
		case c != '\\' || i+1 == len(rest):
			b.WriteByte(c)
		default:
			i++
			plain, known := escapes[rest[i]]
			switch {
			case strings.IndexByte("xuUN01234567abfv", rest[i]) >= 0:
				return 0, p.errorAt(at+i-1, true, `the escape \%c is not understood here`, rest[i])
			case !known: // Python leaves it as it stands
				plain = rest[i-1 : i+1]
			}
			b.WriteString(plain)
		}
	}
	return 0, p.errorAt(at, false, "a text has no closing %c", rest[0])
}
