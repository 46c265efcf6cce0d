package route

import "strings"

// shape is what patterns and globs have in common: segments, some of them wild.
// The text before the first slash is a segment too: empty in "/a", "swim:meta:x"
// in an opaque name.
type shape []segment

type segment struct {
	text string // normalised literal, or the name of the wild segment
	wild bool
}

// parseShape splits text and normalises its literal segments. wild says whether a
// segment is wild and under which name, or why it cannot be.
func parseShape(text, want string, wild func(segment string) (name string, ok bool, why string)) (shape, error) {
	fault := func(offset int, why string) error {
		return &SyntaxError{Text: text, Offset: offset, Want: want, Why: why}
	}
	rooted := strings.HasPrefix(text, "/")
	if !rooted && !strings.HasPrefix(text, "swim:") {
		return nil, fault(0, `it must start with "/", as node URIs do`)
	}
	if strings.HasPrefix(text, "//") {
		return nil, fault(1, `two slashes at the start name a host; write one`)
	}
	var s shape
	p := parser{text: text}
	at := 0
	for raw := range strings.SplitSeq(text, "/") {
		name, ok, why := wild(raw)
		switch {
		case why != "":
			return nil, fault(at, why)
		case ok:
			s = append(s, segment{text: name, wild: true})
		default:
			if i := strings.IndexAny(raw, `?#\`); i >= 0 {
				return nil, fault(at+i, quote(raw[i:i+1])+" has no place here: only the path of a node URI is matched")
			}
			literal, err := p.component(at, raw, pathChar)
			if err != nil {
				err.(*SyntaxError).Want = want
				return nil, err
			}
			if literal == "." || literal == ".." {
				return nil, fault(at, "no node URI has a segment "+quote(literal)+" once it is resolved")
			}
			s = append(s, segment{text: literal})
		}
		at += len(raw) + 1
	}
	return s, nil
}

// match compares with a path cut at its slashes; a wild segment is never empty.
func (s shape) match(path string) bool {
	if len(s) == 0 {
		return false
	}
	for i := range s {
		head, rest, more := strings.Cut(path, "/")
		if s[i].wild && head == "" || !s[i].wild && head != s[i].text || more == (i == len(s)-1) {
			return false
		}
		path = rest
	}
	return true
}

// at is the i-th segment of a path.
func at(path string, i int) string {
	for ; i > 0; i-- {
		_, path, _ = strings.Cut(path, "/")
	}
	head, _, _ := strings.Cut(path, "/")
	return head
}
