package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"selvage/edge/config"
)

func (e *env) configCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "config",
		Short: "explain the config file: selvage config doc",
		RunE: func(_ *cobra.Command, args []string) error {
			err := errors.New("config what?")
			if len(args) > 0 {
				err = fmt.Errorf("there is no command config %q", args[0])
			}
			return &usageError{&trouble{err, "it is: selvage config doc [TABLE|KIND]"}}
		},
	}
	c.AddCommand(e.configDocCommand())
	return c
}

func (e *env) configDocCommand() *cobra.Command {
	var markdown, toml bool
	c := &cobra.Command{
		Use:   "doc [TABLE|KIND]",
		Short: "print what tables and keys a config may have",
		Long: `Prints the tables and keys that a config may have: of all, of one table (host, device), or of one driver
or kind (sht4x, climate).`,
		Example: "  selvage config doc climate\n  selvage config doc --toml device > devices.toml",
		Args:    takes(0, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			sections := config.Reference()
			if len(args) > 0 {
				var remedy string
				if sections, remedy = config.About(args[0]); remedy != "" {
					return &usageError{&trouble{fmt.Errorf("there is no table, driver or kind %q", args[0]), remedy}}
				}
			}
			switch {
			case e.json:
				return docJSON(e.out, sections)
			case markdown:
				return docMarkdown(e.out, sections)
			case toml:
				return docTOML(e.out, sections)
			}
			return docText(e.out, sections)
		},
	}
	c.Flags().BoolVar(&markdown, "markdown", false, "print a page of Markdown")
	c.Flags().BoolVar(&toml, "toml", false, "print a config to begin with, all of it commented out")
	c.MarkFlagsMutuallyExclusive("markdown", "toml")
	return c
}

func docJSON(w io.Writer, sections []config.Section) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, s := range sections {
		for _, k := range s.Keys {
			err := enc.Encode(struct {
				Table   string `json:"table"`
				Kind    string `json:"kind,omitempty"` // or driver
				Key     string `json:"key"`
				Type    string `json:"type"`
				Default string `json:"default,omitempty"`
				Doc     string `json:"doc"`
			}{s.Table, s.Kind, k.Name, k.Type, k.Default, meaning(k)})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// docWidth is how wide the reference is printed: what any terminal shows.
const docWidth = 80

func docText(w io.Writer, sections []config.Section) error {
	var b strings.Builder
	for i, s := range sections {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(docHeader(s))
		b.WriteByte('\n')
		if s.Doc != "" { // a kind of somebody else may have none
			for _, line := range wrap(s.Doc, docWidth-2) {
				fmt.Fprintf(&b, "  %s\n", line)
			}
		}
		docKeys(&b, s.Keys)
	}
	b.WriteString("\nIn parentheses stands what a key is if it is left out. A duration is a text such\n" +
		"as \"10s\" or \"7d\", a size one such as \"64kB\" or \"1MB\".\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func docHeader(s config.Section) string {
	header := "[" + s.Table + "]"
	if s.List {
		header = "[" + header + "]"
	}
	if s.By != "" && s.Kind != "" {
		header += fmt.Sprintf("  %s = %q", s.By, s.Kind)
	}
	return header
}

// docKeys writes a line for each key: its name, its type with the default, and what it means, which may take
// more lines.
func docKeys(b *strings.Builder, keys []config.Key) {
	const most = 24 // columns for types; what is wider pushes its doc to a line of its own
	names, types := 0, 0
	for _, k := range keys {
		names = max(names, utf8.RuneCountInString(k.Name))
		if n := utf8.RuneCountInString(typeAndDefault(k)); n <= most {
			types = max(types, n)
		}
	}
	indent := 4 + names + 2 + types + 2
	for _, k := range keys {
		what := typeAndDefault(k)
		line := fmt.Sprintf("    %-*s  %-*s  ", names, k.Name, types, what)
		for i, doc := range wrap(meaning(k), docWidth-indent) {
			switch {
			case i > 0:
				line = strings.Repeat(" ", indent)
			case utf8.RuneCountInString(what) > types:
				line = strings.TrimRight(line, " ") + "\n" + strings.Repeat(" ", indent)
			}
			b.WriteString(line + doc + "\n")
		}
	}
}

func typeAndDefault(k config.Key) string {
	if k.Default == "" {
		return k.Type
	}
	return k.Type + " (" + k.Default + ")"
}

func meaning(k config.Key) string {
	if k.Unset == "" {
		return k.Doc
	}
	return k.Doc + "; " + k.Unset + " unless given"
}

// wrap breaks a text into lines of at most that many columns, where a word is not longer. A text of no
// words is one empty line.
func wrap(text string, columns int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > columns:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}
