package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"selvage/edge/config"
)

// configPaths are where the config is looked for when no -c names one.
var configPaths = []string{"selvage.toml", "/etc/selvage/selvage.toml"}

// configFlag adds -c to a command.
func configFlag(c *cobra.Command, path *string) {
	c.Flags().StringVarP(path, "config", "c", "", "the config file (default ./selvage.toml, else /etc/selvage/selvage.toml)")
}

// load reads the config file, or prints all its faults.
func (e *env) load(path string) (*config.Plan, string, error) {
	if path == "" {
		found, err := findConfig()
		if err != nil {
			return nil, "", err
		}
		path = found
	}
	plan, err := config.Load(path)
	var faults config.Faults
	if errors.As(err, &faults) {
		return nil, path, e.printFaults(faults)
	}
	return plan, path, err
}

func findConfig() (string, error) {
	for _, path := range configPaths {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			return path, nil
		}
	}
	return "", &usageError{&trouble{
		fmt.Errorf("there is no config: neither ./%s nor %s is there", configPaths[0], configPaths[1]),
		"name one with -c FILE, or begin with a copy of build/sample/selvage.toml",
	}}
}

func (e *env) printFaults(faults config.Faults) error {
	if !e.json {
		fmt.Fprintln(e.err, faults)
		return errTold
	}
	enc := json.NewEncoder(e.out)
	for _, f := range faults {
		if err := enc.Encode(f); err != nil {
			return err
		}
	}
	return errTold
}

func (e *env) checkCommand() *cobra.Command {
	var path string
	c := &cobra.Command{
		Use:   "check [FILE]",
		Short: "find all faults of a config file, start nothing",
		Args:  takes(0, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				path = args[0]
			}
			plan, path, err := e.load(path)
			if err != nil || e.json {
				return err
			}
			if asks := asked(plan); asks != "" {
				_, err = fmt.Fprintf(e.out, "%s has no faults: %s\n", path, asks)
				return err
			}
			_, err = fmt.Fprintf(e.out, "%s has no faults, but it asks for no device and no agent: a host of it would do nothing\n"+
				"  it would keep its data in %s and listen on %s\n", path, plan.Host.Data, plan.Host.Listen)
			return err
		},
	}
	configFlag(c, &path)
	return c
}

// asked says what a plan asks for, "" if nothing.
func asked(p *config.Plan) string {
	var all []string
	for _, part := range []struct {
		n    int
		noun string
	}{{len(p.Devices), "device"}, {len(p.Agents), "agent"}, {len(p.Uplinks), "uplink"}} {
		if part.n > 0 {
			all = append(all, count(part.n, part.noun))
		}
	}
	if p.Broker != nil {
		all = append(all, "a broker")
	}
	if p.Hub != nil {
		all = append(all, "a hub")
	}
	return strings.Join(all, ", ")
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
