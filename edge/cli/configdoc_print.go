package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"selvage/edge/config"
)

func docMarkdown(w io.Writer, sections []config.Section) error {
	cell := strings.NewReplacer("|", `\|`, "*", `\*`, "<", "&lt;")
	var b strings.Builder
	b.WriteString("# Config reference\n\nA duration is a text such as `\"10s\"` or `\"7d\"`, a size one such as `\"64kB\"` or `\"1MB\"`.\n")
	for _, s := range sections {
		level, title := "##", "`["+s.Table+"]`"
		if s.List {
			title = "`[[" + s.Table + "]]`"
		}
		if s.By != "" && s.Kind != "" {
			level, title = "###", fmt.Sprintf("%s, `%s = %q`", title, s.By, s.Kind)
		}
		fmt.Fprintf(&b, "\n%s %s\n\n%s\n", level, title, cell.Replace(s.Doc))
		if len(s.Keys) == 0 {
			continue
		}
		b.WriteString("\n| Key | Type | Default | Meaning |\n|---|---|---|---|\n")
		for _, k := range s.Keys {
			value := k.Default
			if value != "" {
				value = "`" + strings.ReplaceAll(value, "|", `\|`) + "`"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", k.Name, k.Type, value, cell.Replace(meaning(k)))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// docTOML prints a config in which every line is a comment: what explains with ##, what is config with one
// # and a space.
func docTOML(w io.Writer, sections []config.Section) error {
	var b strings.Builder
	prose := func(text string) {
		for _, line := range wrap(text, docWidth-3) {
			b.WriteString("## " + line + "\n")
		}
	}
	prose("Take the # away before what you need. All of it is used by: sed 's/^# \\?//'")
	common := map[string]config.Section{} // by table: what all its kinds have in common
	told := map[string]bool{}             // whose common keys have been explained
	for _, s := range sections {
		if s.By != "" && s.Kind == "" {
			common[s.Table] = s
			continue
		}
		b.WriteByte('\n')
		prose(s.Doc)
		header := "[" + s.Sample + "]"
		if s.List {
			header = "[" + header + "]"
		}
		keys := slices.Clone(s.Keys)
		if s.Alone {
			prose(header + " does not go together with what is above.")
			for i := range keys {
				keys[i].Sample = ""
			}
		} else {
			b.WriteString("# " + header + "\n")
		}
		if all, ok := common[s.Table]; ok {
			fmt.Fprintf(&b, "# %s = %q\n", s.By, s.Kind)
			for _, k := range all.Keys {
				if told[s.Table] {
					k.Doc = ""
				}
				if k.Name != s.By {
					keys = append(keys, k)
				}
			}
			told[s.Table] = true
		}
		for _, k := range keys {
			if k.Sample == "" {
				prose(k.Name + ", " + k.Type + ": " + meaning(k))
				continue
			}
			if k.Doc != "" {
				prose(meaning(k))
			}
			fmt.Fprintf(&b, "# %s = %s\n", k.Name, k.Sample)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
