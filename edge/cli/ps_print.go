package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"selvage/edge/meta"
)

// psColumns are the heads of the table; those with a > are of numbers, which stand to the right.
var psColumns = []string{"AGENT", "KIND", "STATE", ">BUSY", ">TURNS", ">MAIL", ">IN", ">OUT", ">RESTARTS", ">UP"}

// table are the rows for what is, and remembers it for the share of time since.
func (p *ps) table(now meta.Activities) [][]string {
	rows := [][]string{psColumns}
	was := p.was
	p.was = map[string]meta.Activity{}
	for _, a := range now.Agents {
		busy, past := time.Duration(a.Busy), now.At.Sub(a.Since)
		if before, known := was[a.URI]; known && before.Since.Equal(a.Since) && a.Busy >= before.Busy {
			busy, past = time.Duration(a.Busy-before.Busy), now.At.Sub(p.at)
		}
		p.was[a.URI] = a
		state := a.State
		if a.Turn > 0 {
			state = "running " + age(time.Duration(a.Turn))
		}
		mail := some(a.Mail)
		if a.MailBytes > 0 {
			mail += " " + strings.ReplaceAll(inBytes(float64(a.MailBytes), "B"), " ", "")
		}
		rows = append(rows, []string{
			printable(a.URI), printable(a.Kind), printable(state), share(busy, past), spent(time.Duration(a.Busy)), mail,
			some(a.Up), some(a.Down), some(int(a.Restarts)), age(max(now.At.Sub(a.Since), 0)),
		})
	}
	p.at = now.At
	return rows
}

// some is a number, or a dash for none, which is easier to look over.
func some(n int) string {
	if n == 0 {
		return "-"
	}
	return strconv.Itoa(n)
}

// share is a part of a time in percent.
func share(busy, past time.Duration) string {
	if past <= 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f%%", 100*float64(busy)/float64(past))
}

// spent is a time that was measured, with three digits.
func spent(d time.Duration) string {
	switch {
	case d == 0:
		return "-"
	case d < time.Millisecond:
		return strconv.Itoa(int(d/time.Microsecond)) + "µs"
	case d < time.Second:
		return strconv.FormatFloat(float64(d)/1e6, 'f', 1, 64) + "ms"
	case d < time.Minute:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + "s"
	}
	return age(d)
}

// age is a time in its two largest units.
func age(d time.Duration) string {
	d = d.Round(time.Second)
	const day = 24 * time.Hour
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d < day:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd%02dh", d/day, d%day/time.Hour)
}

// printTable aligns rows like printRows; the first row has the heads, which say how.
func printTable(w io.Writer, rows [][]string) error {
	wide := make([]int, len(rows[0]))
	right := make([]bool, len(rows[0]))
	var heads []string
	for i, head := range rows[0] {
		head, right[i] = strings.CutPrefix(head, ">")
		heads = append(heads, head)
	}
	rows = append([][]string{heads}, rows[1:]...)
	for _, row := range rows {
		for i, cell := range row {
			wide[i] = max(wide[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		line := ""
		for i, cell := range row {
			pad := strings.Repeat(" ", wide[i]-utf8.RuneCountInString(cell))
			if right[i] {
				line += pad + cell + "  "
			} else {
				line += cell + pad + "  "
			}
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (p *ps) printJSON(now meta.Activities) error {
	enc := json.NewEncoder(p.out)
	enc.SetEscapeHTML(false)
	for _, a := range now.Agents {
		err := enc.Encode(struct {
			Node      string    `json:"node"`
			Kind      string    `json:"kind"`
			State     string    `json:"state"`
			Turn      float64   `json:"turn,omitempty"` // s that a turn over its budget takes so far
			Busy      float64   `json:"busy"`           // s in turns since it was made
			Commands  uint64    `json:"commands"`
			Mail      int       `json:"mail"`
			MailBytes int       `json:"mailBytes"`
			LinksIn   int       `json:"linksIn"`
			LinksOut  int       `json:"linksOut"`
			Restarts  uint64    `json:"restarts"`
			Since     time.Time `json:"since"`
		}{
			a.URI, a.Kind, a.State, time.Duration(a.Turn).Seconds(), time.Duration(a.Busy).Seconds(), a.Commands,
			a.Mail, a.MailBytes, a.Up, a.Down, a.Restarts, a.Since,
		})
		if err != nil {
			return err
		}
	}
	return nil
}
