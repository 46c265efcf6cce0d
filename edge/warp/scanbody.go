package warp

// plainBody finds the body behind a head, and says whether its text alone surely
// means what it means there. The two differ where
//   - a separator, a colon or an operator looser than attributes stands outside
//     brackets: behind a head it makes the frame something else than an envelope;
//   - a comment, a trailing separator or parentheses belong to the frame;
//   - the body is one pair of braces: these then enclose the members of the frame's
//     record, so that {5} is the body 5, and {} none.
//
// So it takes only attributes followed by at most one operand, which is a string,
// data, an identifier or number, or braces that hold a slot or several items. In
// brackets it steps over strings and counts depth, and turns down whatever could
// hide a bracket (other quotes, comments, markup) or make a colon something else
// than that of a slot (conditionals, selectors).
func plainBody(s []byte) (body []byte, ok bool) {
	for len(s) > 0 && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	i := blanks(s, 0)
	if i == len(s) {
		return nil, true
	}
	start := i
	for i < len(s) && s[i] == '@' {
		if i++; i == len(s) || classes[s[i]]&letter == 0 && s[i] < 0x80 {
			return nil, false
		}
		for i < len(s) && (classes[s[i]]&identPart != 0 || s[i] >= 0x80) {
			i++
		}
		if i < len(s) && s[i] == '(' {
			if i, _ = skipGroup(s, i); i == 0 {
				return nil, false
			}
		}
		i = blanks(s, i)
	}
	if i == len(s) {
		return s[start:], true
	}

	switch c := s[i]; {
	case c == '"':
		i = skipString(s, i)
	case c == '{':
		first := i == start
		var members int
		if i, members = skipGroup(s, i); first && members < 2 {
			return nil, members == 0 && i == len(s)
		}
	case c == '%':
		i = data(s, i)
	case c == '-' && (i == 0 || s[i-1] == ')'): // could be taken for a subtraction
		return nil, false
	case classes[c]&bareStart != 0:
		i = bare(s, i)
	default:
		return nil, false
	}
	return s[start:], i == len(s)
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// blanks skips space within a line: a line break ends an item.
func blanks(s []byte, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\t') {
		i++
	}
	return i
}

// bare returns the index behind the identifier or number that begins at i.
func bare(s []byte, i int) int {
	for i < len(s) && classes[s[i]]&barePart != 0 {
		i++
	}
	return i
}

// data returns the index behind the data that begins at i with a "%".
func data(s []byte, i int) int {
	for i++; i < len(s) && classes[s[i]]&base64Char != 0; {
		i++
	}
	return i
}

// skipString returns the index behind the string that begins at i, 0 if it is not closed.
func skipString(s []byte, i int) int {
	for i++; i < len(s); i++ {
		switch s[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
	}
	return 0
}

// skipGroup returns the index behind the brackets that open at i, 0 if that is not
// sure. members is 0 for nothing inside but space, 1 for what could be one plain
// item, and 2 for what surely is more than that. Brackets within are only counted:
// where they do not fit each other, the body is no Recon.
func skipGroup(s []byte, i int) (end, members int) {
	open, depth := i, 1
	inItem, separated := false, false
	for i++; i < len(s); i++ {
		c := s[i]
		if classes[c]&groupMark == 0 {
			if depth == 1 && !inItem {
				inItem, members = true, members+1
			}
			for i+1 < len(s) && classes[s[i+1]]&groupMark == 0 {
				i++
			}
			continue
		}
		switch c {
		case '(', '{', '"':
			if depth == 1 && !inItem {
				inItem, members = true, members+1
			}
			if c != '"' {
				depth++
			} else if i = skipString(s, i) - 1; i < 0 {
				return 0, 0
			}
		case ')', '}':
			if depth--; depth == 0 {
				if (c == ')') != (s[open] == '(') {
					return 0, 0
				}
				if members == 0 && separated {
					members = 1
				}
				return i + 1, members
			}
		case ':':
			if depth == 1 {
				inItem, members = true, 2
			}
		case ',', ';', '\n', '\r':
			if depth == 1 {
				inItem, separated = false, true
			}
		case ' ', '\t':
		default:
			return 0, 0
		}
	}
	return 0, 0
}
