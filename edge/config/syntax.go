package config

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// resume reports a syntax fault and finds a place to read on from, so that one slip does not
// hide the faults behind it. A key whose value could not be read is kept as unread, so that it
// does not count as missing. It reports false when nothing is left to read.
func (r *reader) resume(broken *unstable.ParserError) bool {
	found := r.parser.Range(broken.Highlight)
	at := span{r.base + int(found.Offset), r.base + int(found.Offset+found.Length)}
	start := r.doc.skipBlank(r.end, false)
	if start > at.start { // the fault is in a comment
		start = r.doc.line(r.doc.lineOf(at.start)).start
	}
	first := r.doc.lineOf(start)
	s := statement{doc: r.doc, span: span{start, r.doc.line(first).end}, at: at, message: broken.Message}
	s.split()

	next := first + 1
	switch {
	case s.isHeader():
		s.explainHeader()
		r.table = newTable(nil, "", s.span, detached)
		r.doc.nameless = true
	case r.doc.lineOf(at.start) > first || s.spansLines():
		s.explainBlock()
		r.keepUnread(s)
		if !s.closesAtEnd() {
			r.table.broken = true
			next = r.nextStatement(next, strings.HasPrefix(s.raw(), "["))
		}
	default:
		s.explainValue()
		r.keepUnread(s)
	}
	if next >= len(r.doc.lines) {
		return false
	}
	r.base = r.doc.lines[next]
	r.end = r.base
	return true
}

// keepUnread notes the key of a statement whose value could not be read.
func (r *reader) keepUnread(s statement) {
	var p unstable.Parser
	p.Reset([]byte(s.key + " = 0"))
	if !p.NextExpression() || p.Expression().Kind != unstable.KeyValue {
		r.table.broken = true
		return
	}
	var path []part
	for it := p.Expression().Key(); it.Next(); {
		path = append(path, part{string(it.Node().Data), span{s.start, s.start + len(s.key)}})
	}
	r.insert(r.table, path, value{kind: unread, at: span{s.valueAt, s.end}})
}

var (
	headerLine = regexp.MustCompile(`^\s*\[\[?\s*[a-zA-Z][^\]]*\]?\s*(#.*)?$`)
	keyLine    = regexp.MustCompile(`^\s*[a-zA-Z0-9_.-]+\s*=`)
)

// nextStatement returns the first line from i that looks like a table's header, or like a key
// where keys are told from what may stand in an unclosed value.
func (r *reader) nextStatement(i int, keys bool) int {
	for ; i < len(r.doc.lines); i++ {
		s := r.doc.line(i)
		line := r.doc.text[s.start:s.end]
		if headerLine.Match(line) || keys && keyLine.Match(line) {
			break
		}
	}
	return i
}

// statement is one that could not be read, cut to its first line.
type statement struct {
	span
	doc     *document
	at      span   // where the parser stopped
	message string // what it said
	key     string // what looks like the key
	hasSign bool   // an equals sign follows it
	valueAt int    // where the value starts, if there is one
}

// split guesses key and value by their looks.
func (s *statement) split() {
	line := s.doc.text[s.start:s.end]
	i := 0
	for i < len(line) && (isBare(line[i]) || line[i] == '.') {
		i++
	}
	if i < len(line) && (line[i] == '"' || line[i] == '\'') {
		if n := bytes.IndexByte(line[i+1:], line[i]); n >= 0 {
			i += n + 2
		}
	}
	s.key = string(line[:i])
	i += len(line[i:]) - len(bytes.TrimLeft(line[i:], " \t"))
	if i < len(line) && line[i] == '=' {
		s.hasSign = true
		i++
		i += len(line[i:]) - len(bytes.TrimLeft(line[i:], " \t"))
	}
	s.valueAt = s.start + i
}

func (s *statement) isHeader() bool {
	return s.start < s.end && s.doc.text[s.start] == '['
}

// spansLines reports whether the value is of a form that may go on below.
func (s *statement) spansLines() bool {
	v := s.raw()
	return s.hasSign && (strings.HasPrefix(v, "[") || strings.HasPrefix(v, "{") ||
		strings.HasPrefix(v, `"""`) || strings.HasPrefix(v, `'''`))
}

// closesAtEnd reports whether a value that was not understood ends on its first line.
func (s *statement) closesAtEnd() bool {
	v := s.raw()
	closed := len(v) > 1 && (v[0] == '[' && v[len(v)-1] == ']' || v[0] == '{' && v[len(v)-1] == '}')
	return s.doc.lineOf(s.at.start) == s.doc.lineOf(s.start) && (closed || s.valueEnded())
}

// raw is the value as it stands, without a comment behind it.
func (s *statement) raw() string {
	v := s.doc.source(span{s.valueAt, s.end})
	if i := strings.Index(v, " #"); i >= 0 {
		v = v[:i]
	}
	return strings.TrimRight(v, " \t")
}

// word is what stands where the parser stopped, if that is a word.
func (s *statement) word() string {
	rest := s.doc.source(span{s.at.start, s.doc.line(s.doc.lineOf(s.at.start)).end})
	if i := strings.IndexAny(rest, " \t,]}#\"'"); i >= 0 {
		rest = rest[:i]
	}
	return rest
}
