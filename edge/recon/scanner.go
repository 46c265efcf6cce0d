package recon

import (
	"errors"
	"io"
	"slices"
	"strconv"
	"unicode/utf8"
)

// TokenKind says what a Token is.
type TokenKind uint8

// The kinds of tokens.
const (
	IdentToken    TokenKind = iota + 1 // a bare identifier, true and false among them
	NumberToken                        // with its sign, where that cannot be an operator
	StringToken                        // in quotes or backticks
	DataToken                          // % and base64
	AttrToken                          // @ and a name, which may be in quotes
	TextToken                          // a run of text in markup
	CommentToken                       // up to the line break
	BreakToken                         // a line break; CR LF is one
	PunctToken                         // one of , ; : { } ( ) [ ]
	OperatorToken                      // an operator, and $ . # * ** *: :* of selectors
)

var tokenNames = [...]string{"no token", "identifier", "number", "string", "data", "attribute", "text", "comment",
	"line break", "punctuation", "operator"}

// String names the kind.
func (k TokenKind) String() string {
	if int(k) < len(tokenNames) {
		return tokenNames[k]
	}
	return "unknown token"
}

// A Token is one word of a text as it is spelled there. Between two tokens lies nothing but blanks.
type Token struct {
	Kind      TokenKind
	Text      []byte
	Line, Col int // of its beginning, from 1; Col counts characters
	Offset    int // in bytes, from 0
}

// ErrMore is what Scanner.Next returns when it has to see more text.
var ErrMore = errors.New("recon: more text is needed")

// A Scanner cuts a text, which may arrive in pieces of any size, into tokens. Give it a piece with Write, take tokens
// with Next until that returns ErrMore, and so on; Close says that there is no more. Where the pieces are cut has no
// influence on the tokens, nor on the error.
//
// It knows as much of the grammar as decides what a character means: what is text in markup, a comment or the # of a
// selector, data or a modulo, a sign or a minus. It also checks that brackets match and that operands do not touch. It
// accepts all that Parse accepts, and more: whether the tokens make sense in their order is for Parse to say.
type Scanner struct {
	limits Limits
	stack  []bracket // open ones
	place  place

	cur, next []byte // text to be read, whole characters only; next comes behind cur
	owned     bool   // cur is a copy, and grows instead of next
	tail      []byte // the beginning of a character at the end of a piece, then that character
	space     [utf8.UTFMax]byte
	bad       []byte // the byte behind next, which is not UTF-8
	closed    bool

	kind  TokenKind // of the token being read, 0 between tokens
	mode  mode
	after place  // where its end leads to
	quote byte   // what ends a string
	pair  string // what may be the second character of an operator
	count int    // digits to come, base64 characters modulo 4, or backticks in a row
	n     int    // its bytes at the beginning of cur
	carry []byte // and those before cur
	colon bool   // the last token was a colon

	start, at position // of the token, and of what is to be read
	want      string   // at a fault, what could have stood there
	err       error
}

// position is a place in a text.
type position struct {
	line, col, offset int
	cr                bool // a line feed belongs to the line break before it
}

func (p *position) pass(text []byte) {
	p.offset += len(text)
	for _, c := range text {
		switch {
		case c == '\n' && p.cr:
		case class[c]&lineBreak != 0:
			p.line, p.col = p.line+1, 1
		case utf8.RuneStart(c):
			p.col++
		}
		p.cr = c == '\r'
	}
}

// NewScanner returns a scanner of one text. Of the limits, Items does not concern it.
func NewScanner(limits Limits) *Scanner {
	return &Scanner{limits: limits.orDefault(), at: position{line: 1, col: 1}}
}

var errClosed = errors.New("recon: write to a closed scanner")

