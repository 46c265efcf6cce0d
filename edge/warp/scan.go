package warp

import (
	"bytes"
	"strconv"
)

// Scan takes apart the text of one frame. Node, Lane and Body may point into
// frame; who keeps them longer than the frame copies them.
//
// Frames as peers print them are scanned without allocation and without parsing
// the body; all others are parsed as Recon, and their body is printed anew. Both
// ways read a frame alike: if the body of a scanned envelope is Recon, so is the
// frame, and the body's value is that of the frame. A frame that is not one whole
// envelope is an error: the connection it came from is not to be trusted further.
func Scan(frame []byte, e *Envelope) error {
	if scanPlain(frame, e) {
		return nil
	}
	return scanAny(frame, e)
}

// What a byte may be part of. All bytes of UTF-8 sequences count as letters in a
// body: no separator, operator or space lies outside ASCII.
const (
	letter    uint8 = 1 << iota // ASCII, or "_": begins an identifier
	identPart                   // ASCII: continues one
	uriChar                     // needs no escape in the path of a URI
	bareStart                   // begins a bare body: an identifier or a number
	barePart                    // continues one
	groupMark                   // means something between brackets; all other bytes there are skipped
	base64Char
)

var classes = func() (c [256]uint8) {
	set := func(chars string, bits uint8) {
		for i := range len(chars) {
			c[chars[i]] |= bits
		}
	}
	set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", letter|identPart|uriChar|bareStart|barePart|base64Char)
	set("0123456789", identPart|uriChar|bareStart|barePart|base64Char)
	set("_", letter|identPart|uriChar|bareStart|barePart)
	set("-", identPart|uriChar|bareStart|barePart)
	set("./~!$&'()*+,;=:@", uriChar)
	set(".+", barePart)
	set("+/=", base64Char)
	for b := 0x80; b < 0x100; b++ {
		c[b] |= bareStart | barePart
	}
	set("(){}\":,; \t\n\r", groupMark)
	set("[]'`#$?", groupMark)
	for b := range 0x20 {
		c[b] |= groupMark
	}
	return c
}()

// scanPlain reads canonical frames: a tag, named headers without space between
// them, and a body that reads the same behind the head as alone. It says no, and
// leaves e alone, whenever it is not sure.
func scanPlain(s []byte, e *Envelope) bool {
	i := 1
	for i < len(s) && classes[s[i]]&letter != 0 {
		i++
	}
	if i >= len(s) || s[0] != '@' || s[i] != '(' {
		return false
	}
	tag := tagOf(s[1:i])
	if tag == 0 || !tag.addressed() {
		return false
	}
	var node, lane []byte
	var prio, rate float64
	for s[i] != ')' {
		i++
		if i+5 > len(s) {
			return false
		}
		next := 0
		switch string(s[i : i+5]) {
		case "node:":
			node, next = plainURI(s, i+5)
		case "lane:":
			lane, next = plainURI(s, i+5)
		case "prio:":
			prio, next = plainNumber(s, i+5)
		case "rate:":
			rate, next = plainNumber(s, i+5)
		}
		if next == 0 || next >= len(s) || s[next] != ',' && s[next] != ')' {
			return false
		}
		i = next
	}
	body, ok := plainBody(s[i+1:])
	if !ok || node == nil || lane == nil {
		return false
	}
	if !tag.graded() {
		prio, rate = 0, 0
	}
	*e = Envelope{Tag: tag, Node: node, Lane: lane, Prio: prio, Rate: rate, Body: body}
	return true
}

// plainURI reads a bare or quoted text that is sure to be a URI reference; end is
// 0 if it is not sure. The text is not nil even when it is empty.
func plainURI(s []byte, i int) (text []byte, end int) {
	rest := s[i:]
	if len(rest) > 0 && rest[0] == '"' {
		rest = rest[1:]
		n := run(rest, uriChar)
		if n == len(rest) || rest[n] != '"' {
			return nil, 0
		}
		text = rest[:n]
		if len(text) > 0 && text[0] == '/' {
			if len(text) > 1 && text[1] == '/' { // an authority has rules of its own
				return nil, 0
			}
		} else if bytes.IndexByte(text, ':') >= 0 { // and so has a scheme
			return nil, 0
		}
		return text, i + n + 2
	}
	if len(rest) == 0 || classes[rest[0]]&letter == 0 {
		return nil, 0
	}
	text = rest[:run(rest, identPart)]
	if isBool(text) {
		return nil, 0
	}
	return text, i + len(text)
}

// run counts the bytes of a class that s begins with.
func run(s []byte, class uint8) int {
	for i, c := range s {
		if classes[c]&class == 0 {
			return i
		}
	}
	return len(s)
}

// isBool tells the two identifiers that are no text.
func isBool[T []byte | string](s T) bool { return string(s) == "true" || string(s) == "false" }

// plainNumber reads a decimal number without exponent.
func plainNumber(s []byte, i int) (f float64, end int) {
	start := i
	if i < len(s) && s[i] == '-' {
		i++
	}
	whole := i
	i = digits(s, i)
	if i == whole || s[whole] == '0' && i > whole+1 {
		return 0, 0
	}
	if i < len(s) && s[i] == '.' {
		fraction := i + 1
		if i = digits(s, fraction); i == fraction {
			return 0, 0
		}
	}
	f, err := strconv.ParseFloat(string(s[start:i]), 64)
	if err != nil {
		return 0, 0
	}
	return float64(float32(f)), i
}

func digits(s []byte, i int) int {
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	return i
}
