package config

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// document is a TOML text as a tree in which everything knows its place.
type document struct {
	name     string
	text     []byte
	lines    []int // offset of the start of each line
	root     *table
	nameless bool // a table's header could not be read, so some names are unknown
	faults   []found
}

// found is a fault before its place has been looked up.
type found struct {
	at              span
	problem, remedy string
}

// span is a stretch of the text, in bytes.
type span struct{ start, end int }

// table is a TOML table, however it was written.
type table struct {
	parent  *table
	key     string // its name in parent
	at      span   // its header, or its key
	origin  origin
	broken  bool // part of it could not be read, so nothing is known to be missing
	entries []*entry
	index   map[string]*entry
}

// origin says how a table came to be, which decides who may still add to it.
type origin uint8

const (
	implied  origin = iota // by a longer header: [a.b] implies a
	headed                 // by its own header
	dotted                 // by a dotted key
	inlined                // by { … }, closed for good
	detached               // read but part of nothing, after a fault in its header
)

// entry is one key with its value.
type entry struct {
	key   string
	at    span
	value value
	bad   bool // a fault was already placed in it
}

// value is what a key holds.
type value struct {
	kind  kind
	at    span
	text  string  // text: without quotes and escapes; numbers and dates: as written
	items []value // of a list
	table *table  // of a group
	open  bool    // a list written as [[…]] headers, which may still grow
}

type kind uint8

const (
	text kind = iota
	boolean
	integer
	float
	moment // any of TOML's dates and times
	list
	group
	unread // a syntax fault was already placed here
)

func newDocument(name string, content []byte) *document {
	d := &document{name: name, text: content, lines: []int{0}}
	for i, c := range content {
		if c == '\n' {
			d.lines = append(d.lines, i+1)
		}
	}
	d.root = newTable(nil, "", span{}, headed)
	return d
}

func newTable(parent *table, key string, at span, o origin) *table {
	return &table{parent: parent, key: key, at: at, origin: o, index: map[string]*entry{}}
}

// name is the table's name as its header has it: device.air.
func (t *table) name() string {
	var path []string
	for ; t.parent != nil; t = t.parent {
		path = append(path, quoteKey(t.key))
	}
	slices.Reverse(path)
	return strings.Join(path, ".")
}

// nameOf is the full name of a key in the table.
func (t *table) nameOf(key string) string {
	if name := t.name(); name != "" {
		return name + "." + quoteKey(key)
	}
	return quoteKey(key)
}

func (t *table) get(key string) *entry { return t.index[key] }

func (t *table) add(e *entry) {
	t.entries = append(t.entries, e)
	t.index[e.key] = e
}

// find follows a key, dotted where it leads into tables below.
func (t *table) find(key string) *entry {
	if e := t.get(key); e != nil {
		return e
	}
	for i := range len(key) { // a name may have dots of its own
		if key[i] != '.' {
			continue
		}
		if e := t.get(key[:i]); e != nil && e.value.kind == group {
			if found := e.value.table.find(key[i+1:]); found != nil {
				return found
			}
		}
	}
	return nil
}

// readable reports whether it is known what the table says under a key, or that it says nothing.
func (t *table) readable(key string) bool {
	e := t.get(key)
	if e == nil {
		return !t.broken
	}
	return !e.bad && e.value.kind != unread
}

// lineOf returns the index of the line an offset falls on.
func (d *document) lineOf(offset int) int {
	return sort.SearchInts(d.lines, offset+1) - 1
}

// line returns where a line starts and where its text ends.
func (d *document) line(i int) span {
	s := span{d.lines[i], len(d.text)}
	if i+1 < len(d.lines) {
		s.end = d.lines[i+1] - 1
	}
	if s.end > s.start && d.text[s.end-1] == '\r' {
		s.end--
	}
	return s
}

// lineNumber is what people call the line of an offset.
func (d *document) lineNumber(offset int) int { return d.lineOf(offset) + 1 }

func (d *document) source(s span) string { return string(d.text[s.start:s.end]) }

// at makes a fault of a place and words. A place over several lines is marked on its first.
func (d *document) at(s span, problem, remedy string) Fault {
	i := d.lineOf(s.start)
	line := d.line(i)
	start := min(s.start, line.end)
	for start > line.start && start < line.end && !utf8.RuneStart(d.text[start]) {
		start-- // the TOML parser may point into a character
	}
	end := min(s.end, line.end)
	source, hidden := d.discreetLine(i)
	return Fault{
		File:    d.name,
		Line:    i + 1,
		Col:     utf8.RuneCount(d.text[line.start:start]) + 1,
		Len:     max(1, utf8.RuneCount(d.text[start:max(start, end)])),
		Source:  source,
		Problem: unsaid(problem, hidden),
		Remedy:  unsaid(remedy, hidden),
	}
}

func (d *document) fault(s span, problem, remedy string) {
	d.faults = append(d.faults, found{s, problem, remedy})
}

// maxFaults are as many as anybody reads.
const maxFaults = 100

// sorted returns the faults in the order they stand in the text.
func (d *document) sorted() Faults {
	slices.SortStableFunc(d.faults, func(a, b found) int { return cmp.Compare(a.at.start, b.at.start) })
	var fs Faults
	for i, f := range d.faults {
		if i == maxFaults {
			return append(fs, Fault{File: d.name, Problem: fmt.Sprintf("has %d more", len(d.faults)-i)})
		}
		fs = append(fs, d.at(f.at, f.problem, f.remedy))
	}
	return fs
}

// faultIn places a fault at an entry's value and remembers that it has one.
func (d *document) faultIn(e *entry, problem, remedy string) {
	e.bad = true
	d.fault(e.value.at, problem, remedy)
}

// skipBlank returns the offset of the next byte that is not white space or part of a comment;
// commas too are skipped inside lists.
func (d *document) skipBlank(i int, commas bool) int {
	for i < len(d.text) {
		switch c := d.text[i]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || commas && c == ',':
			i++
		case c == '#':
			n := bytes.IndexByte(d.text[i:], '\n')
			if n < 0 {
				return len(d.text)
			}
			i += n
		default:
			return i
		}
	}
	return i
}

// quoteKey writes one part of a key as TOML would have it.
func quoteKey(key string) string {
	for _, c := range []byte(key) {
		if !isBare(c) {
			return strconv.Quote(key)
		}
	}
	if key == "" {
		return `""`
	}
	return key
}

func isBare(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}
