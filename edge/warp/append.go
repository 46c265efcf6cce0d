package warp

import (
	"bytes"
	"math"

	"selvage/edge/recon"
)

// Append prints an envelope as Swim peers do. Node and Lane are printed as they
// are: normalising them is the caller's choice.
func Append(dst []byte, e *Envelope) []byte {
	return AppendBody(appendHead(dst, e.Tag, e.Node, e.Lane, e.Prio, e.Rate), e.Body)
}

// AppendHead prints an envelope without its body. Host envelopes (Auth and its
// like) print only their tag; prio and rate are printed on the tags that have
// them, if they are not zero.
func AppendHead(dst []byte, tag Tag, node, lane string, prio, rate float64) []byte {
	return appendHead(dst, tag, node, lane, prio, rate)
}

func appendHead[T []byte | string](dst []byte, tag Tag, node, lane T, prio, rate float64) []byte {
	dst = append(dst, '@')
	dst = append(dst, tag.String()...)
	if !tag.addressed() {
		return dst
	}
	dst = append(dst, "(node:"...)
	dst = appendText(dst, node)
	dst = append(dst, ",lane:"...)
	dst = appendText(dst, lane)
	if tag.graded() {
		dst = appendGrade(dst, ",prio:", prio)
		dst = appendGrade(dst, ",rate:", rate)
	}
	return append(dst, ')')
}

func appendGrade(dst []byte, label string, f float64) []byte {
	f = float64(float32(f))
	if f == 0 || math.IsNaN(f) {
		return dst
	}
	return recon.Append(append(dst, label...), recon.Float(f))
}

// appendText prints a URI bare if it is an identifier, quoted otherwise. Swim
// prints a lane named "true" bare and cannot read it back; we quote it, which
// every peer understands.
func appendText[T []byte | string](dst []byte, s T) []byte {
	bare := len(s) > 0 && classes[s[0]]&letter != 0 && !isBool(s)
	for i := range len(s) {
		c := classes[s[i]]
		if c&uriChar == 0 && s[i] != '%' && s[i] != '?' && s[i] != '#' {
			return recon.AppendString(dst, string(s))
		}
		bare = bare && c&identPart != 0
	}
	if bare {
		return append(dst, s...)
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

// AppendBody joins a body, one value's Recon text, to a printed head, as Swim does
// when it concatenates the two records:
//   - a bare identifier or number is set off by a space, all else is not;
//   - braces around nothing vanish, and so do those around a single plain value:
//     {5} arrives as 5 whichever way it is printed, and peers print it as 5.
//
// Swim prints an expression such as a == b behind the head as it is, and then the
// head belongs to the expression; we put braces around it.
func AppendBody(dst, body []byte) []byte {
	if len(body) > 0 && body[0] == '{' {
		body = unbrace(body)
	}
	if len(body) == 0 {
		return dst
	}
	c := body[0]
	switch {
	case classes[c]&bareStart != 0:
		i := bare(body, 0)
		if i == len(body) || body[i] == '@' {
			return append(append(dst, ' '), body...)
		}
	case c == '"' || c == '%' || c == '{' || c == '[' || c == '@':
		return append(dst, body...)
	}
	// What is left are expressions.
	if bytes.ContainsAny(body, looseOperators) {
		return append(append(append(dst, '{'), body...), '}')
	}
	if closed := len(dst) > 0 && dst[len(dst)-1] == ')'; !closed && (c == '(' || classes[c]&bareStart != 0) {
		dst = append(dst, ' ') // or it would be the tag's argument, or part of its name
	}
	return append(dst, body...)
}

// looseOperators begin all operators that bind less than attributes do.
const looseOperators = "=<>!&|^?"

// unbrace takes the braces off an empty record and off a single string, number,
// identifier or data.
func unbrace(body []byte) []byte {
	start := blanks(body, 1)
	end := start
	switch c := body[min(start, len(body)-1)]; {
	case c == '"':
		end = skipString(body, start)
	case c == '%':
		end = data(body, start)
	case classes[c]&bareStart != 0:
		end = bare(body, start)
	}
	if end > 0 && blanks(body, end) == len(body)-1 && body[len(body)-1] == '}' {
		return body[start:end]
	}
	return body
}
