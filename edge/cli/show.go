package cli

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"selvage/edge/device"
	"selvage/edge/recon"
)

// onLine writes a value for a person on one line, a record as "name: value, name: value".
func onLine(v recon.Value) string {
	rows := fields(v)
	if rows == nil {
		return strings.ReplaceAll(inWords(v), "\n", " ")
	}
	var parts []string
	for _, row := range rows {
		parts = append(parts, row[0]+": "+strings.ReplaceAll(row[1], "\n", " "))
	}
	return strings.Join(parts, ", ")
}

// inWords writes a value for a person, as it stands.
func inWords(v recon.Value) string {
	switch v.Kind() {
	case recon.KindAbsent, recon.KindExtant:
		return "(nothing)"
	case recon.KindText:
		s, _ := v.Text()
		return printable(s)
	case recon.KindRecord:
		if r, ok := reading(v); ok {
			return printable(r)
		}
	}
	return printable(v.String())
}

// readingOf reads a device's reading.
func readingOf(v recon.Value) (r device.Reading, ok bool) {
	ok = !v.Get("quality").IsAbsent() && r.LoadRecon(v) == nil
	return r, ok
}

// reading writes a device's reading as "21.5 °C", with a word on one that is in doubt.
func reading(v recon.Value) (string, bool) {
	r, ok := readingOf(v)
	if !ok {
		return "", false
	}
	return readingText(r), true
}

func readingText(r device.Reading) string {
	s := r.String()
	if (r.Unit == "By" || r.Unit == "By/s") && !r.Bad() {
		s = inBytes(r.Value, r.Unit.Symbol())
	}
	if r.Quality == device.Uncertain {
		s += " (uncertain: " + r.Reason + ")"
	}
	return s
}

// inBytes writes a number of bytes as "82.8 GB", in powers of 1000 as disks are sold.
func inBytes(n float64, symbol string) string {
	prefix := ""
	for _, p := range []string{"k", "M", "G", "T", "P"} {
		if math.Abs(n) < 1000 {
			break
		}
		n, prefix = n/1000, p
	}
	decimals := 0
	if prefix != "" && math.Abs(n) < 100 {
		decimals = 1
	}
	return fmt.Sprintf("%.*f %s%s", decimals, n, prefix, symbol)
}

// timeFields are the names under which hosts keep milliseconds since 1970.
var timeFields = map[string]bool{"at": true, "since": true, "created": true, "started": true, "lastGood": true}

// field writes the value of a record's field for a person.
func field(name string, v recon.Value) string {
	if ms, ok := v.Int(); ok && timeFields[name] && ms > 1e11 {
		return time.UnixMilli(ms).Format(time.DateTime)
	}
	return inWords(v)
}

// printable replaces what would move a terminal's cursor or worse; the text is anybody's.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) && r != '\n' && r != '\t' {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// print writes a lane's content for a person.
func (c content) print(w io.Writer) error {
	switch {
	case c.empty:
		_, err := fmt.Fprintln(w, "(empty)")
		return err
	case len(c.entries) > 0:
		rows := make([][]string, len(c.entries))
		for i, it := range c.entries {
			name := strconv.Itoa(i)
			if it.IsField() {
				name = onLine(it.Key)
			}
			rows[i] = []string{name, onLine(it.Value)}
		}
		return printRows(w, rows)
	}
	if rows := fields(c.value); rows != nil {
		return printRows(w, rows)
	}
	_, err := fmt.Fprintln(w, inWords(c.value))
	return err
}

// printJSON writes a lane's content behind what is said about it, as one JSON object on a line.
func (c content) printJSON(w io.Writer, about ...recon.Item) error {
	if !c.empty || !c.list {
		return printJSON(w, append(about, recon.Field("value", c.all()))...)
	}
	text := recon.AppendJSON(nil, recon.Record(about...))
	_, err := fmt.Fprintf(w, "%s,\"value\":[]}\n", text[:len(text)-1]) // Recon has one empty record, JSON two
	return err
}

// fields returns the rows of a record that is all fields, nil for any other value and for a reading.
func fields(v recon.Value) [][]string {
	if _, ok := reading(v); ok {
		return nil
	}
	var rows [][]string
	for _, it := range v.Items() {
		name, ok := it.Key.Text()
		if !ok || it.Kind != recon.SlotItem {
			return nil
		}
		rows = append(rows, []string{printable(name), field(name, it.Value)})
	}
	return rows
}

// printRows aligns the cells of rows, two spaces apart.
func printRows(w io.Writer, rows [][]string) error {
	var wide []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(wide) {
				wide = append(wide, 0)
			}
			wide[i] = max(wide[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		line := ""
		for i, cell := range row {
			line += cell + strings.Repeat(" ", wide[i]-utf8.RuneCountInString(cell)+2)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// printJSON writes the fields as one JSON object on a line.
func printJSON(w io.Writer, fields ...recon.Item) error {
	_, err := fmt.Fprintf(w, "%s\n", recon.AppendJSON(nil, recon.Record(fields...)))
	return err
}
