package recon

import (
	"strings"
	"unicode/utf8"
)

// AppendString prints s as a Text value: bare if it is an identifier, in double quotes otherwise.
func AppendString(dst []byte, s string) []byte {
	if IsIdentString(s) {
		return append(dst, s...)
	}
	return appendQuoted(dst, s)
}

// appendQuoted prints s in double quotes, which is JSON too. What is not UTF-8 in s becomes U+FFFD, since peers end a
// connection over it.
func appendQuoted(dst []byte, s string) []byte {
	s = validUTF8(s)
	dst = append(dst, '"')
	start := 0
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' {
			dst = appendEscape(append(dst, s[start:i]...), c)
			start = i + 1
		}
	}
	return append(append(dst, s[start:]...), '"')
}

// appendMarkupText prints s as a piece of text in brackets.
func appendMarkupText(dst []byte, s string) []byte {
	s = validUTF8(s)
	start := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c < 0x20, c == '$', c == '@', c == '[', c == '\\', c == ']', c == '{', c == '}':
			dst = appendEscape(append(dst, s[start:i]...), c)
			start = i + 1
		}
	}
	return append(dst, s[start:]...)
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '\b':
		c = 'b'
	case '\f':
		c = 'f'
	case '\n':
		c = 'n'
	case '\r':
		c = 'r'
	case '\t':
		c = 't'
	default:
		if c < 0x20 {
			return append(dst, '\\', 'u', '0', '0', '0'+c>>4, "0123456789ABCDEF"[c&15])
		}
	}
	return append(dst, '\\', c)
}

func validUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
