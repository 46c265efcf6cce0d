package recon

import (
	"encoding/base64"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
	"unsafe"
)

// A parser reads one text. It goes over the bytes once and keeps no token: each method reads one construct from text[pos:]
// and leaves pos behind it. After a fault pos is the end of the text, so that every loop ends by itself.
type parser struct {
	text   string
	pos    int
	shared string // what Text values alias: text itself or a copy of it, empty until needed

	items  []Item // stack of the records being read; the innermost one is on top
	buf    []byte // string with escapes being read
	limits Limits
	depth  int
	count  int // items so far
	ops    int // operators so far
	err    *SyntaxError
}

var parsers = sync.Pool{New: func() any { return &parser{items: make([]Item, 0, 32)} }}

// shareLimit is the size of text up to which all strings of a value alias one copy of it. Strings of a longer text are
// copied one by one, so that a key that is kept does not keep a whole document.
const shareLimit = 4 << 10

// Parse reads a whole text with the default limits. The text may be changed afterwards.
func Parse(text []byte) (Value, error) { return DefaultLimits.Parse(text) }

// ParseString reads a whole text with the default limits. The value may share memory with s.
func ParseString(s string) (Value, error) {
	return DefaultLimits.parse(s, true)
}

// Parse reads a whole text.
func (l Limits) Parse(text []byte) (Value, error) {
	return l.parse(unsafe.String(unsafe.SliceData(text), len(text)), false)
}

func (l Limits) parse(text string, stable bool) (Value, error) {
	p := parsers.Get().(*parser)
	p.text, p.limits = text, l.orDefault()
	if stable {
		p.shared = text
	}
	v := p.whole()
	err := p.err
	p.release()
	if err != nil {
		return Value{}, err
	}
	return v, nil
}

// release returns p to the pool without anything of the text, and without the memory of an unusually large one.
func (p *parser) release() {
	items, buf := p.items[:cap(p.items)], p.buf[:0]
	if len(items) > 256 {
		return
	}
	if p.err != nil {
		clear(items)
	}
	if cap(buf) > shareLimit {
		buf = nil
	}
	*p = parser{items: items[:0], buf: buf}
	parsers.Put(p)
}

func (p *parser) whole() Value {
	if len(p.text) > p.limits.Bytes {
		p.exceed(fmt.Sprintf("%d bytes", len(p.text)), p.limits.Bytes)
		return Value{}
	}
	if !utf8.ValidString(p.text) {
		for r, size := rune(0), 0; r != utf8.RuneError || size != 1; {
			p.pos += size
			r, size = utf8.DecodeRuneInString(p.text[p.pos:])
		}
		p.fail("UTF-8")
		return Value{}
	}
	v := p.block()
	if p.pos < len(p.text) {
		p.fail("a comma, a line break or the end")
	}
	return v
}

// fail records the first fault, at pos, and ends the reading.
func (p *parser) fail(want string) {
	if p.err == nil {
		p.err = newSyntaxError(p.text, p.pos, want)
	}
	p.pos = len(p.text)
}

// exceed records that a limit was passed.
func (p *parser) exceed(read string, limit int) {
	if p.err == nil {
		p.err = newSyntaxError(p.text, p.pos, "at most "+strconv.Itoa(limit))
		p.err.Read, p.err.limit = read, true
	}
	p.pos = len(p.text)
}

// enter goes one level deeper and reports whether that is allowed; every successful enter is followed by leave.
func (p *parser) enter() bool {
	if p.depth >= p.limits.Depth {
		p.exceed(strconv.Itoa(p.depth+1)+" levels", p.limits.Depth)
		return false
	}
	p.depth++
	return true
}

func (p *parser) leave() { p.depth-- }

// peek returns the byte at pos, 0 at the end. No construct begins with a NUL, so callers need not tell them apart.
func (p *parser) peek() byte {
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

func (p *parser) atEnd() bool { return p.pos >= len(p.text) }

// skip passes over bytes of the classes in c and returns the byte that follows.
func (p *parser) skip(c charClass) byte {
	for p.pos < len(p.text) {
		b := p.text[p.pos]
		if class[b]&c == 0 {
			return b
		}
		p.pos++
	}
	return 0
}

// skipComment passes over a comment, up to the line break.
func (p *parser) skipComment() {
	if i := strings.IndexAny(p.text[p.pos:], "\n\r"); i >= 0 {
		p.pos += i
	} else {
		p.pos = len(p.text)
	}
}

// slice returns text[i:j] as a string that stays valid when the text changes.
func (p *parser) slice(i, j int) string {
	if p.shared == "" {
		if len(p.text) > shareLimit {
			return strings.Clone(p.text[i:j])
		}
		p.shared = strings.Clone(p.text)
	}
	return p.shared[i:j]
}

// ident reads a bare identifier, which is a boolean if it is one of those two words.
func (p *parser) ident() Value {
	start := p.pos
	p.pos += identLen(p.text[start:])
	switch p.text[start:p.pos] {
	case "true":
		return Bool(true)
	case "false":
		return Bool(false)
	}
	return String(p.slice(start, p.pos))
}

// quoted reads a string in double or single quotes.
func (p *parser) quoted() Value {
	quote := p.text[p.pos]
	p.pos++
	start, plain := p.pos, true
	for !p.atEnd() {
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
			p.fail("an escape such as \\n or \\u00" + strconv.FormatUint(uint64(c), 16))
		default:
			p.pos++
		}
	}
	p.fail("the closing " + string(quote))
	return Value{}
}

