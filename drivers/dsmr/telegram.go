package dsmr

import (
	"bytes"
	"strconv"
	"strings"
)

// telegram is what a meter sends at a time.
type telegram struct {
	id      string // "ISk5\2MT382-1000"
	checked bool   // it has a CRC, which is right
	lines   []line
}

// line is an object and its values: code(value)(value)…
type line struct {
	code   string
	values []string
}

// value returns a value of an object and its unit.
func (t telegram) value(code string, at int) (text, unit string, ok bool) {
	for _, l := range t.lines {
		if l.code != code || at >= len(l.values) {
			continue
		}
		if text, unit, _ = strings.Cut(l.values[at], "*"); at == 6 && unit == "" {
			unit = l.values[5] // DSMR 3 has the unit in a value of its own
		}
		return text, unit, text != ""
	}
	return "", "", false
}

// telegramIn finds a whole telegram: from a slash to the end of the line that begins with an exclamation mark. One
// whose CRC is wrong is passed over, and so is one that lacks it where one is due: with checked, or if it says that it
// is of a version that has it.
func telegramIn(came []byte, checked bool) (t telegram, whole []byte) {
	for {
		start := bytes.IndexByte(came, '/')
		if start < 0 {
			return telegram{}, nil
		}
		came = came[start:]
		end := bytes.Index(came, []byte("\n!"))
		if end < 0 {
			return telegram{}, nil
		}
		body := came[:end+2]
		after := bytes.IndexByte(came[len(body):], '\n')
		if after < 0 {
			return telegram{}, nil
		}
		sum := strings.TrimSpace(string(came[len(body) : len(body)+after]))
		t, ok := parse(body)
		if t.checked = sum != ""; t.checked {
			got, err := strconv.ParseUint(sum, 16, 16)
			ok = ok && err == nil && uint16(got) == crc(body)
		} else {
			_, _, dutch := t.value("1-3:0.2.8", 0)
			_, _, belgian := t.value("0-0:96.1.4", 0)
			ok = ok && !checked && !dutch && !belgian
		}
		if ok {
			return t, came[:len(body)+after+1]
		}
		came = came[1:]
	}
}

// parse takes a telegram apart. Without a CRC all there is to tell noise by is that every line has its form.
func parse(body []byte) (t telegram, ok bool) {
	lines := strings.Split(string(body), "\n")
	t.id = strings.TrimSpace(strings.Map(printable, lines[0][1:]))
	if t.id == "" || len(lines) < 3 {
		return t, false
	}
	for _, text := range lines[1 : len(lines)-1] {
		text = strings.TrimRight(text, "\r")
		if text == "" {
			continue
		}
		code, rest, found := strings.Cut(text, "(")
		values := strings.Split(strings.TrimSuffix(rest, ")"), ")(")
		if !found || !strings.HasSuffix(rest, ")") || strings.ContainsAny(strings.Join(values, ""), "()") {
			return t, false
		}
		if code == "" && len(t.lines) > 0 { // DSMR 3 has a value in the line after its object
			last := &t.lines[len(t.lines)-1]
			last.values = append(last.values, values...)
			continue
		}
		code, _, _ = strings.Cut(code, "*")
		if !obisCode.MatchString(code) {
			return t, false
		}
		t.lines = append(t.lines, line{code, values})
	}
	return t, true
}

// printable drops what is none: some meters send the escaped digit of their speed as a control character.
func printable(r rune) rune {
	if r < ' ' || r > '~' {
		return -1
	}
	return r
}

// crc is CRC-16/ARC: polynomial x¹⁶+x¹⁵+x²+1, reflected, start 0, over all from the slash to the exclamation mark.
func crc(b []byte) (c uint16) {
	for _, v := range b {
		c ^= uint16(v)
		for range 8 {
			if c&1 == 1 {
				c = c>>1 ^ 0xA001
			} else {
				c >>= 1
			}
		}
	}
	return c
}
