package form

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"

	"selvage/edge/jsonpath"
)

// maxLines is how many lines of one message are read.
const maxLines = 1000

// Timestamp is the member of what Influx gives that says when it was, in milliseconds since 1970.
const Timestamp = "timestamp"

// Influx reads the InfluxDB line protocol: an object for each line, which has its tags, its fields, "measurement" and
// perhaps Timestamp. Of two with one name that counts which stands later in the line. Lines that are good are
// returned also if others are not; err is of the first of those.
func Influx(raw []byte) (lines [][]byte, err error) {
	p := influx{rest: raw}
	for n := 1; ; n++ {
		p.rest = bytes.TrimLeft(p.rest, " \t\r\n")
		switch {
		case len(p.rest) == 0 && lines == nil && err == nil:
			return nil, errors.New("there is no line in it")
		case len(p.rest) == 0:
			return lines, err
		case n > maxLines:
			return lines, fmt.Errorf("it has more than %d lines", maxLines)
		}
		if p.rest[0] == '#' { // a comment
			p.skipLine()
			continue
		}
		line, bad := p.line()
		if bad != nil {
			p.skipLine()
			if err == nil {
				err = fmt.Errorf("line %d: %w", n, bad)
			}
			continue
		}
		lines = append(lines, line)
	}
}

type influx struct{ rest []byte }

func (p *influx) skipLine() {
	_, p.rest, _ = bytes.Cut(p.rest, []byte("\n"))
}

// line reads measurement,tag=value field=value timestamp.
func (p *influx) line() ([]byte, error) {
	var o object
	name := p.name(", ")
	if len(name) == 0 {
		return nil, errors.New("it has no measurement")
	}
	o.add([]byte("measurement"), quote(name))
	for p.take(',') {
		key := p.name("=")
		if len(key) == 0 || !p.take('=') {
			return nil, errors.New("a tag has no =")
		}
		o.add(key, quote(p.name(", ")))
	}
	p.spaces()
	for more := true; more; more = p.take(',') {
		key := p.name("=")
		if len(key) == 0 || !p.take('=') {
			return nil, errors.New("a field has no =")
		}
		value, err := p.value()
		if err != nil {
			return nil, fmt.Errorf("the field %.40q: %w", key, err)
		}
		o.add(key, value)
	}
	p.spaces()
	stamp := p.word()
	if len(stamp) > 0 {
		n, err := strconv.ParseInt(string(stamp), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%.40q is no timestamp", stamp)
		}
		o.add([]byte(Timestamp), strconv.AppendInt(nil, millis(n), 10))
	}
	p.spaces()
	if len(p.rest) > 0 && p.rest[0] != '\n' {
		return nil, errors.New("something follows its timestamp")
	}
	return o.end(), nil
}

// millis reads a timestamp of unknown precision by its size: each of the four has the years from 1973 to 5138 for
// itself.
func millis(n int64) int64 {
	switch size := math.Abs(float64(n)); {
	case size < 1e11:
		return n * 1000
	case size < 1e14:
		return n
	case size < 1e17:
		return n / 1000
	}
	return n / 1_000_000
}

func (p *influx) take(c byte) bool {
	if len(p.rest) == 0 || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

func (p *influx) spaces() { p.rest = bytes.TrimLeft(p.rest, " \t\r") }

// name reads up to one of ends. A backslash before a comma, an equals sign or a space takes away what that means.
func (p *influx) name(ends string) (name []byte) {
	for i := 0; i < len(p.rest); i++ {
		c := p.rest[i]
		if c == '\\' && i+1 < len(p.rest) && bytes.IndexByte([]byte(",= "), p.rest[i+1]) >= 0 {
			i++
			c = p.rest[i]
		} else if c == '\n' || c == ' ' || bytes.IndexByte([]byte(ends), c) >= 0 {
			p.rest = p.rest[i:]
			return name
		}
		name = append(name, c)
	}
	p.rest = nil
	return name
}

// word reads up to a comma or the end of the section.
func (p *influx) word() []byte {
	end := bytes.IndexAny(p.rest, ", \t\r\n")
	if end < 0 {
		end = len(p.rest)
	}
	w := p.rest[:end]
	p.rest = p.rest[end:]
	return w
}

// value reads a field's value and writes it as JSON.
func (p *influx) value() ([]byte, error) {
	if p.take('"') {
		return p.text()
	}
	w := string(p.word())
	switch w {
	case "t", "T", "true", "True", "TRUE":
		return []byte("true"), nil
	case "f", "F", "false", "False", "FALSE":
		return []byte("false"), nil
	case "":
		return nil, errors.New("it has no value")
	}
	digits := w[:len(w)-1]
	switch w[len(w)-1] {
	case 'i':
		if n, err := strconv.ParseInt(digits, 10, 64); err == nil {
			return strconv.AppendInt(nil, n, 10), nil
		}
	case 'u':
		if n, err := strconv.ParseUint(digits, 10, 64); err == nil {
			return strconv.AppendUint(nil, n, 10), nil
		}
	default:
		if f, ok := jsonpath.Number([]byte(w)); ok {
			return strconv.AppendFloat(nil, f, 'g', -1, 64), nil
		}
	}
	return nil, fmt.Errorf("%.40q is no value; a text stands in quotes", w)
}

// text reads what stands between quotes, in which \" and \\ are a quote and a backslash.
func (p *influx) text() ([]byte, error) {
	var text []byte
	for i := 0; i < len(p.rest); i++ {
		c := p.rest[i]
		switch {
		case c == '"':
			p.rest = p.rest[i+1:]
			return quote(text), nil
		case c == '\\' && i+1 < len(p.rest) && (p.rest[i+1] == '"' || p.rest[i+1] == '\\'):
			i++
			c = p.rest[i]
		}
		text = append(text, c)
	}
	return nil, errors.New("a quote has no end")
}
