package series

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// A template is a body with its numbers taken out (after CLP: Rodrigues, Luo and Yuan, OSDI 2021). A
// byte that no UTF-8 text has stands for each; a body that has it is kept whole.
const slot = 0xff

const (
	// maxColumns bounds the numbers of all templates of a block together. Bodies whose numbers would
	// need more columns are kept whole.
	maxColumns = 256

	// maxShared bounds how many bytes templates take from others, so that a small block cannot make
	// a large text.
	maxShared = 1 << 18
)

// template is one template of a block that is being packed.
type template struct {
	text   []byte
	slots  []int32 // where they are in text
	column int     // of the first slot
	points int
}

// templates has the templates of a block that is being packed, and the columns of their numbers.
type templates struct {
	all     []template
	byText  map[string]int // key: text, behind it 1 if it has slots, else 0
	columns []numbers
	used    int // columns
	found   []number
	places  []int32
	key     []byte
}

// put takes a body apart and returns the number of its template. after is that of the point before,
// which most likely has the same; -1 for none.
func (t *templates) put(body []byte, after int) int {
	if after >= 0 && t.matches(&t.all[after], body) {
		return t.add(after)
	}
	t.split(body)
	id, known := t.byText[string(t.key)]
	if !known && len(t.found) > maxColumns-t.used {
		t.whole(body)
		id, known = t.byText[string(t.key)]
	}
	if !known {
		id = t.create()
	}
	return t.add(id)
}

// add puts the numbers found into the columns of a template.
func (t *templates) add(id int) int {
	tm := &t.all[id]
	tm.points++
	for i, n := range t.found {
		c := &t.columns[tm.column+i]
		c.mantissas, c.layouts = append(c.mantissas, n.mantissa), append(c.layouts, n.layout)
	}
	return id
}

// matches tells whether body is the template with numbers in its slots, which it finds.
func (t *templates) matches(tm *template, body []byte) bool {
	t.found = t.found[:0]
	from := int32(0)
	for _, s := range tm.slots {
		words := tm.text[from:s]
		if len(body) < len(words) || string(body[:len(words)]) != string(words) {
			return false
		}
		body = body[len(words):]
		n, size := scanNumber(body)
		if size == 0 {
			return false
		}
		t.found = append(t.found, n)
		body, from = body[size:], s+1
	}
	return string(body) == string(tm.text[from:])
}

// split finds the numbers in body that are words of their own, not part of a name, an address or a
// version, and the key of its template.
func (t *templates) split(body []byte) {
	t.key, t.found, t.places = t.key[:0], t.found[:0], t.places[:0]
	for i := 0; i < len(body); {
		switch c := body[i]; {
		case c == slot:
			t.whole(body)
			return
		case isDigit(c) || c == '-':
			n, size := scanNumber(body[i:])
			if size > 0 && (i+size == len(body) || !inWord(body[i+size])) {
				t.places = append(t.places, int32(len(t.key)))
				t.key, t.found = append(t.key, slot), append(t.found, n)
				i += size
				continue
			}
			if c == '-' {
				t.key = append(t.key, c)
				i++
				continue
			}
			fallthrough
		case inWord(c):
			start := i
			for i < len(body) && inWord(body[i]) {
				i++
			}
			t.key = append(t.key, body[start:i]...)
		default:
			t.key = append(t.key, c)
			i++
		}
	}
	t.key = append(t.key, 1)
	if len(t.found) == 0 {
		t.key[len(t.key)-1] = 0
	}
}

func inWord(c byte) bool {
	return c-'0' < 10 || c|0x20-'a' < 26 || c == '_' || c == '.' || c >= 0x80 && c != slot
}

func (t *templates) whole(body []byte) {
	t.found, t.places = t.found[:0], t.places[:0]
	t.key = append(append(t.key[:0], body...), 0)
}

func (t *templates) create() int {
	id := len(t.all)
	t.byText[string(t.key)] = id
	if id < cap(t.all) {
		t.all = t.all[:id+1]
	} else {
		t.all = append(t.all, template{})
	}
	tm := &t.all[id]
	tm.text = append(tm.text[:0], t.key[:len(t.key)-1]...)
	tm.slots = append(tm.slots[:0], t.places...)
	tm.column, tm.points = t.used, 0
	t.used += len(t.places)
	for len(t.columns) < t.used {
		t.columns = append(t.columns, numbers{})
	}
	for i := range t.columns[tm.column:t.used] {
		c := &t.columns[tm.column+i]
		c.mantissas, c.layouts = c.mantissas[:0], c.layouts[:0]
	}
	return id
}

func (t *templates) reset() {
	t.all, t.used = t.all[:0], 0
	clear(t.byText)
}

// appendTexts writes the templates: points and slots of each, how many bytes at the start and
// the end are those of the one before, and what is between.
func (t *templates) appendTexts(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(t.all)))
	var before []byte
	shared := 0
	for i := range t.all {
		tm := &t.all[i]
		head, tail := common(before, tm.text)
		if shared+head+tail > maxShared {
			head, tail = 0, 0
		}
		shared += head + tail
		dst = binary.AppendUvarint(dst, uint64(tm.points))
		for _, n := range [...]int{len(tm.slots), head, tail, len(tm.text) - head - tail} {
			dst = binary.AppendUvarint(dst, uint64(n))
		}
		dst = append(dst, tm.text[head:len(tm.text)-tail]...)
		before = tm.text
	}
	return dst
}

// common returns how many bytes a and b share at their start, and behind that at their end.
func common(a, b []byte) (head, tail int) {
	n := min(len(a), len(b))
	for head < n && a[head] == b[head] {
		head++
	}
	for tail < n-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	return head, tail
}

// form is a template of a block that is being read.
type form struct {
	words  [][]byte // before each number, and behind the last
	column int      // of the first number
	points int
}

// texts reads what appendTexts wrote.
func (p *parser) texts(points int) (all []form, columns int) {
	count := p.count("templates", points)
	all = make([]form, 0, min(count, len(p.rest)))
	var before []byte
	shared := 0
	for range count {
		f := form{points: p.count("points of a template", points), column: columns}
		slots := p.count("numbers", maxColumns-columns)
		head := p.count("shared bytes", len(before))
		tail := p.count("shared bytes", len(before)-head)
		text := p.take(p.count("bytes of a template", len(p.rest)))
		if shared += head + tail; shared > maxShared {
			p.fail("the templates share more than %d bytes", maxShared)
		}
		if p.err != nil {
			return nil, 0
		}
		if head+tail > 0 {
			text = slices.Concat(before[:head], text, before[len(before)-tail:])
		}
		before = text
		f.words = make([][]byte, 0, slots+1)
		for range slots {
			at := bytes.IndexByte(text, slot)
			if at < 0 {
				p.fail("a template has fewer places than the %d numbers it says", slots)
				return nil, 0
			}
			f.words, text = append(f.words, text[:at]), text[at+1:]
		}
		f.words = append(f.words, text)
		all, columns = append(all, f), columns+slots
	}
	return all, columns
}

// numbers returns the columns of the template's numbers.
func (f *form) numbers(columns []numberColumn) []numberColumn {
	return columns[f.column : f.column+len(f.words)-1]
}

// appendBody appends the words and numbers of one body.
func (f *form) appendBody(dst []byte, columns []numberColumn, wall, mono int64) []byte {
	columns = f.numbers(columns)
	for i := range columns {
		dst = append(dst, f.words[i]...)
		dst = columns[i].next(wall, mono).append(dst)
	}
	return append(dst, f.words[len(columns)]...)
}
