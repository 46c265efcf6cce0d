package config

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// What a fault must not show, since faults go into logs and to whoever may see the host: the value of a
// key that is named somewhat like a secret, however its line is broken, and user and password in a URL.
var (
	secretKey = regexp.MustCompile(`(?i)((?:pas|pwd|secret|tok)[^=]*=\s*)(.+)`)
	brokenKey = regexp.MustCompile(`(?i)^(\s*[a-z0-9_.-]*(?:pas|pwd|secret|tok)[a-z0-9_.-]*["']?[\s:]+)(.+)`)
	userInfo  = regexp.MustCompile(`(://)([^/\s"]+)@`)
	whereText = regexp.MustCompile(`^["'](?:file|env):[^"']*["']`)
)

// discreet hides secrets, one character for each, so that columns stay true, and returns what it has
// hidden. Where a secret is may be shown.
func discreet(line string) (shown string, hidden []string) {
	hide := func(s string) string {
		hidden = append(hidden, s)
		return strings.Repeat("•", utf8.RuneCountInString(s))
	}
	if m := brokenKey.FindStringSubmatch(line); m != nil && !strings.Contains(line, "=") {
		return m[1] + hide(m[2]), hidden
	}
	for rest := line; ; {
		m := secretKey.FindStringSubmatchIndex(rest)
		if m == nil {
			shown += rest
			break
		}
		value := rest[m[4]:]
		where := whereText.FindString(value)
		switch {
		case where != "":
			value = where
			shown += rest[:m[4]] + where
		case strings.Contains(strings.ToLower(rest[m[2]:m[3]]), "passivate"): // a key of [host]
			value = ""
			shown += rest[:m[4]]
		default:
			return shown + rest[:m[4]] + hide(value), hidden
		}
		rest = rest[m[4]+len(value):]
	}
	shown = userInfo.ReplaceAllStringFunc(shown, func(found string) string {
		return "://" + hide(found[len("://"):len(found)-1]) + "@"
	})
	return shown, hidden
}

// unsaid takes from what is said of a line what the line hides.
func unsaid(text string, hidden []string) string {
	for _, one := range hidden {
		words := strings.FieldsFunc(one, func(r rune) bool { return strings.ContainsRune(" \t\"'“”,:[]{}", r) })
		for _, w := range append([]string{strings.Trim(one, "\"' ")}, words...) {
			if len(w) > 3 {
				text = strings.ReplaceAll(text, w, "…")
			} else if w != "" {
				text = strings.ReplaceAll(text, `"`+w+`"`, `"…"`)
			}
		}
	}
	return text
}

// discreetLine returns line i of the document as it may be shown, and what of it is hidden: all of a line
// on which the value of a secret goes on.
func (d *document) discreetLine(i int) (shown string, hidden []string) {
	text := func(i int) string { l := d.line(i); return printable(d.text[l.start:l.end]) }
	line := text(i)
	shown, hidden = discreet(line)
	for begin := i; begin >= 0; begin-- {
		first := text(begin)
		if isKey := keyLine.MatchString(first); isKey || headerLine.MatchString(first) {
			if _, above := discreet(first); isKey && begin < i && len(above) > 0 && secretKey.MatchString(first) {
				return strings.Repeat("•", utf8.RuneCountInString(line)), append(hidden, line)
			}
			break
		}
	}
	return shown, hidden
}
