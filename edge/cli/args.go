package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// takes checks the number of a command's arguments. What they are stands in its Use line.
func takes(least, most int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		var err error
		switch {
		case len(args) < least:
			missing := strings.Fields(c.Use)[1+len(args) : 1+least]
			err = fmt.Errorf("%s missing; it is: selvage %s", listAre(missing), c.Use)
		case len(args) > most:
			err = fmt.Errorf("%q is too much; it is: selvage %s", args[most], c.Use)
		default:
			return nil
		}
		if c.Example != "" {
			return &trouble{err, "for instance:" + c.Example[1:]}
		}
		return err
	}
}

// listAre joins words as a sentence does: a, b and c are.
func listAre(words []string) string {
	last := len(words) - 1
	if last == 0 {
		return words[0] + " is"
	}
	return strings.Join(words[:last], ", ") + " and " + words[last] + " are"
}
