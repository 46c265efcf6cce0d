package config

import (
	"fmt"
	"strings"
)

// nameRight checks the name of a device or of an uplink, which stands in URIs and in topics.
func (p *planner) nameRight(whose, name string, t *table, example string) {
	if !isName(name) {
		p.doc.fault(t.at, fmt.Sprintf("%s's name has small letters, digits and - only, got %q", whose, name), suggestName(t.parent.key, name, example))
	}
}

func isName(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// suggestName turns a name into one a table may have, where enough of it can be kept.
func suggestName(table, s, example string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		switch {
		case isName(string(r)):
			b.WriteRune(r)
		case b.Len() > 0:
			b.WriteByte('-')
		}
	}
	if name := strings.Trim(b.String(), "-"); name != "" {
		return fmt.Sprintf("write [%s.%s]", table, name)
	}
	return fmt.Sprintf("write a name such as [%s.%s]", table, example)
}