// Write adds a piece of text, which must not change before Next has returned ErrMore. Writing before that copies what
// is left.
func (s *Scanner) Write(piece []byte) (int, error) {
	size := len(piece)
	switch {
	case s.closed:
		return 0, errClosed
	case s.bad != nil || s.err != nil:
		return size, nil
	}
	if s.n < len(s.cur) || len(s.next) > 0 {
		s.own()
	} else {
		s.keep()
	}
	if len(s.tail) > 0 {
		begun := append(s.space[:0], s.tail...)
		for len(piece) > 0 && !utf8.FullRune(begun) {
			begun, piece = append(begun, piece[0]), piece[1:]
		}
		s.tail = begun
		if !utf8.FullRune(begun) {
			return size, nil
		}
		s.tail = nil
		if r, n := utf8.DecodeRune(begun); r == utf8.RuneError && n == 1 {
			s.bad = begun[:1]
			return size, nil
		}
		s.add(begun)
	}
	whole := piece
	for i := len(piece) - 1; i >= 0 && i >= len(piece)-utf8.UTFMax; i-- {
		if utf8.RuneStart(piece[i]) {
			if !utf8.FullRune(piece[i:]) {
				whole, s.tail = piece[:i], append(s.space[:0:0], piece[i:]...)
			}
			break
		}
	}
	if !utf8.Valid(whole) {
		valid := validLen(whole)
		whole, s.tail, s.bad = whole[:valid], nil, slices.Clone(whole[valid:valid+1])
	}
	s.add(whole)
	return size, nil
}

