package recon

import "strconv"

// place says what the next character can be the beginning of, within the innermost bracket.
type place uint8

const (
	atStart    place = iota // of an item or operand
	atOperand               // behind an operand
	atName                  // immediately behind the name of an attribute, where ( begins its arguments
	atAttr                  // behind an attribute
	atSelector              // immediately behind $
	atStep                  // immediately behind the dot of a selector
	atKey                   // behind blanks behind either
	atIndex                 // behind the # of a selector
	atPath                  // immediately behind a step of a selector
)

var behindBlank = [...]place{
	atStart: atStart, atOperand: atOperand, atName: atAttr, atAttr: atAttr,
	atSelector: atKey, atStep: atKey, atKey: atKey, atIndex: atIndex, atPath: atOperand,
}

// bracket is one of the meanings that brackets have.
type bracket uint8

const (
	none      bracket = iota
	braces            // of a record
	arguments         // of an attribute
	call              // of a function
	group             // of an expression
	markup
	filter // of a selector
	keyBraces
	keyMarkup
	keyParens // around a key of a selector
)

// brackets holds what closes each, what can follow an operand within, and where it leads to behind.
var brackets = [...]struct {
	closing byte
	want    string
	after   place
}{
	none:      {0, "a comma, a line break or the end", atStart},
	braces:    {'}', "a comma, a line break or }", atOperand},
	arguments: {')', "a comma, a line break or )", atAttr},
	call:      {')', "a comma, a line break or )", atOperand},
	group:     {')', "a comma or )", atOperand},
	markup:    {']', "the closing ]", atOperand},
	filter:    {']', "the closing ]", atPath},
	keyBraces: {'}', "a comma, a line break or }", atPath},
	keyMarkup: {']', "the closing ]", atPath},
	keyParens: {')', "the closing )", atPath},
}

const (
	wantItem = "a value, a key or an attribute"
	wantName = "an attribute name; true and false need quotes"
	wantStep = "a key, @, *, : or #"
)

func (s *Scanner) top() bracket {
	if len(s.stack) == 0 {
		return none
	}
	return s.stack[len(s.stack)-1]
}

// inMarkup reports whether characters are text here.
func (s *Scanner) inMarkup() bool {
	top := s.top()
	return top == markup || top == keyMarkup
}

// inExpression reports whether the innermost bracket holds an expression, where neither lines nor comments end an item.
func (s *Scanner) inExpression() bool {
	top := s.top()
	return top == group || top == filter || top == keyParens
}

// begin begins the token that in begins with, and takes its first character, or fails.
func (s *Scanner) begin(in []byte) {
	c := in[0]
	switch {
	case s.inMarkup() && (s.place != atName || c != '('):
		s.beginText(c)
	case class[c]&lineBreak != 0:
		s.beginBreak(c)
	case s.place == atIndex:
		if c != '-' && class[c]&digit == 0 {
			s.fail("a digit")
			return
		}
		s.open(NumberToken, indexMode(c), atPath)
	case s.place >= atSelector && s.beginStep(c, in):
	case isScalar(in) && (c != '%' || s.place != atOperand):
		if s.place == atOperand {
			s.fail(s.wanted())
			return
		}
		s.beginScalar(in, atOperand)
	default:
		s.beginOther(c)
	}
}

// open begins a token with a character of one byte.
func (s *Scanner) open(kind TokenKind, m mode, after place) {
	s.kind, s.mode, s.after = kind, m, after
	s.take(1)
}

// enter begins the token that opens a bracket.
func (s *Scanner) enter(b bracket) {
	if depth := len(s.stack); depth >= s.limits.Depth {
		s.exceed(strconv.Itoa(depth+1)+" levels", s.limits.Depth)
		return
	}
	s.stack = append(s.stack, b)
	s.open(PunctToken, complete, atStart)
}

// leave begins the token that closes a bracket.
func (s *Scanner) leave(c byte) {
	top := s.top()
	if brackets[top].closing != c {
		s.fail(s.wanted())
		return
	}
	s.stack = s.stack[:len(s.stack)-1]
	s.open(PunctToken, complete, brackets[top].after)
}

// wanted says what could stand where something does that cannot.
func (s *Scanner) wanted() string {
	top := s.top()
	if s.place != atOperand && (top == none || top == arguments || top == call) {
		return wantItem
	}
	return brackets[top].want
}

