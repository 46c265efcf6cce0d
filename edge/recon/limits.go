package recon

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits bound what is read from one text, so that no text can exhaust memory or stack. A zero field means the default.
type Limits struct {
	Depth int // of records, attributes and parentheses inside each other; four times as many operators may occur
	Bytes int // of text
	Items int // members of all records together
}

// DefaultLimits are what Parse uses. Depth is several times what configurations and messages come to, and costs some
// 200 KB of stack; Bytes is what SwimOS hosts allow for a message; Items comes to 15 MB of memory.
var DefaultLimits = Limits{Depth: 256, Bytes: 16 << 20, Items: 1 << 18}

func (l Limits) orDefault() Limits {
	if l.Depth == 0 {
		l.Depth = DefaultLimits.Depth
	}
	if l.Bytes == 0 {
		l.Bytes = DefaultLimits.Bytes
	}
	if l.Items == 0 {
		l.Items = DefaultLimits.Items
	}
	return l
}

// ErrLimit is what a SyntaxError wraps if the text may well be Recon, but passes one of the Limits.
var ErrLimit = errors.New("recon: text passes a limit")

// A SyntaxError says where a text stops being Recon, what was read there and what could have stood there instead.
type SyntaxError struct {
	Line, Col  int // from 1; Col counts characters
	Offset     int // in bytes, from 0
	Read, Want string

	limit bool
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("recon %d:%d: read %s, want %s", e.Line, e.Col, e.Read, e.Want)
}

// Unwrap returns ErrLimit if a limit was passed.
func (e *SyntaxError) Unwrap() error {
	if e.limit {
		return ErrLimit
	}
	return nil
}

func newSyntaxError(text string, offset int, want string) *SyntaxError {
	e := &SyntaxError{Line: 1, Col: 1, Offset: offset, Want: want, Read: describe(text[offset:])}
	for i, r := range text[:offset] {
		switch {
		case r == '\r' && i+1 < len(text) && text[i+1] == '\n':
			// the line feed ends the line
		case r == '\n' || r == '\r':
			e.Line, e.Col = e.Line+1, 1
		default:
			e.Col++
		}
	}
	return e
}

// longWord is the length in bytes of the longest word that errors show.
const longWord = 20

// describe says what a text begins with, in a form that is safe to log.
func describe(text string) string {
	if text == "" {
		return "the end"
	}
	r, size := utf8.DecodeRuneInString(text)
	switch {
	case r == '\n' || r == '\r':
		return "a line break"
	case r == '\t':
		return "a tab"
	case r == utf8.RuneError && size == 1:
		return fmt.Sprintf("the byte %#02x", text[0])
	case isIdentStart(r):
		if word := text[:identLen(text)]; len(word) <= longWord {
			return strings.Clone(word) // the text may be changed after parsing
		}
	}
	return strconv.QuoteRune(r)
}
