package recon

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// A parser reads one text. It goes over the bytes once and keeps no token: each method reads one construct from text[pos:]
// and leaves pos behind it. After a fault pos is the end of the text, so that every loop ends by itself.
type parser struct {
	text   string
	pos    int
	shared string // what Text values alias: text itself or a copy of it, empty until needed

	items  []Item // stack of the records being read; the innermost one is on top
	high   int    // how many items the stack has held
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
	return l.parse(stringOf(text), false)
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
	p.drop(0)
	if cap(p.items) > 256 {
		return
	}
	clear(p.items[:p.high])
	if cap(p.buf) > shareLimit {
		p.buf = nil
	}
	p.text, p.shared, p.err = "", "", nil
	p.pos, p.high, p.depth, p.count, p.ops = 0, 0, 0, 0, 0
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
	text := p.text // in a register: the compiler would load the field for each byte
	for i := p.pos; i < len(text); i++ {
		if b := text[i]; class[b]&c == 0 {
			p.pos = i
			return b
		}
	}
	p.pos = len(text)
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
		return p.copy(i, j)
	}
	return p.shared[i:j]
}

func (p *parser) copy(i, j int) string {
	if len(p.text) > shareLimit {
		return strings.Clone(p.text[i:j])
	}
	p.shared = strings.Clone(p.text)
	return p.shared[i:j]
}
