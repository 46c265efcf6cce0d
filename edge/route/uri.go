// Package route names things: node URIs, lane names, and the patterns that say
// which agent kind or which peer answers for a node URI.
//
// URIs follow RFC 3986 with the normalisation Swim peers use: escapes that need
// not be there are undone, the others are written with lower-case hex, scheme and
// host are lower-cased, and a backslash in a path is read as a slash. Text outside
// ASCII must come percent-encoded.
package route

import "strings"

// NodeURI is the resolved, normalised name of a node: the key under which a host
// knows it. It is an absolute path ("/device/air") or, for nodes that have no
// path of their own, "swim:" and an opaque one ("swim:meta:host").
type NodeURI string

// LaneName is the normalised name of a lane within its node, such as "info".
type LaneName string

// URI is a parsed URI reference. Its parts are normalised and still escaped, so
// that a slash inside a segment ("%2f") stays apart from one between segments.
// Authority, Query and Fragment may be present and empty; Scheme may not.
type URI struct {
	Scheme    string
	Authority string
	Path      string
	Query     string
	Fragment  string

	HasAuthority bool
	HasQuery     bool
	HasFragment  bool
}

// Parse reads a URI reference and normalises it. Dot segments are kept; Resolve
// removes them.
func Parse(s string) (URI, error) {
	var u URI
	p := parser{text: s}
	rest := s
	if scheme, after, ok := cutScheme(s); ok {
		if scheme == "" || classes[scheme[0]]&alpha == 0 {
			return URI{}, p.badScheme(scheme)
		}
		u.Scheme = strings.ToLower(scheme)
		rest = after
	}
	if strings.HasPrefix(rest, "//") {
		end := len(rest)
		if i := strings.IndexAny(rest[2:], `/\?#`); i >= 0 {
			end = 2 + i
		}
		authority, err := p.authority(len(s)-len(rest)+2, rest[2:end])
		if err != nil {
			return URI{}, err
		}
		u.Authority, u.HasAuthority = authority, true
		rest = rest[end:]
	}

	end := len(rest)
	if i := strings.IndexAny(rest, "?#"); i >= 0 {
		end = i
	}
	path, err := p.path(len(s)-len(rest), rest[:end])
	if err != nil {
		return URI{}, err
	}
	u.Path = path
	rest = rest[end:]

	if strings.HasPrefix(rest, "?") {
		query, fragment, found := strings.Cut(rest[1:], "#")
		if u.Query, err = p.query(len(s)-len(rest)+1, query); err != nil {
			return URI{}, err
		}
		u.HasQuery = true
		rest = ""
		if found {
			rest = s[len(s)-len(fragment)-1:]
		}
	}
	if strings.HasPrefix(rest, "#") {
		if u.Fragment, err = p.component(len(s)-len(rest)+1, rest[1:], queryChar); err != nil {
			return URI{}, err
		}
		u.HasFragment = true
	}
	return u, nil
}

// cutScheme splits at the colon that follows a run of scheme characters. The run
// may be empty or start with a digit; then the text is no URI reference at all,
// since a colon in the first segment of a path needs "./" before it.
func cutScheme(s string) (scheme, after string, ok bool) {
	for i := 0; i < len(s); i++ {
		if s[i] == ':' {
			return s[:i], s[i+1:], true
		}
		if classes[s[i]]&schemeChar == 0 {
			break
		}
	}
	return "", s, false
}

// String prints the reference so that Parse reads back the same parts.
func (u URI) String() string {
	var b strings.Builder
	if u.Scheme != "" {
		b.WriteString(u.Scheme)
		b.WriteByte(':')
	}
	if u.HasAuthority {
		b.WriteString("//")
		b.WriteString(u.Authority)
	}
	b.WriteString(u.printedPath())
	if u.HasQuery {
		b.WriteByte('?')
		b.WriteString(u.Query)
	}
	if u.HasFragment {
		b.WriteByte('#')
		b.WriteString(u.Fragment)
	}
	return b.String()
}

// printedPath guards the two paths that would read back as something else. Swim's
// own printer does not, so these spellings differ from it: they arise only from
// backslashes and needless escapes.
func (u URI) printedPath() string {
	switch {
	case u.HasAuthority:
		return u.Path
	case strings.HasPrefix(u.Path, "//"): // would read as an authority
		return "/." + u.Path
	case u.Scheme == "" && !strings.HasPrefix(u.Path, "/"):
		first, _, _ := strings.Cut(u.Path, "/")
		if strings.Contains(first, ":") { // would read as a scheme
			return strings.ReplaceAll(first, ":", "%3a") + u.Path[len(first):]
		}
	}
	return u.Path
}