func (s *Scanner) beginText(c byte) {
	switch c {
	case '@':
		s.open(AttrToken, attrName, atName)
	case '{':
		s.enter(braces)
	case '[':
		s.enter(markup)
	case ']':
		s.leave(c)
	case '}':
		s.fail("\\} or ]")
	default:
		s.open(TextToken, plainText, atStart)
		if c == '\\' {
			s.mode = textEscape
		}
	}
}

func (s *Scanner) beginBreak(c byte) {
	after := atStart
	switch top := s.top(); {
	case s.place == atIndex:
		after = atIndex
	case s.place == atSelector:
		s.fail(wantStep)
		return
	case top == keyParens:
		after = atOperand
	case top == group || top == filter:
		s.fail(brackets[top].want)
		return
	}
	s.open(BreakToken, complete, after)
	if c == '\r' {
		s.mode = lineFeed
	}
}

// beginStep is begin within a selector. It reports whether c belongs to that.
func (s *Scanner) beginStep(c byte, in []byte) bool {
	p, immediate := s.place, s.place != atKey
	switch {
	case p == atPath && c == '[', p == atSelector && c == '[':
		s.enter(filter)
	case c == '#':
		s.open(OperatorToken, complete, atIndex)
	case p != atSelector && c == '.':
		s.open(OperatorToken, complete, atStep)
	case p == atPath:
		s.place = atOperand
		return false
	case immediate && c == '@':
		s.open(AttrToken, attrName, atPath)
	case immediate && c == '*':
		s.open(OperatorToken, second, atPath)
		s.pair = ":*"
	case immediate && c == ':':
		s.open(OperatorToken, star, atPath)
	case c == '[':
		s.enter(keyMarkup)
	case c == '{':
		s.enter(keyBraces)
	case c == '(':
		s.enter(keyParens)
	case c == '-':
		s.open(NumberToken, numberSign, atPath)
	case c == '$':
		s.open(OperatorToken, complete, atSelector)
	case isScalar(in):
		s.beginScalar(in, atPath)
	case p == atSelector:
		s.fail(wantStep)
	default: // "$a. + 1": the key is missing
		s.place = atOperand
		return false
	}
	return true
}

// isScalar reports whether a text, number or data may begin here.
func isScalar(in []byte) bool {
	switch c := in[0]; c {
	case '"', '\'', '`', '%':
		return true
	default:
		return class[c]&(identHead|digit) != 0 || c >= 0x80 && isIdentStart(firstRune(in))
	}
}

func (s *Scanner) beginScalar(in []byte, after place) {
	switch c := in[0]; c {
	case '"', '\'':
		s.open(StringToken, quotedString, after)
		s.quote = c
	case '`':
		s.open(StringToken, rawFence, after)
		s.count = 1
	case '%':
		s.open(DataToken, dataRun, after)
		s.count = 0
	default:
		if class[c]&digit != 0 {
			s.open(NumberToken, numberMode(numberStart, c), after)
			return
		}
		s.kind, s.mode, s.after = IdentToken, identRun, after
		s.take(identLen(stringOf(in)))
	}
}

// beginOther begins brackets, separators and operators.
func (s *Scanner) beginOther(c byte) {
	behind := s.place == atOperand
	switch c {
	case '#':
		if s.inExpression() {
			s.fail(brackets[s.top()].want)
			return
		}
		s.open(CommentToken, comment, s.place)
	case '@':
		s.open(AttrToken, attrName, atName)
	case '(':
		switch {
		case s.place == atName:
			s.enter(arguments)
		case behind:
			s.enter(call)
		default:
			s.enter(group)
		}
	case '{', '[', '$':
		switch {
		case behind:
			s.fail(s.wanted())
		case c == '{':
			s.enter(braces)
		case c == '[':
			s.enter(markup)
		default:
			s.open(OperatorToken, complete, atSelector)
		}
	case ')', '}', ']':
		s.leave(c)
	case ',', ';', ':':
		s.open(PunctToken, complete, atStart)
	case '-':
		s.open(OperatorToken, complete, atStart)
		if !behind {
			s.mode = sign
		}
	case '+', '*', '/', '%', '~', '^', '?':
		s.open(OperatorToken, complete, atStart)
	case '!', '<', '>', '=', '&', '|':
		s.open(OperatorToken, second, atStart)
		s.pair = pairs[c]
		if c == '!' && !behind {
			s.mode = complete
		}
	default:
		s.fail(s.wanted())
	}
}

// pairs holds what the second character of an operator may be.
var pairs = map[byte]string{'!': "=", '<': "=", '>': "=", '=': "=>", '&': "&", '|': "|"}
