package recon

import (
	"strings"
	"unicode/utf8"
)

// AppendString prints s as a Text value: bare if it is an identifier, in double quotes otherwise.
func AppendString(dst []byte, s string) []byte {
	if len(s) == 0 {
		return append(dst, `""`...)
	}
	i := 0
	if class[s[0]]&identHead != 0 {
		for i = 1; i < len(s) && class[s[i]]&identTail != 0; i++ {
		}
	}
	if i == len(s) || s[i] >= utf8.RuneSelf && i+wideIdentLen(s[i:], i == 0) == len(s) {
		return append(dst, s...)
	}
	return appendQuoted(dst, s)
}

// appendText is AppendString for a Text value.
func appendText(dst []byte, v Value) []byte {
	if v.num&bareText != 0 {
		return append(dst, v.str()...)
	}
	return AppendString(dst, v.str())
}

// appendQuoted prints s in double quotes, which is JSON too. What is not UTF-8 in s becomes U+FFFD, since peers end a
// connection over it.
func appendQuoted(dst []byte, s string) []byte {
	plain := 0
	for plain < len(s) && s[plain] < utf8.RuneSelf && class[s[plain]]&special == 0 {
		plain++
	}
	dst = append(dst, '"')
	if plain == len(s) {
		return append(append(dst, s...), '"')
	}
	s = validUTF8(s)
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
