package cli

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"selvage/edge/recon"
)

// logRecord is what an agent logged, or its panic.
type logRecord struct {
	at    time.Time
	level string
	node  string
	text  string
	attrs []recon.Item // fields
	stack []recon.Item // of a panic, the innermost call first
}

// readRecord reads what a log lane says: @info(time:…,node:…) and a text, or a record of a text and fields; of a
// panic @fail(time:…)@exception(…), then @at(class:,method:,file:,line:) for each call. Other hosts may log
// any value, which is then the text.
func readRecord(body []byte) (r logRecord, err error) {
	v, err := recon.Parse(body)
	if err != nil {
		return r, err
	}
	r.at, r.level = time.Now(), v.Tag()
	head := v.Header(r.level)
	if ms, ok := head.Get("time").Int(); ok {
		r.at = time.UnixMilli(ms)
	}
	r.node, _ = head.Get("node").Text()
	var text []string
	if r.level == "" {
		text = append(text, onLine(v))
	}
	for _, it := range v.Items()[min(1, v.Len()):] {
		if it.Kind == recon.AttrItem {
			if key, _ := it.Key.Text(); key == "exception" {
				text = append(text, "panic: "+inWords(it.Value))
			}
			continue
		}
		if it.IsField() {
			r.attrs = append(r.attrs, it)
			continue
		}
		if it.Value.Tag() == "at" {
			head := it.Value.Header("at")
			r.stack = append(r.stack, recon.Of(head))
			continue
		}
		text = append(text, inWords(it.Value))
	}
	r.text = strings.Join(text, " ")
	return r, nil
}

// logPrinter writes records, with the nodes in a column as wide as they have been so far.
type logPrinter struct {
	*env
	colored bool
	wide    int
}

// print writes a record of a log lane; of is the node whose log it is, "" for that of a host.
func (p *logPrinter) print(body []byte, of string) error {
	r, err := readRecord(body)
	if err != nil {
		return err
	}
	if p.json {
		if r.node == "" {
			r.node = of
		}
		return r.printJSON(p.out)
	}
	var b strings.Builder
	b.WriteString(r.at.Local().Format("15:04:05.000") + "  ")
	b.WriteString(p.paint(r.level, fmt.Sprintf("%-5s", r.level)) + "  ")
	if of == "" {
		const widest = 24
		node := printable(r.node)
		p.wide = max(p.wide, min(utf8.RuneCountInString(node), widest))
		b.WriteString(node + strings.Repeat(" ", max(p.wide-utf8.RuneCountInString(node), 0)) + "  ")
	}
	b.WriteString(strings.ReplaceAll(printable(r.text), "\n", "\n    "))
	for _, a := range r.attrs {
		b.WriteString("  " + p.paint("debug", inWords(a.Key)+"=") + attrText(a.Value))
	}
	b.WriteByte('\n')
	for _, call := range r.stack {
		at := call.Value
		class, _ := at.Get("class").Text()
		method, _ := at.Get("method").Text()
		file, _ := at.Get("file").Text()
		line, _ := at.Get("line").Int()
		fmt.Fprintf(&b, "    %s\n", p.paint("debug", printable(fmt.Sprintf("%s.%s  %s:%d", class, method, file, line))))
	}
	_, err = io.WriteString(p.out, b.String())
	return err
}

// attrText writes a field's value in quotes if it would not be read as one otherwise.
func attrText(v recon.Value) string {
	s := inWords(v)
	if text, ok := v.Text(); ok && (text == "" || strings.ContainsAny(text, " \t\n\"=")) {
		return strconv.Quote(text)
	}
	return s
}

func (r logRecord) printJSON(w io.Writer) error {
	line := []recon.Item{
		recon.Field("time", recon.String(r.at.Format(time.RFC3339Nano))), recon.Field("level", recon.String(r.level)),
		recon.Field("node", recon.String(r.node)), recon.Field("text", recon.String(r.text)),
	}
	if r.attrs != nil {
		line = append(line, recon.Field("attrs", recon.Record(r.attrs...)))
	}
	if r.stack != nil {
		line = append(line, recon.Field("stack", recon.Record(r.stack...)))
	}
	return printJSON(w, line...)
}

// colors are those of a terminal, by level. What is usual has none.
var colors = map[string]string{"trace": "2", "debug": "2", "warn": "33", "error": "31", "fail": "1;31"}

func (p *logPrinter) paint(level, s string) string {
	if c := colors[level]; p.colored && c != "" {
		return "\x1b[" + c + "m" + s + "\x1b[0m"
	}
	return s
}

// colored reports whether what is written there may be colored: a terminal, and nobody said no (no-color.org).
func colored(w io.Writer) bool {
	return isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
