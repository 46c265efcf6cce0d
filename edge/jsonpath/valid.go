package jsonpath

// maxDepth is how deep lists and objects may be nested; what devices send has three or four levels.
const maxDepth = 100

// Valid tells whether text is one JSON value (RFC 8259) of bearable depth. encoding/json.Valid takes
// five times as long, more than all else that finding a value in a message costs.
func Valid(text []byte) bool {
	c := checker{text: text}
	return c.value(0) && c.next() == 0 && c.at == len(text)
}

// First returns the JSON value that text begins with, whatever follows it; nil if there is none.
func First(text []byte) []byte {
	c := checker{text: text}
	if !c.value(0) {
		return nil
	}
	return text[:c.at]
}

// checker reads a text from a place on.
type checker struct {
	text []byte
	at   int
}

// next goes to the next character that is not white space, and returns it; 0 at the end.
func (c *checker) next() byte {
	for c.at < len(c.text) {
		switch b := c.text[c.at]; b {
		case ' ', '\t', '\r', '\n':
			c.at++
		default:
			return b
		}
	}
	return 0
}

func (c *checker) value(depth int) bool {
	switch c.next() {
	case '{':
		return c.items('}', depth, true)
	case '[':
		return c.items(']', depth, false)
	case '"':
		return c.quoted()
	case 't':
		return c.word("true")
	case 'f':
		return c.word("false")
	case 'n':
		return c.word("null")
	}
	return c.number()
}

// items reads a list, or an object with names, up to its end.
func (c *checker) items(end byte, depth int, named bool) bool {
	if depth == maxDepth {
		return false
	}
	c.at++
	if c.next() == end {
		c.at++
		return true
	}
	for {
		if named {
			if c.next() != '"' || !c.quoted() || c.next() != ':' {
				return false
			}
			c.at++
		}
		if !c.value(depth + 1) {
			return false
		}
		b := c.next()
		c.at++
		if b != ',' {
			return b == end
		}
	}
}

func (c *checker) quoted() bool {
	for i := c.at + 1; i < len(c.text); i++ {
		switch b := c.text[i]; {
		case b == '"':
			c.at = i + 1
			return true
		case b < ' ':
			return false
		case b == '\\':
			if i++; i == len(c.text) {
				return false
			}
			switch c.text[i] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				for range 4 {
					if i++; i == len(c.text) || !isHex(c.text[i]) {
						return false
					}
				}
			default:
				return false
			}
		}
	}
	return false
}

func isHex(b byte) bool { return isDigit(b) || b|0x20 >= 'a' && b|0x20 <= 'f' }

func isDigit(b byte) bool { return b-'0' <= 9 }

func (c *checker) word(w string) bool {
	if len(c.text)-c.at < len(w) || string(c.text[c.at:c.at+len(w)]) != w {
		return false
	}
	c.at += len(w)
	return true
}

func (c *checker) number() bool {
	c.skip("-")
	if !c.skip("0") && !c.digits() {
		return false
	}
	if c.skip(".") && !c.digits() {
		return false
	}
	if c.skip("eE") {
		c.skip("+-")
		return c.digits()
	}
	return true
}

// skip goes over one character of some.
func (c *checker) skip(some string) bool {
	if c.at < len(c.text) {
		for i := range len(some) {
			if c.text[c.at] == some[i] {
				c.at++
				return true
			}
		}
	}
	return false
}

func (c *checker) digits() bool {
	from := c.at
	for c.at < len(c.text) && isDigit(c.text[c.at]) {
		c.at++
	}
	return c.at > from
}
