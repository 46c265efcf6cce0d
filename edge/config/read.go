package config

import (
	"errors"
	"fmt"

	"github.com/pelletier/go-toml/v2/unstable"
)

// maxSyntax bounds the syntax faults of one file: beyond it the file is hardly TOML.
const maxSyntax = 20

// reader turns the statements of go-toml's parser into a document. The parser knows TOML's
// grammar; which keys and tables may stand beside each other is checked here.
type reader struct {
	doc    *document
	parser unstable.Parser
	base   int    // where the text given to the parser starts
	end    int    // where the last good statement ended
	table  *table // takes the keys that follow
}

// read returns the text as a document, with the faults of its syntax.
func read(name string, content []byte) *document {
	r := &reader{doc: newDocument(name, content)}
	r.table = r.doc.root
	for range maxSyntax {
		r.parser.Reset(content[r.base:])
		for r.parser.NextExpression() {
			r.statement(r.parser.Expression())
		}
		var broken *unstable.ParserError
		if !errors.As(r.parser.Error(), &broken) || !r.resume(broken) {
			return r.doc
		}
	}
	r.doc.nameless, r.table.broken = true, true
	if rest := r.doc.skipBlank(r.end, false); rest < len(content) {
		r.doc.fault(span{rest, len(content)}, "the rest was not read: too much before it is not TOML", "check that this is the right file")
	}
	return r.doc
}

func (r *reader) statement(n *unstable.Node) {
	switch n.Kind {
	case unstable.KeyValue:
		r.keyValue(r.table, n)
		r.end = r.span(n).end
	case unstable.Table, unstable.ArrayTable:
		r.header(n)
	}
}

func (r *reader) span(n *unstable.Node) span {
	start := r.base + int(n.Raw.Offset)
	return span{start, start + int(n.Raw.Length)}
}

// part is one name of a dotted key.
type part struct {
	name string
	at   span
}

func (r *reader) parts(it unstable.Iterator) []part {
	var ps []part
	for it.Next() {
		ps = append(ps, part{string(it.Node().Data), r.span(it.Node())})
	}
	return ps
}

// header opens the table of [a.b] or [[a.b]].
func (r *reader) header(n *unstable.Node) {
	path := r.parts(n.Key())
	last := path[len(path)-1]
	at := span{r.before(path[0].at.start, '['), r.after(last.at.end, ']')}
	if n.Kind == unstable.ArrayTable {
		at = span{r.before(at.start, '['), r.after(at.end, ']')}
	}
	r.end = at.end

	parent := r.doc.root
	for _, p := range path[:len(path)-1] {
		if parent = r.through(parent, p, at); parent == nil {
			r.table = newTable(nil, "", at, detached)
			return
		}
	}
	r.table = newTable(parent, last.name, at, headed)
	e := parent.get(last.name)
	switch {
	case e == nil:
		v := value{kind: group, at: at, table: r.table}
		if n.Kind == unstable.ArrayTable {
			v = value{kind: list, at: at, items: []value{v}, open: true}
		}
		parent.add(&entry{key: last.name, at: at, value: v})
	case n.Kind == unstable.ArrayTable && e.value.open:
		e.value.items = append(e.value.items, value{kind: group, at: at, table: r.table})
	case n.Kind == unstable.Table && e.value.kind == group && e.value.table.origin == implied:
		r.table = e.value.table
		r.table.at, r.table.origin = at, headed
		e.at, e.value.at = at, at
	default:
		r.twice(at, "["+parent.nameOf(last.name)+"]", e)
		r.table = newTable(nil, "", at, detached)
	}
}

