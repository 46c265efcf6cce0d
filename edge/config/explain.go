package config

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
)

// explainSign speaks of a sign that no text may hold, wherever it stands.
func (s *statement) explainSign() bool {
	switch {
	case strings.Contains(s.message, "control character"):
		s.doc.fault(s.at, "a control character stands here", "remove it")
	case strings.Contains(s.message, "UTF-8"):
		s.doc.fault(s.at, "this is not UTF-8", "save the file with the encoding UTF-8")
	default:
		return false
	}
	return true
}

// explainHeader speaks of a [table] that could not be read.
func (s *statement) explainHeader() {
	if s.explainSign() {
		return
	}
	line := s.doc.source(s.span)
	inner := strings.TrimLeft(line, "[")
	brackets := line[:min(2, len(line)-len(inner))]
	inner, closed := strings.CutSuffix(strings.TrimRight(inner, " \t"), "]")
	inner = strings.TrimRight(inner, "]")
	head, name, ok := strings.Cut(inner, ".")
	at := s.at
	if s.doc.lineOf(at.start) != s.doc.lineOf(s.start) {
		at = s.span
	}
	switch {
	case ok && closed && name != "" && name[0] != '.' && !strings.ContainsAny(inner, "\"'[]#"):
		end := strings.Repeat("]", len(brackets))
		s.doc.fault(span{s.start, s.start + len(strings.TrimRight(line, " \t"))}, "a name with other signs than letters, digits, - and _ stands in quotes",
			fmt.Sprintf("write %s%s.%s%s", brackets, head, quoteKey(name), end))
	case strings.Contains(s.message, "new lines"):
		s.doc.fault(s.span, "the quotes in this table's name are not closed", "close them before the ]")
	case !closed && !strings.Contains(line, "]"):
		s.doc.fault(s.span, "this table's name is not closed", "close it with ]")
	default:
		s.doc.fault(at, s.plain(), `a table looks like [device.air] or [agent."/room/air"]`)
	}
}

// explainBlock speaks of a list, a group or a long text that was not understood to its end.
func (s *statement) explainBlock() {
	if s.explainSign() {
		return
	}
	v := s.raw()
	line := s.doc.line(s.doc.lineOf(s.at.start))
	stopped := s.doc.text[line.start:line.end]
	sign, what, looks := "]", "list", "a list looks like [1, 2, 3]"
	switch {
	case strings.HasPrefix(v, "{"):
		sign, what, looks = "}", "group", "a group looks like { low = 1, high = 2 }"
	case strings.HasPrefix(v, `"""`), strings.HasPrefix(v, `'''`):
		sign, what, looks = v[:3], "text", ""
	}
	atEnd := s.at.end >= len(bytes.TrimRight(s.doc.text, " \t\r\n"))
	if atEnd || headerLine.Match(stopped) && s.doc.lineOf(s.at.start) > s.doc.lineOf(s.start) {
		s.doc.fault(span{s.valueAt, s.end}, fmt.Sprintf("this %s is not closed", what), "close it with "+sign)
		return
	}
	if s.valueEnded() {
		s.doc.fault(s.at, "nothing may follow a value on its line", "start a new line, or a # comment")
		return
	}
	if word := s.word(); word != "" && wantsQuotes(s.message) {
		s.doc.fault(span{s.at.start, s.at.start + len(word)}, "text stands in quotes", fmt.Sprintf("write %q", word))
		return
	}
	s.doc.fault(s.at, s.plain(), looks)
}

// explainValue speaks of a `key = value` on one line.
func (s *statement) explainValue() {
	if s.explainSign() {
		return
	}
	raw := s.raw()
	at := span{s.valueAt, s.valueAt + len(raw)}
	bare := strings.Trim(raw, "“”„‟\"‘’'")
	lower := strings.ToLower(raw)
	switch {
	case s.key == "":
		s.doc.fault(s.at, "this is no TOML", "a line is a [table], a key = value or a # comment")
	case !s.hasSign && strings.HasPrefix(raw, ":"):
		s.doc.fault(span{s.valueAt, s.valueAt + 1}, fmt.Sprintf("the sign between %s and its value is =", s.key), "write = instead of :")
	case !s.hasSign:
		s.doc.fault(span{s.start, s.start + len(s.key)}, fmt.Sprintf("= is missing after %s", s.key), fmt.Sprintf("write %s = …", s.key))
	case raw == "" || raw[0] == '#':
		s.doc.fault(span{s.start, s.start + len(s.key)}, fmt.Sprintf("%s has no value", s.key), `write a value behind the =, texts in quotes`)
	case raw[0] == '"' || raw[0] == '\'':
		s.explainText(at, raw)
	case lower == "true" || lower == "false":
		s.doc.fault(at, fmt.Sprintf("%s is written in small letters", lower), "write "+lower)
	case yesNo[lower] != "":
		s.doc.fault(at, "text stands in quotes", fmt.Sprintf("write %q, or %s if it is a question of true or false", raw, yesNo[lower]))
	case s.valueEnded() && strings.ContainsAny(string(s.doc.text[s.at.start-1]), " \t"):
		s.doc.fault(s.at, "nothing may follow a value on its line", "put a text in quotes, or start a new line or a # comment")
	case isNumeric(raw[0]) && !wantsQuotes(s.message):
		s.doc.fault(s.at, s.plain(), "numbers look like 10, 0x44, 2.5 or 1e3")
	default:
		s.doc.fault(at, "text stands in quotes", fmt.Sprintf("write %q", bare))
	}
}

func (s *statement) explainText(at span, raw string) {
	switch {
	case strings.Contains(s.message, "new lines") || strings.Contains(s.message, "unterminated"):
		s.doc.fault(at, "this text is not closed", "close it with "+raw[:1])
	case strings.Contains(s.message, "escape"):
		s.doc.fault(s.at, `a \ in a text stands for something else`, `write \\ for a \, or put the text in ' '`)
	case s.valueEnded():
		s.doc.fault(s.at, "nothing may follow a value on its line", "start a new line, or a # comment")
	default:
		s.doc.fault(s.at, s.plain(), "")
	}
}

// yesNo are words that other notations take for true and false.
var yesNo = map[string]string{"yes": "true", "on": "true", "no": "false", "off": "false"}

// valueEnded reports whether a whole value was read and something stands behind it.
func (s *statement) valueEnded() bool { return strings.HasPrefix(s.message, "expected newline") }

func isNumeric(c byte) bool { return '0' <= c && c <= '9' || c == '+' || c == '-' }

// wantsQuotes tells a text without quotes, such as 10s or sim:room, from a number with a slip.
func wantsQuotes(message string) bool {
	return message == "strings must be quoted" || strings.HasPrefix(message, "expected newline") ||
		strings.HasPrefix(message, "expected keyword") || strings.HasSuffix(message, "at start of value")
}

var codePoint = regexp.MustCompile(`U\+[0-9A-F]{4,6}( '.')?`)

// plain is the parser's message without code points where the sign itself can be shown.
func (s *statement) plain() string {
	return codePoint.ReplaceAllStringFunc(s.message, func(m string) string {
		if i := strings.IndexByte(m, ' '); i >= 0 {
			return m[i+1:]
		}
		return m
	})
}
