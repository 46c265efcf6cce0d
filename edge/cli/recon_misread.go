package cli

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"selvage/edge/recon"
)

// misread is a place where a text cannot be read.
type misread struct {
	line, col int // from 1, col in characters; 0 if unknown
	problem   string
}

func (m misread) place() string {
	switch {
	case m.line == 0:
		return ""
	case m.col == 0:
		return fmt.Sprintf(":%d", m.line)
	}
	return fmt.Sprintf(":%d:%d", m.line, m.col)
}

// excerpt shows the line of the text with a mark below the place.
func (m misread) excerpt(text []byte) string {
	if m.line == 0 || m.col == 0 {
		return ""
	}
	const wide, before = 100, 40 // characters, of the line and of what is shown before the place
	line := []rune(printable(strings.ToValidUTF8(lineOf(text, m.line), "\uFFFD")))
	at := min(m.col-1, len(line))
	cut := ""
	if at > before && len(line) > wide {
		line, at, cut = line[at-before:], before+1, "…"
	}
	if len(line) > wide {
		line = append(line[:wide:wide], '…')
	}
	shown := cut + string(line)
	indent := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r // so that the mark stands right at any tab width
		}
		return ' '
	}, string([]rune(shown)[:at]))
	number := fmt.Sprintf("%4d", m.line)
	return fmt.Sprintf("%s | %s\n%*s | %s^\n", number, shown, len(number), "", indent)
}

// lineOf returns line n of a text, from 1. Lines end as they do for recon.SyntaxError.
func lineOf(text []byte, n int) string {
	for {
		end := bytes.IndexAny(text, "\r\n")
		line := text
		if end >= 0 {
			line = text[:end]
		}
		if n--; n == 0 || end < 0 {
			return string(line)
		}
		if bytes.HasPrefix(text[end:], []byte("\r\n")) {
			end++
		}
		text = text[end+1:]
	}
}

// isMisread reports whether err is about the text, rather than about reading it from somewhere.
func isMisread(err error) bool {
	var syntax *recon.SyntaxError
	var inJSON *recon.JSONError
	return errors.As(err, &syntax) || errors.As(err, &inJSON) || errors.Is(err, errLongLine)
}

// findMisread finds the place of an error in a text.
func findMisread(err error) misread {
	var syntax *recon.SyntaxError
	var inJSON *recon.JSONError
	switch {
	case errors.As(err, &inJSON):
		return misread{inJSON.Line, inJSON.Col, inJSON.Err.Error()}
	case errors.As(err, &syntax):
		return misread{syntax.Line, syntax.Col, fmt.Sprintf("read %s, want %s", syntax.Read, syntax.Want)}
	}
	return misread{problem: err.Error()}
}

// jsonLines reads lines of JSON.
type jsonLines struct {
	src  *bufio.Reader
	line int
	text []byte
}

var errLongLine = fmt.Errorf("the line has more than %s", inBytes(float64(recon.DefaultLimits.Bytes), "B"))

// next returns the value of the next line that is not blank, and the number of the line. Its error is a
// *recon.JSONError or errLongLine, io.EOF at the end, or that of the source.
func (l *jsonLines) next() (recon.Value, int, error) {
	for {
		whole, err := l.read()
		if err != nil && err != io.EOF {
			return recon.Value{}, l.line, err
		}
		if text := bytes.TrimRight(l.text, " \t\r\n"); len(text) > 0 {
			if !whole || len(text) > recon.DefaultLimits.Bytes {
				return recon.Value{}, l.line, errLongLine
			}
			v, err := recon.ParseJSON(text)
			return v, l.line, err
		}
		if err != nil {
			return recon.Value{}, l.line, err
		}
	}
}

// read reads a line into l.text, or as much of it as a value may have. An error may come with text.
func (l *jsonLines) read() (whole bool, err error) {
	l.text, whole = l.text[:0], true
	l.line++
	for {
		part, err := l.src.ReadSlice('\n')
		if len(l.text)+len(part) <= recon.DefaultLimits.Bytes+len("\r\n") {
			l.text = append(l.text, part...)
		} else {
			whole = false
		}
		if err != bufio.ErrBufferFull {
			return whole, err
		}
	}
}
