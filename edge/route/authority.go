package route

import "strings"

// authority normalises [user[:password]@]host[:port]. A port of nothing or zero
// is dropped, as Swim does.
func (p *parser) authority(at int, s string) (string, error) {
	var b strings.Builder
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		user, password, found := strings.Cut(s[:i], ":")
		text, err := p.component(at, user, hostChar)
		if err != nil {
			return "", err
		}
		b.WriteString(text)
		if found {
			if text, err = p.password(at+len(user)+1, password); err != nil {
				return "", err
			}
			b.WriteByte(':')
			b.WriteString(text)
		}
		b.WriteByte('@')
		at += i + 1
		s = s[i+1:]
	}

	host, port := s, ""
	if strings.HasPrefix(s, "[") {
		i := strings.IndexByte(s, ']')
		if i < 0 {
			return "", p.errorAt(at, `the "[" of an IPv6 address has no "]"`)
		}
		for j := 1; j < i; j++ {
			if classes[s[j]]&hostChar == 0 && s[j] != ':' {
				return "", p.badChar(at+j, s[j:])
			}
		}
		host, port = s[:i+1], s[i+1:]
		if port != "" && port[0] != ':' {
			return "", p.errorAt(at+i+1, `after the "]" of an IPv6 address comes ":" and a port, or the path`)
		}
		b.WriteString(strings.ToLower(host))
	} else {
		if i := strings.IndexByte(s, ':'); i >= 0 {
			host, port = s[:i], s[i:]
		}
		text, err := p.component(at, host, hostChar)
		if err != nil {
			return "", err
		}
		b.WriteString(strings.ToLower(text)) // what was escaped as well
	}

	digits := strings.TrimPrefix(port, ":")
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return "", p.errorAt(at+len(host)+1+i, "a port is a number, not "+quote(digits))
		}
	}
	if digits = strings.TrimLeft(digits, "0"); digits != "" {
		b.WriteByte(':')
		b.WriteString(digits)
	}
	return b.String(), nil
}

// password may hold colons, which the user name may not.
func (p *parser) password(at int, s string) (string, error) {
	parts := strings.Split(s, ":")
	for i, part := range parts {
		text, err := p.component(at, part, hostChar)
		if err != nil {
			return "", err
		}
		parts[i] = text
		at += len(part) + 1
	}
	return strings.Join(parts, ":"), nil
}
