package recon

import "strings"

// mode is the state of the automaton that reads one token.
type mode uint8

const (
	complete mode = iota // the token ends here
	identRun
	attrName // behind the @ of an attribute
	quotedString
	quotedEscape
	quotedHex
	rawFence // in the backticks that open a string
	rawLine
	rawLines
	rawLineEscape
	rawLinesEscape
	dataRun
	dataPadding
	plainText
	textEscape
	comment
	lineFeed // behind a carriage return
	second   // where the second character of an operator may follow
	star     // where the second one of :* must
	sign     // behind a minus that a digit makes a sign
	indexSign
	indexRun

	numberStart
	numberSign
	numberZero
	numberWhole
	numberPoint
	numberFraction
	numberE
	numberESign
	numberExponent
	numberX
	numberHex
)

// numberMode returns what c leads to from the mode m of a number, complete if c does not belong to it.
func numberMode(m mode, c byte) mode {
	isDigit := class[c]&digit != 0
	switch m {
	case numberStart, numberSign:
		switch {
		case c == '0':
			return numberZero
		case isDigit:
			return numberWhole
		}
	case numberZero, numberWhole:
		switch {
		case isDigit && m == numberWhole:
			return m
		case c == 'x' && m == numberZero:
			return numberX
		case c == '.':
			return numberPoint
		case c == 'e' || c == 'E':
			return numberE
		}
	case numberPoint, numberFraction:
		switch {
		case isDigit:
			return numberFraction
		case m == numberFraction && (c == 'e' || c == 'E'):
			return numberE
		}
	case numberE, numberESign, numberExponent:
		switch {
		case isDigit:
			return numberExponent
		case m == numberE && (c == '+' || c == '-'):
			return numberESign
		}
	case numberX, numberHex:
		if class[c]&hexDigit != 0 {
			return numberHex
		}
	}
	return complete
}

// indexMode returns the mode behind the first character of an index, which is a whole number.
func indexMode(c byte) mode {
	switch c {
	case '-':
		return indexSign
	case '0':
		return complete
	}
	return indexRun
}

// missing returns what the token being read lacks where it stands, "" if it can end there.
func (s *Scanner) missing() string {
	switch s.mode {
	case attrName:
		return "an attribute name"
	case quotedString:
		return "the closing " + string(s.quote)
	case quotedEscape, textEscape:
		return wantEscape
	case quotedHex, numberX:
		return "a hexadecimal digit"
	case rawFence:
		if s.count == 2 {
			return ""
		}
		return "the closing `"
	case rawLine, rawLineEscape:
		return "the closing `"
	case rawLines, rawLinesEscape:
		return "the closing ```"
	case dataRun, dataPadding:
		if s.count%4 != 0 {
			return "base64 in groups of 4"
		}
	case plainText:
		return "the closing ]"
	case star:
		return "*"
	case numberSign, numberPoint, numberE, numberESign, indexSign:
		return "a digit"
	}
	return ""
}

// read reads on in the token, as far as it goes. What it does not take of in belongs to the next token, or is a fault.
func (s *Scanner) read(in []byte) {
	for len(in) > 0 && s.mode != complete && s.want == "" {
		before := s.mode
		n := s.advance(in)
		s.take(n)
		in = in[n:]
		if n == 0 && s.mode == before && s.want == "" {
			s.finish()
		}
	}
}

// finish completes the token where it stands, or fails.
func (s *Scanner) finish() {
	if want := s.missing(); want != "" {
		s.fail(want)
	} else {
		s.mode = complete
	}
}

