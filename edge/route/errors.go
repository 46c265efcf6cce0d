package route

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// A SyntaxError says why a text is not a URI, pattern or glob, and what to write
// instead. Config faults quote it.
type SyntaxError struct {
	Text   string // the whole text
	Offset int    // of the offending byte
	Want   string // what the text should have been: "URI", "route pattern", …
	Why    string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s is not a %s: at character %d: %s",
		quote(e.Text), e.Want, utf8.RuneCountInString(e.Text[:e.Offset])+1, e.Why)
}

func (p *parser) errorAt(offset int, why string) error {
	return &SyntaxError{Text: p.text, Offset: offset, Want: "URI", Why: why}
}

func (p *parser) badScheme(scheme string) error {
	if scheme == "" {
		return p.errorAt(0, `nothing stands before the ":"; a path that starts so is written "./:…"`)
	}
	return p.errorAt(0, fmt.Sprintf(`the ":" makes %s a scheme, and a scheme starts with a letter; if a path is meant, write "./%s:…"`,
		quote(scheme), scheme))
}

func (p *parser) badChar(offset int, rest string) error {
	r, n := utf8.DecodeRuneInString(rest)
	if r == utf8.RuneError && n <= 1 {
		return p.errorAt(offset, "the text is not UTF-8")
	}
	escaped := ""
	for i := range n {
		escaped += string(appendEscaped(nil, rest[i], 0))
	}
	name := quote(string(r))
	switch {
	case r == ' ':
		name = "a space"
	case r < ' ' || r == 0x7f:
		name = fmt.Sprintf("the control character U+%04X", r)
	case r == '\\':
		return p.errorAt(offset, `a backslash may stand only in a path, where it is read as "/"; write %5c`)
	}
	return p.errorAt(offset, name+" is written "+escaped)
}

func (p *parser) badEscape(offset int, rest string) error {
	if len(rest) > 3 {
		rest = rest[:3]
	}
	return p.errorAt(offset, quote(rest)+` is no escape: "%" is followed by two hex digits, and "%" itself is written %25`)
}

// quote shortens long texts: an error is a line for a person, whatever a peer sent.
func quote(s string) string {
	const longest = 80
	if len(s) > longest {
		cut := longest
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		return strconv.Quote(s[:cut]) + "…"
	}
	return strconv.Quote(s)
}
