package command

import (
	"bytes"
	"strings"
)

// bounded keeps what a program writes, and says once that it is too much.
type bounded struct {
	most int
	over func()
	text bytes.Buffer
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.text.Len()+len(p) > b.most {
		b.over()
		return 0, errLong
	}
	return b.text.Write(p)
}

// tail keeps the end of what a program writes.
type tail struct {
	most int
	text []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p...)
	if over := len(t.text) - t.most; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(p), nil
}

// last is the last line that says something, behind what leads to it; "" if there is none.
func (t *tail) last(lead string) string {
	lines := strings.FieldsFunc(string(t.text), func(r rune) bool { return r == '\n' || r == '\r' })
	for i := len(lines) - 1; i >= 0; i-- {
		line := strings.TrimSpace(strings.ToValidUTF8(strings.Map(printable, lines[i]), "?"))
		if line == "" {
			continue
		}
		if len(line) > said {
			line = strings.ToValidUTF8(line[:said], "") + "…"
		}
		return lead + line
	}
	return ""
}

// printable leaves control characters out, which may do things to a terminal.
func printable(r rune) rune {
	if r < ' ' && r != '\t' || r == 0x7F || r >= 0x80 && r < 0xA0 {
		return -1
	}
	return r
}