// validLen returns how many bytes are UTF-8 before the first that is not.
func validLen(text []byte) (n int) {
	for n < len(text) {
		r, size := utf8.DecodeRune(text[n:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		n += size
	}
	return n
}

// add puts text behind what is to be read.
func (s *Scanner) add(text []byte) {
	switch {
	case s.owned:
		s.cur = append(s.cur, text...)
	case len(s.cur) == 0:
		s.cur = text
	default:
		s.next = text // only the rest of a piece can follow its first character
	}
}

// own copies what is to be read, so that the pieces it lies in are no longer needed.
func (s *Scanner) own() {
	if !s.owned {
		s.cur, s.next, s.owned = slices.Concat(s.cur, s.next), nil, true
	}
}

// keep copies the beginning of the token being read, so that the piece it lies in is no longer needed.
func (s *Scanner) keep() {
	s.carry = append(s.carry, s.cur[:s.n]...)
	s.cur, s.next, s.n, s.owned = s.next, nil, 0, false
}

// Close says that the text is complete.
func (s *Scanner) Close() error {
	if s.closed = true; len(s.tail) > 0 && s.bad == nil {
		s.bad, s.tail = s.tail[:1], nil
	}
	return nil
}

// Depth returns how many brackets are open behind the last token.
func (s *Scanner) Depth() int { return len(s.stack) }

// Next returns the next token, whose text is valid until the next call of Next or Write. The error is ErrMore until
// Close was called, io.EOF at the end, and a *SyntaxError otherwise, which all later calls return again.
func (s *Scanner) Next() (Token, error) {
	for s.err == nil {
		if s.kind != 0 && s.mode == complete && s.want == "" {
			return s.token()
		}
		in := s.input()
		switch {
		case s.err != nil, s.kind != 0 && s.mode == complete:
		case s.want != "":
			if !s.settle() {
				return Token{}, ErrMore
			}
		case len(in) == 0 && s.bad != nil && s.kind != 0 && s.missing() == "":
			s.mode = complete
		case len(in) == 0 && s.bad != nil:
			s.fail("UTF-8")
		case len(in) == 0 && !s.closed:
			return Token{}, ErrMore
		case s.kind == 0 && len(in) > 0:
			if in = s.skipBlanks(in); len(in) > 0 {
				s.start, s.carry = s.at, s.carry[:0]
				s.begin(in)
			}
		case s.kind == 0:
			s.end()
		case len(in) > 0:
			s.read(in)
		default:
			s.finish()
		}
	}
	return Token{}, s.err
}

// input returns what can be read at once.
func (s *Scanner) input() []byte {
	if s.n == len(s.cur) && s.want == "" {
		s.keep()
	}
	in := s.cur[s.n:]
	if room := s.limits.Bytes - s.at.offset; len(in) > room && s.want == "" {
		for room > 0 && !utf8.RuneStart(in[room]) {
			room--
		}
		switch in = in[:room]; {
		case room > 0:
		case s.mode == lineFeed: // a limit does not part the two, or a reader would never get past them
			s.mode = complete
		default:
			s.exceed(strconv.Itoa(s.limits.Bytes+1)+" bytes", s.limits.Bytes)
		}
	}
	return in
}

// take passes over n bytes, which belong to the token.
func (s *Scanner) take(n int) {
	s.at.pass(s.cur[s.n : s.n+n])
	s.n += n
}

func (s *Scanner) skipBlanks(in []byte) []byte {
	n := 0
	for !s.inMarkup() && n < len(in) && class[in[n]]&blank != 0 {
		n++
	}
	if n > 0 {
		s.take(n)
		s.cur, s.n = s.cur[n:], 0
		s.place = behindBlank[s.place]
	}
	return in[n:]
}

// token ends the token being read and returns it.
func (s *Scanner) token() (Token, error) {
	text := s.cur[:s.n:s.n]
	if len(s.carry) > 0 {
		s.carry = append(s.carry, text...)
		text = s.carry
	}
	t := Token{s.kind, text, s.start.line, s.start.col, s.start.offset}
	s.cur, s.n, s.kind, s.mode, s.place = s.cur[s.n:], 0, 0, complete, s.after
	s.colon = t.Kind == PunctToken && text[0] == ':'
	if t.Kind == AttrToken && (string(text) == "@true" || string(text) == "@false") {
		s.err = &SyntaxError{Line: t.Line, Col: t.Col + 1, Offset: t.Offset + 1, Read: string(text[1:]), Want: wantName}
		return Token{}, s.err
	}
	return t, nil
}

// reset begins a new text, whose first character stands at p.
func (s *Scanner) reset(p position) {
	*s = Scanner{limits: s.limits, stack: s.stack[:0], carry: s.carry[:0], at: p}
}

// cut makes what follows the last token, a line break outside of all brackets, a text of its own.
func (s *Scanner) cut() {
	s.place, s.at.offset = atStart, 0
}

// end checks that the text may end here.
func (s *Scanner) end() {
	top := s.top()
	switch {
	case s.place == atSelector:
		s.fail(wantStep)
	case s.place == atIndex:
		s.fail("a digit")
	case len(s.stack) == 1 && (top == braces || top == keyBraces) && s.colon:
		s.err = io.EOF // "{a:" is closed silently, as SwimOS does
	case top == braces && s.place == atStart:
		s.fail("the closing }")
	case top != none:
		s.fail(brackets[top].want)
	default:
		s.err = io.EOF
	}
}

// fail records a fault at the next character.
func (s *Scanner) fail(want string) {
	s.want = want
	s.carry = s.carry[:0]
}

// settle makes a fault an error, for which it has to know the word that was read. It reports whether it does.
func (s *Scanner) settle() bool {
	const enough = longWord + utf8.UTFMax
	for _, more := range [][]byte{s.cur[s.n:], s.next} {
		s.carry = append(s.carry, more[:min(len(more), max(0, enough-len(s.carry)))]...)
	}
	s.cur, s.next, s.n, s.owned = nil, nil, 0, false
	read := stringOf(s.carry)
	if !s.closed && s.bad == nil && (len(read) == 0 || identLen(read) == len(read) && len(read) <= longWord) {
		return false
	}
	e := &SyntaxError{Line: s.at.line, Col: s.at.col, Offset: s.at.offset, Want: s.want}
	e.Read = describe(string(append(s.carry, s.bad...)))
	s.err, s.carry = e, nil
	return true
}

// exceed records that a limit was passed.
func (s *Scanner) exceed(read string, limit int) {
	s.err = &SyntaxError{Line: s.at.line, Col: s.at.col, Offset: s.at.offset, Read: read,
		Want: "at most " + strconv.Itoa(limit), limit: true}
}
