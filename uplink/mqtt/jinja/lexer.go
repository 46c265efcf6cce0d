package jinja

import (
	"regexp"
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

var (
	openers   = regexp.MustCompile(`\{[{%#]`)
	numbers   = regexp.MustCompile(`^\d[\d_]*(\.\d[\d_]*)?([eE][-+]?\d[\d_]*)?`)
	names     = regexp.MustCompile(`^[\pL_][\pL\pN_]*`)
	operators = regexp.MustCompile(`^(\*\*|//|[=!<>]=|[-+*/%~<>=()\[\]{},:.|])`)
)

var closers = map[string]string{"{{": "}}", "{%": "%}", "{#": "#}"}

// scan splits the template into tokens.
func (p *parser) scan() {
	at, strip := 0, false
	for {
		found := openers.FindStringIndex(p.text[at:])
		if found == nil {
			p.data(p.text[at:], at, strip, false)
			p.add(end, "", len(p.text))
			return
		}
		open := at + found[0]
		opener := p.text[open : open+2]
		inner := open + 2
		trim := strings.HasPrefix(p.text[inner:], "-")
		p.data(p.text[at:open], at, strip, trim)
		if trim || strings.HasPrefix(p.text[inner:], "+") {
			inner++
		}
		if opener == "{#" {
			n := strings.Index(p.text[inner:], "#}")
			if n < 0 {
				p.fail(open, false, "a {# has no #}")
			}
			at = inner + n + 2
		} else {
			p.add(sign, opener, open)
			at = p.tag(open, inner, closers[opener])
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

// tag adds what is in a tag, up to its closer outside of all brackets.
func (p *parser) tag(open, at int, closer string) (after int) {
	for depth := 0; ; {
		at += len(p.text[at:]) - len(strings.TrimLeftFunc(p.text[at:], unicode.IsSpace))
		rest := p.text[at:]
		if rest == "" {
			p.fail(open, false, "a %s has no %s", p.text[open:open+2], closer)
		}
		if depth == 0 {
			marked := 0 // by what controls white space
			if rest[0] == '-' || rest[0] == '+' {
				marked = 1
			}
			if strings.HasPrefix(rest[marked:], closer) {
				p.add(sign, closer, at)
				return at + marked + len(closer)
			}
		}
		size := p.token(rest, at)
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
func (p *parser) token(rest string, at int) (size int) {
	if rest[0] == '"' || rest[0] == '\'' {
		return p.quoted(rest, at)
	}
	if text := numbers.FindString(rest); text != "" {
		k := whole
		if strings.ContainsAny(text, ".eE") {
			k = real
		}
		p.add(k, strings.ReplaceAll(text, "_", ""), at)
		return len(text)
	}
	if text := names.FindString(rest); text != "" {
		p.add(name, text, at)
		return len(text)
	}
	text := operators.FindString(rest)
	if text == "" {
		_, n := utf8.DecodeRuneInString(rest)
		p.fail(at, false, "%q is not understood", rest[:n])
	}
	p.add(sign, text, at)
	return len(text)
}

var escapes = map[byte]string{'n': "\n", 't': "\t", 'r': "\r", '\\': `\`, '\'': "'", '"': `"`, '\n': ""}

func (p *parser) quoted(rest string, at int) (size int) {
	var b strings.Builder
	for i := 1; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == rest[0]:
			p.add(quoted, b.String(), at)
			return i + 1
		case c != '\\' || i+1 == len(rest):
			b.WriteByte(c)
		default:
			i++
			plain, known := escapes[rest[i]]
			switch {
			case strings.IndexByte("xuUN01234567abfv", rest[i]) >= 0:
				p.fail(at+i-1, true, `the escape \%c is not understood here`, rest[i])
			case !known: // Python leaves it as it stands
				plain = rest[i-1 : i+1]
			}
			b.WriteString(plain)
		}
	}
	p.fail(at, false, "a text has no closing %c", rest[0])
	return 0
}