// advance returns how many bytes of in belong to the token, up to a change of mode. If that is none and the mode stays,
// the token ends here, or should not.
func (s *Scanner) advance(in []byte) (n int) {
	c := in[0]
	switch s.mode {
	case identRun:
		return identTailLen(stringOf(in))
	case attrName:
		switch size := identLen(stringOf(in)); {
		case c == '"' || c == '\'':
			s.mode, s.quote = quotedString, c
			return 1
		case size > 0:
			s.mode = identRun
			return size
		}
	case quotedString:
		return s.advanceQuoted(in)
	case quotedEscape, textEscape:
		return s.advanceEscape(c)
	case quotedHex:
		if class[c]&hexDigit != 0 {
			if s.count--; s.count == 0 {
				s.mode = quotedString
			}
			return 1
		}
	case rawFence, rawLine, rawLines, rawLineEscape, rawLinesEscape:
		return s.advanceRaw(c)
	case dataRun:
		for n < len(in) && isBase64(in[n]) {
			n++
		}
		if s.count = (s.count + n) % 4; n == 0 && s.count > 1 && c == '=' {
			s.mode = dataPadding
		}
		return n
	case dataPadding:
		if c == '=' && s.count != 0 {
			if s.count = (s.count + 1) % 4; s.count == 0 {
				s.mode = complete
			}
			return 1
		}
	case plainText:
		n = strings.IndexAny(stringOf(in), `@{[]}\`)
		switch {
		case n < 0:
			return len(in)
		case in[n] == '\\':
			s.mode = textEscape
			return n + 1
		case n == 0:
			s.mode = complete
		}
		return n
	case comment:
		for n < len(in) && class[in[n]]&lineBreak == 0 {
			n++
		}
		return n
	case lineFeed:
		s.mode = complete
		if c == '\n' {
			return 1
		}
	case second:
		s.mode = complete
		if strings.IndexByte(s.pair, c) >= 0 {
			return 1
		}
	case star:
		if c == '*' {
			s.mode = complete
			return 1
		}
	case sign:
		if class[c]&digit != 0 {
			s.kind, s.mode, s.after = NumberToken, numberSign, atOperand
			return 0
		}
	case indexSign, indexRun:
		for n < len(in) && class[in[n]]&digit != 0 {
			n++
		}
		if n > 0 && s.mode == indexSign {
			if s.mode = indexRun; c == '0' {
				s.mode = complete
				return 1
			}
		}
		return n
	default:
		for n < len(in) {
			next := numberMode(s.mode, in[n])
			if next == complete {
				break
			}
			s.mode = next
			n++
		}
		return n
	}
	return 0
}

// advanceQuoted reads on in a string in quotes.
func (s *Scanner) advanceQuoted(in []byte) (n int) {
	for n < len(in) && (class[in[n]]&special == 0 || in[n] != s.quote && in[n] != '\\' && in[n] >= 0x20) {
		n++
	}
	switch {
	case n == len(in):
	case in[n] == s.quote:
		s.mode = complete
		return n + 1
	case in[n] == '\\':
		s.mode = quotedEscape
		return n + 1
	case n == 0:
		s.fail(wantPrintable(in[0]))
	}
	return n
}

// advanceEscape reads the character behind a backslash.
func (s *Scanner) advanceEscape(c byte) int {
	if s.mode == quotedEscape && c == 'u' {
		s.mode, s.count = quotedHex, 4
		return 1
	}
	if _, ok := unescape(c); !ok {
		return 0
	}
	if s.mode == textEscape {
		s.mode = plainText
	} else {
		s.mode = quotedString
	}
	return 1
}

// advanceRaw reads on in a string in backticks.
func (s *Scanner) advanceRaw(c byte) int {
	switch s.mode {
	case rawFence:
		switch {
		case c == '`':
			if s.count++; s.count == 3 {
				s.mode, s.count = rawLines, 0
			}
			return 1
		case s.count == 2:
			s.mode = complete
		default:
			s.mode = rawLine
		}
		return 0
	case rawLineEscape:
		s.mode = rawLine
	case rawLinesEscape:
		s.mode = rawLines
	case rawLine:
		switch {
		case c == '`':
			s.mode = complete
		case c == '\\':
			s.mode = rawLineEscape
		case c < 0x20:
			s.fail(wantLines)
			return 0
		}
	case rawLines:
		switch c {
		case '`':
			if s.count++; s.count == 3 {
				s.mode = complete
			}
			return 1
		case '\\':
			s.mode = rawLinesEscape
		}
		s.count = 0
	}
	return 1
}
