package config

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Fault is one thing wrong with a config file: where, what, and what would be right.
// Its JSON form is for tools.
type Fault struct {
	File    string `json:"file"`
	Line    int    `json:"line,omitempty"` // from 1; 0 when the file as a whole is at fault
	Col     int    `json:"col,omitempty"`  // from 1, in characters
	Len     int    `json:"len,omitempty"`  // in characters, at least 1, never past the line
	Source  string `json:"source,omitempty"`
	Problem string `json:"problem"`
	Remedy  string `json:"remedy,omitempty"`
}

// Faults are all faults of one file, in the order they stand in it.
type Faults []Fault

// Error prints the faults for a person: each with its place, its line and its remedy.
func (fs Faults) Error() string {
	var b strings.Builder
	for _, f := range fs {
		f.print(&b)
	}
	if len(fs) == 1 {
		b.WriteString("1 fault; nothing was started.")
	} else {
		fmt.Fprintf(&b, "%d faults; nothing was started.", len(fs))
	}
	return b.String()
}

func (f Fault) print(b *strings.Builder) {
	if f.Line == 0 {
		fmt.Fprintf(b, "%s: %s\n", f.File, f.Problem)
		if f.Remedy != "" {
			fmt.Fprintf(b, "     %s\n", f.Remedy)
		}
		return
	}
	fmt.Fprintf(b, "%s:%d:%d: %s\n", f.File, f.Line, f.Col, f.Problem)
	number := fmt.Sprintf("%4d", f.Line)
	source, col := window(f.Source, f.Col)
	fmt.Fprintf(b, "%s | %s\n", number, source)

	// Tabs before the place are kept, so that the mark stands under it at any tab width.
	indent := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, firstRunes(source, col-1))
	width := max(1, min(f.Len, utf8.RuneCountInString(source)-col+1))
	mark := strings.Repeat(" ", len(number)) + " | " + indent + strings.Repeat("^", width)
	if f.Remedy != "" {
		mark += " " + f.Remedy
	}
	b.WriteString(mark + "\n")
}

// window cuts a long line to what fits on a terminal around the place.
func window(line string, col int) (string, int) {
	const wide, before = 120, 40
	if utf8.RuneCountInString(line) <= wide {
		return line, col
	}
	cut := ""
	if from := col - 1 - before; from > 0 {
		line = line[len(firstRunes(line, from)):]
		cut, col = "…", before+2
	}
	if short := firstRunes(line, wide); len(short) < len(line) {
		line = short + "…"
	}
	return cut + line, col
}

// printable makes a line of unknown origin safe for a terminal, one character for each, so
// that columns stay true.
func printable(line []byte) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, string(line))
}

func firstRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

var _ error = Faults(nil)
