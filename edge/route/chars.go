package route

import (
	"strings"
	"unicode/utf8"
)

// Which ASCII characters may stand unescaped where (RFC 3986, section 3).
const (
	alpha uint8 = 1 << iota
	schemeChar
	hostChar  // unreserved and sub-delims
	pathChar  // within a segment: also ":" and "@"
	queryChar // also "/" and "?"; the same set serves fragments
	paramChar // within the key of a query parameter: no "&" and no "="
	hexChar
)

var classes = func() (c [256]uint8) {
	set := func(chars string, bits uint8) {
		for i := range len(chars) {
			c[chars[i]] |= bits
		}
	}
	for b := range 26 {
		c['a'+b] |= alpha
		c['A'+b] |= alpha
	}
	letters, digits := "", "0123456789"
	for b := range c {
		if c[b]&alpha != 0 {
			letters += string(rune(b))
		}
	}
	set(letters+digits+"+-.", schemeChar)
	set(letters+digits+"-._~"+"!$&'()*+,;=", hostChar|pathChar|queryChar)
	set(":@", pathChar|queryChar|paramChar)
	set("/?", queryChar|paramChar)
	set(letters+digits+"-._~"+"!$'()*+,;", paramChar)
	set(digits+"abcdefABCDEF", hexChar)
	return c
}()

const lowerHex = "0123456789abcdef"

// IsPlain reports whether ref is an absolute path that normalisation and
// resolution leave as it is, so that reference, spelling and NodeURI are the same
// bytes. Nearly every node URI on the wire is plain.
func IsPlain[T ~[]byte | ~string](ref T) bool {
	if len(ref) == 0 || ref[0] != '/' || len(ref) > 1 && ref[1] == '/' {
		return false
	}
	for i := 1; i < len(ref); i++ {
		c := ref[i]
		if classes[c]&pathChar == 0 && c != '/' || c == '.' && ref[i-1] == '/' && isDots(ref[i:]) {
			return false
		}
	}
	return true
}

// isDots reports whether the first segment of s is "." or "..".
func isDots[T ~[]byte | ~string](s T) bool {
	n := 0
	for n < len(s) && s[n] == '.' {
		n++
	}
	return (n == 1 || n == 2) && (n == len(s) || s[n] == '/')
}

// parser carries the whole text, for errors that point into it.
type parser struct{ text string }

// component normalises one part: characters of the class stay, escapes of such
// characters are undone, all others are written as lower-case escapes.
func (p *parser) component(at int, s string, class uint8) (string, error) {
	return p.normalise(at, s, class, class)
}

// path is like component, with slashes between segments.
func (p *parser) path(at int, s string) (string, error) {
	if !strings.ContainsAny(s, `/\`) {
		return p.component(at, s, pathChar)
	}
	var b strings.Builder
	for start := 0; ; {
		end := strings.IndexAny(s[start:], `/\`)
		if end < 0 {
			end = len(s)
		} else {
			end += start
		}
		segment, err := p.component(at+start, s[start:end], pathChar)
		if err != nil {
			return "", err
		}
		b.WriteString(segment)
		if end == len(s) {
			return b.String(), nil
		}
		b.WriteByte('/')
		start = end + 1
	}
}

// query normalises parameter by parameter, since "&" and "=" must stay escaped in
// a key but, as Swim prints it, not in a value.
func (p *parser) query(at int, s string) (string, error) {
	var b strings.Builder
	for i, param := range strings.Split(s, "&") {
		if i > 0 {
			b.WriteByte('&')
			at++
		}
		key, value, keyed := strings.Cut(param, "=")
		if keyed {
			text, err := p.normalise(at, key, paramChar, paramChar)
			if err != nil {
				return "", err
			}
			b.WriteString(text)
			b.WriteByte('=')
			at += len(key) + 1
		} else {
			value = param
		}
		text, err := p.normalise(at, value, queryChar, queryChar)
		if err != nil {
			return "", err
		}
		b.WriteString(text)
		at += len(value)
	}
	return b.String(), nil
}

// normalise accepts raw characters of one class and prints those of another bare.
func (p *parser) normalise(at int, s string, accept, print uint8) (string, error) {
	i := 0
	for i < len(s) && classes[s[i]]&accept != 0 {
		i++
	}
	if i == len(s) {
		return s, nil
	}
	b := make([]byte, i, len(s)+8)
	copy(b, s)
	for i < len(s) {
		c := s[i]
		if classes[c]&accept != 0 {
			b = append(b, c)
			i++
			continue
		}
		if c != '%' {
			return "", p.badChar(at+i, s[i:])
		}
		// A run of escapes is taken as a whole: one character may need several,
		// and the raw characters around it are ASCII and cannot be part of it.
		start, run := i, make([]byte, 0, 8)
		for i < len(s) && s[i] == '%' {
			if i+2 >= len(s) || classes[s[i+1]]&classes[s[i+2]]&hexChar == 0 {
				return "", p.badEscape(at+i, s[i:])
			}
			run = append(run, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 3
		}
		if !utf8.Valid(run) {
			return "", p.errorAt(at+start, "the escapes "+quote(s[start:i])+" do not form a character; they must spell its UTF-8 bytes")
		}
		for _, c := range run {
			b = appendEscaped(b, c, print)
		}
	}
	return string(b), nil
}

func appendEscaped(b []byte, c byte, print uint8) []byte {
	if classes[c]&print != 0 {
		return append(b, c)
	}
	return append(b, '%', lowerHex[c>>4], lowerHex[c&15])
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	}
	return c - 'a' + 10
}

// unescape undoes the escapes of a normalised segment.
func unescape(segment string) string {
	i := strings.IndexByte(segment, '%')
	if i < 0 {
		return segment
	}
	b := append(make([]byte, 0, len(segment)), segment[:i]...)
	for i < len(segment) {
		if segment[i] == '%' && i+2 < len(segment) {
			b = append(b, unhex(segment[i+1])<<4|unhex(segment[i+2]))
			i += 3
			continue
		}
		b = append(b, segment[i])
		i++
	}
	return string(b)
}

// Escape writes any text as one path segment: Escape("/unit/1") is "%2funit%2f1",
// as in the names of meta nodes.
func Escape(text string) string {
	b := make([]byte, 0, len(text)+8)
	for i := range len(text) {
		b = appendEscaped(b, text[i], pathChar)
	}
	return string(b)
}
