package recon

import (
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"
)

// ident reads a bare identifier, which is a boolean if it is one of those two words. Where none begins it reads nothing.
func (p *parser) ident() Value {
	text, start, end := p.text, p.pos, p.pos
	if class[p.peek()]&identHead != 0 {
		for end < len(text) && class[text[end]]&identTail != 0 {
			end++
		}
	}
	if end < len(text) && text[end] >= utf8.RuneSelf {
		end += wideIdentLen(text[end:], end == start)
	}
	p.pos = end
	switch text[start:end] {
	case "true":
		return Bool(true)
	case "false":
		return Bool(false)
	}
	v := String(p.slice(start, end))
	v.num |= bareText
	return v
}

// quoted reads a string in double or single quotes.
func (p *parser) quoted() Value {
	quote := p.text[p.pos]
	p.pos++
	start, plain := p.pos, true
	for p.skipPlain() {
		switch c := p.text[p.pos]; {
		case c == quote:
			p.pos++
			if plain {
				return String(p.slice(start, p.pos-1))
			}
			return String(string(append(p.buf, p.text[start:p.pos-1]...)))
		case c == '\\':
			if plain {
				p.buf, plain = p.buf[:0], false
			}
			p.buf = append(p.buf, p.text[start:p.pos]...)
			p.escape(true)
			start = p.pos
		case c < 0x20:
			p.fail(wantPrintable(c))
		default:
			p.pos++
		}
	}
	p.fail("the closing " + string(quote))
	return Value{}
}

// skipPlain passes over the characters that mean themselves in a quoted string, and reports whether one follows that
// may not.
func (p *parser) skipPlain() bool {
	text, i := p.text, p.pos
	for i < len(text) && class[text[i]]&special == 0 {
		i++
	}
	p.pos = i
	return i < len(text)
}

// escape reads an escape sequence and appends what it stands for to buf. Only strings know \u.
func (p *parser) escape(unicode bool) {
	p.pos++
	if p.peek() == 'u' && unicode {
		p.pos++
		p.buf = utf8.AppendRune(p.buf, p.codeUnits())
		return
	}
	c, ok := unescape(p.peek())
	if !ok {
		p.fail(wantEscape)
		return
	}
	p.pos++
	p.buf = append(p.buf, c)
}

// unescape returns what a backslash and c stand for, if they stand for anything.
func unescape(c byte) (byte, bool) {
	switch c {
	case '"', '$', '\'', '/', '@', '[', '\\', ']', '{', '}':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	default:
		return 0, false
	}
	return c, true
}

const (
	wantEscape = `an escape character such as \, n or u`
	wantLines  = "a string of several lines in ``` and ```"
)

// wantPrintable is what stands in a string for the control character c.
func wantPrintable(c byte) string { return fmt.Sprintf(`an escape such as \n or \u%04x`, c) }

// codeUnits reads the four digits behind \u, and a second \u with its digits if the two are the halves of one character.
// A half on its own has no UTF-8 form and becomes U+FFFD.
func (p *parser) codeUnits() rune {
	r := p.codeUnit()
	if r < 0xd800 || r > 0xdbff || !strings.HasPrefix(p.text[p.pos:], `\u`) {
		return r
	}
	back := p.pos
	p.pos += 2
	low := p.codeUnit()
	if low < 0xdc00 || low > 0xdfff {
		if p.err == nil {
			p.pos = back
		}
		return utf8.RuneError
	}
	return (r-0xd800)<<10 + (low - 0xdc00) + 0x10000
}

func (p *parser) codeUnit() (r rune) {
	for range 4 {
		c := p.peek()
		if class[c]&hexDigit == 0 {
			p.fail("a hexadecimal digit")
			return 0
		}
		r = r<<4 | rune(hexValue(c))
		p.pos++
	}
	return r
}

func hexValue(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&^0x20 - 'A' + 10
}

// raw reads a string in one backtick or three on each side. In both, a backslash frees a backtick or a backslash of its
// meaning, and stands for itself before anything else.
func (p *parser) raw() Value {
	fence := "`"
	if rest := p.text[p.pos:]; strings.HasPrefix(rest, "```") {
		fence = "```"
	} else if strings.HasPrefix(rest, "``") {
		p.pos += 2
		return String("")
	}
	p.pos += len(fence)
	p.buf = p.buf[:0]
	for !p.atEnd() {
		switch c := p.text[p.pos]; {
		case c == '`' && strings.HasPrefix(p.text[p.pos:], fence):
			p.pos += len(fence)
			return String(string(p.buf))
		case c == '\\' && p.pos+1 < len(p.text):
			if next := p.text[p.pos+1]; next != '`' && next != '\\' {
				p.buf = append(p.buf, '\\')
			}
			p.buf = append(p.buf, p.text[p.pos+1])
			p.pos += 2
		case c < 0x20 && fence == "`":
			p.fail(wantLines)
		default:
			p.buf = append(p.buf, c)
			p.pos++
		}
	}
	p.fail("the closing " + fence)
	return Value{}
}

// data reads "%" and padded base64.
func (p *parser) data() Value {
	p.pos++
	start := p.pos
	for p.pos < len(p.text) && isBase64(p.text[p.pos]) {
		p.pos++
	}
	for size := p.pos - start; size%4 != 0; size++ {
		if p.peek() != '=' || size%4 == 1 {
			p.fail("base64 in groups of 4")
			return Value{}
		}
		p.pos++
	}
	b, err := base64.StdEncoding.DecodeString(p.text[start:p.pos])
	if err != nil {
		p.fail("base64")
	}
	return Data(b)
}

func isBase64(c byte) bool {
	return class[c]&identTail != 0 && c != '_' && c != '-' || c == '+' || c == '/'
}
