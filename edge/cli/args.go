package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

// takes checks the number of a command's arguments. What they are stands in its Use line.
func takes(least, most int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) >= least && len(args) <= most {
			return nil
		}
		given := "none was"
		switch {
		case len(args) == 1:
			given = "one was"
		case len(args) > 1:
			given = fmt.Sprintf("%d were", len(args))
		}
		err := fmt.Errorf("it is: selvage %s; of what stands in capitals %s given", c.Use, given)
		if most == 0 {
			err = fmt.Errorf("it is: selvage %s, without %q", c.Use, args[0])
		}
		if c.Example != "" {
			return &trouble{err, "for instance:" + c.Example[1:]}
		}
		return err
	}
}