// escape reads an escape sequence and appends what it stands for to buf. Only strings know \u.
func (p *parser) escape(unicode bool) {
	p.pos++
	c := p.peek()
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
		if c == 'u' && unicode {
			p.pos++
			p.buf = utf8.AppendRune(p.buf, p.codeUnits())
			return
		}
		p.fail("an escape character such as \\, n or u")
		return
	}
	p.pos++
	p.buf = append(p.buf, c)
}

// codeUnits reads the digits of \uXXXX, and of a second \uXXXX if the two are the halves of one character. A half on
// its own has no UTF-8 form and becomes U+FFFD.
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
			p.fail("a string of several lines in ``` and ```")
		default:
			p.buf = append(p.buf, c)
			p.pos++
		}
	}
	p.fail("the closing " + fence)
	return Value{}
}

// number reads an unsigned number, or a signed one where the sign is no operator: behind "$".
func (p *parser) number() Value {
	start := p.pos
	if p.peek() == '-' {
		p.pos++
	}
	n := uint64(0)
	if p.peek() == '0' {
		p.pos++
		if p.peek() == 'x' && p.pos == start+1 {
			return p.hex()
		}
	} else {
		for class[p.peek()]&digit != 0 {
			n = n*10 + uint64(p.text[p.pos]-'0')
			p.pos++
		}
	}
	if p.pos == start || p.text[p.pos-1] == '-' {
		p.fail("a digit")
		return Value{}
	}
	switch p.peek() {
	case '.', 'e', 'E':
		return p.fraction(start)
	}
	switch size := p.pos - start; {
	case size > maxDigits:
		p.exceed(strconv.Itoa(size)+" digits", maxDigits)
		return Value{}
	case size > 18:
		return bigNumber(p.text[start:p.pos])
	}
	if p.text[start] == '-' {
		return Int(-int64(n))
	}
	return Int(int64(n))
}

// maxDigits bounds whole numbers, since the time to convert one grows with the square of its length.
const maxDigits = 4096

// bigNumber returns an integer that needs a closer look: it may not fit int64.
func bigNumber(digits string) Value {
	if i, err := strconv.ParseInt(digits, 10, 64); err == nil {
		return Int(i)
	}
	i, _ := new(big.Int).SetString(digits, 10)
	return Big(i)
}

// fraction reads what follows the whole part of the number that begins at start.
func (p *parser) fraction(start int) Value {
	if p.peek() == '.' {
		p.pos++
		p.digits()
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		p.pos++
		if c = p.peek(); c == '+' || c == '-' {
			p.pos++
		}
		p.digits()
	}
	if p.err != nil {
		return Value{}
	}
	f, _ := strconv.ParseFloat(p.text[start:p.pos], 64) // out of range is ±Inf or 0, as everywhere else
	return Float(f)
}

func (p *parser) digits() {
	if class[p.peek()]&digit == 0 {
		p.fail("a digit")
	}
	p.skip(digit)
}

// hex reads the x of 0x and digits: up to 8 make a Uint32, more a Uint64, whose excess high digits are lost.
func (p *parser) hex() Value {
	p.pos++
	start, n := p.pos, uint64(0)
	for class[p.peek()]&hexDigit != 0 {
		n = n<<4 | uint64(hexValue(p.text[p.pos]))
		p.pos++
	}
	switch size := p.pos - start; {
	case size == 0:
		p.fail("a hexadecimal digit")
		return Value{}
	case size <= 8 && n <= math.MaxUint32:
		return Uint32(uint32(n))
	}
	return Uint64(n)
}

// negate returns -v, in the kind of v where it has one with a sign.
func (v Value) negate() Value {
	switch v.kind {
	case KindInt32:
		return Int(-int64(v.num))
	case KindInt64:
		if int64(v.num) != math.MinInt64 {
			v.num = -v.num
			return v
		}
	case KindFloat32, KindFloat64:
		v.num = math.Float64bits(-v.float())
		return v
	}
	i, _ := v.Big()
	if i.Neg(i); v.kind != KindBigInt && i.IsInt64() {
		return Int(i.Int64())
	}
	return Big(i)
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