// through steps from a table into the table that a header names on its way, making it if need be.
func (r *reader) through(t *table, p part, header span) *table {
	e := t.get(p.name)
	if e == nil {
		below := newTable(t, p.name, header, implied)
		t.add(&entry{key: p.name, at: header, value: value{kind: group, at: header, table: below}})
		return below
	}
	switch {
	case e.value.kind == group && e.value.table.origin != inlined:
		return e.value.table
	case e.value.open:
		return e.value.items[len(e.value.items)-1].table
	case e.value.kind != unread:
		r.doc.fault(p.at, fmt.Sprintf("%s already holds a value, on line %d", t.nameOf(p.name), r.doc.lineNumber(e.at.start)),
			"a name is either a key or a table")
	}
	return nil
}

// keyValue adds `a.b = value` to a table.
func (r *reader) keyValue(t *table, n *unstable.Node) {
	path := r.parts(n.Key())
	last := path[len(path)-1]
	start := r.doc.skipBlank(r.after(last.at.end, '='), false)
	r.insert(t, path, r.value(n.Value(), start))
}

// insert adds a value under a dotted key.
func (r *reader) insert(t *table, path []part, v value) {
	for _, p := range path[:len(path)-1] {
		e := t.get(p.name)
		if e == nil {
			below := newTable(t, p.name, p.at, dotted)
			t.add(&entry{key: p.name, at: p.at, value: value{kind: group, at: p.at, table: below}})
			t = below
			continue
		}
		if e.value.kind != group || e.value.table.origin != dotted {
			r.twice(p.at, t.nameOf(p.name), e)
			return
		}
		t = e.value.table
	}
	last := path[len(path)-1]
	if e := t.get(last.name); e != nil {
		r.twice(last.at, quoteKey(last.name), e)
		return
	}
	v.belongTo(t, last.name)
	t.add(&entry{key: last.name, at: last.at, value: v})
}

// belongTo names the tables of a value after the key that holds it.
func (v value) belongTo(t *table, key string) {
	if v.kind == group {
		v.table.parent, v.table.key = t, key
	}
	for _, item := range v.items {
		item.belongTo(t, key)
	}
}

func (r *reader) twice(at span, what string, first *entry) {
	if first.value.kind == unread {
		return
	}
	r.doc.fault(at, fmt.Sprintf("%s is given twice", what),
		fmt.Sprintf("it stands on line %d already; keep one", r.doc.lineNumber(first.at.start)))
}

// value converts a parsed value that starts at or, after blanks, behind from. go-toml gives no
// place for lists, so theirs is found by walking along their items.
func (r *reader) value(n *unstable.Node, from int) value {
	v := value{kind: kindOf(n.Kind), at: r.span(n), text: string(n.Data)}
	switch n.Kind {
	case unstable.Array:
		v.at.start = r.doc.skipBlank(from, true)
		end := v.at.start + 1
		for it := n.Children(); it.Next(); {
			item := r.value(it.Node(), end)
			v.items = append(v.items, item)
			end = item.at.end
		}
		v.at.end = r.doc.skipBlank(end, true) + 1
	case unstable.InlineTable:
		v.table = newTable(nil, "", v.at, inlined)
		end := v.at.start + 1
		for it := n.Children(); it.Next(); {
			r.keyValue(v.table, it.Node())
			end = r.span(it.Node()).end
		}
		v.at.end = r.doc.skipBlank(end, true) + 1
		v.table.at = v.at
	}
	return v
}

func kindOf(k unstable.Kind) kind {
	switch k {
	case unstable.String:
		return text
	case unstable.Bool:
		return boolean
	case unstable.Integer:
		return integer
	case unstable.Float:
		return float
	case unstable.Array:
		return list
	case unstable.InlineTable:
		return group
	default:
		return moment
	}
}

// before and after find the sign next to a key, which the parser has seen to be there.
func (r *reader) before(i int, sign byte) int {
	for i--; i > 0 && r.doc.text[i] != sign; i-- {
	}
	return max(i, 0)
}

func (r *reader) after(i int, sign byte) int {
	for i < len(r.doc.text) && r.doc.text[i] != sign {
		i++
	}
	return min(i+1, len(r.doc.text))
}
