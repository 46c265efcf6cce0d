package recon

import (
	"strings"
	"unicode/utf8"
	"unsafe"
)

// charClass sorts the ASCII bytes; other characters are looked up by isIdentStart and isIdentPart.
type charClass uint16

const (
	blank     charClass = 1 << iota // space and tab
	lineBreak                       // line feed and carriage return
	identHead                       // may begin a bare identifier
	identTail                       // may continue one
	digit
	hexDigit
	starter // may begin an item of a block, besides identHead and digit
	stop    // ends an expression for certain: no operator or attribute can follow; so does NUL, peek's word for the end
	infix   // may follow an operand as an arithmetic operator, or begin its arguments
	special // ends a run of plain characters in a quoted string
)

var class = func() (t [256]charClass) {
	mark := func(chars string, c charClass) {
		for i := range len(chars) {
			t[chars[i]] |= c
		}
	}
	mark(" \t", blank)
	mark("\n\r", lineBreak|stop)
	mark("_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", identHead|identTail)
	mark("-", identTail)
	mark("0123456789", identTail|digit|hexDigit)
	mark("ABCDEFabcdef", hexDigit)
	mark("!\"$%'(+-@[{`~", starter)
	mark(",;:)]}\x00", stop)
	mark("+-*/%(", infix)
	mark("\"'\\", special)
	for c := range 0x20 {
		t[c] |= special
	}
	return t
}()

func isIdentStart(r rune) bool {
	if r < utf8.RuneSelf {
		return class[r]&identHead != 0
	}
	return r >= 0xc0 && r <= 0x2ff && r != 0xd7 && r != 0xf7 ||
		r >= 0x370 && r <= 0x1fff && r != 0x37e ||
		r == 0x200c || r == 0x200d ||
		r >= 0x2070 && r <= 0x218f ||
		r >= 0x2c00 && r <= 0x2fef ||
		r >= 0x3001 && r <= 0xd7ff ||
		r >= 0xf900 && r <= 0xfdcf ||
		r >= 0xfdf0 && r <= 0xfffd ||
		r >= 0x10000 && r <= 0xeffff
}

func isIdentPart(r rune) bool {
	if r < utf8.RuneSelf {
		return class[r]&identTail != 0
	}
	return isIdentStart(r) || r == 0xb7 || r >= 0x300 && r <= 0x36f || r == 0x203f || r == 0x2040
}

// IsIdent reports whether b is a bare identifier: a text that is printed without quotes.
func IsIdent(b []byte) bool {
	return IsIdentString(stringOf(b))
}

// IsIdentString is IsIdent for a string.
func IsIdentString(s string) bool {
	return len(s) > 0 && identLen(s) == len(s)
}

// identLen returns the length of the identifier s begins with, 0 if it begins with none. Bytes that are not UTF-8 end it.
func identLen(s string) int {
	switch {
	case len(s) == 0:
		return 0
	case s[0] >= utf8.RuneSelf:
		return wideIdentLen(s, true)
	case class[s[0]]&identHead == 0:
		return 0
	}
	return identTailLen(s)
}

// identTailLen returns how many bytes at the beginning of s can continue an identifier.
func identTailLen(s string) int {
	i := 0
	for i < len(s) && class[s[i]]&identTail != 0 {
		i++
	}
	if i == len(s) || s[i] < utf8.RuneSelf {
		return i
	}
	return i + wideIdentLen(s[i:], false)
}

// wideIdentLen is identLen from the first character beyond ASCII on, which begins the identifier if head is set.
func wideIdentLen(s string, head bool) int {
	for i, r := range s {
		if !isIdentPart(r) || head && !isIdentStart(r) || r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD") {
			return i
		}
		head = false
	}
	return len(s)
}

// stringOf returns b as a string that changes with it.
func stringOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func firstRune(b []byte) rune {
	r, _ := utf8.DecodeRune(b)
	return r
}
