// Package cli is the commands of the program selvage. It wires all rooms of the house and stops
// them in reverse.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2 // a wrong command line or config
)

// env is what every command works with.
type env struct {
	out, err io.Writer
	host     string // of --host, or of the URI that a command is about
	home     string // of --host, when host is of a URI; for this one the token is
	warned   bool   // about the token
	json     bool
	verbose  int
	running  bool // the command line was understood
}

// Main runs the command line args and returns the program's exit code.
func Main(args []string, stdout, stderr io.Writer) int {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // under nohup it is
		signals = append(signals, syscall.SIGHUP) // the terminal was closed
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	defer stop()
	context.AfterFunc(ctx, stop) // from the first signal on, a second one ends the program at once

	e := &env{out: stdout, err: stderr}
	root := e.root()
	root.SetArgs(shieldNumbers(args))
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	return e.report(err)
}

// report tells a person what went wrong and returns the exit code.
func (e *env) report(err error) int {
	var wrong *usageError
	switch {
	case errors.Is(err, errTold):
		return exitUsage
	case !e.running, errors.As(err, &wrong):
		fmt.Fprintf(e.err, "selvage: %v\n", err)
		var t *trouble
		if !errors.As(err, &t) {
			fmt.Fprintln(e.err, "  the commands and what they take: selvage help")
		}
		return exitUsage
	}
	fmt.Fprintf(e.err, "selvage: %v\n", err)
	return exitFailed
}

// errTold ends a command with exitUsage whose faults have been printed.
var errTold = errors.New("faults were printed")

// usageError is an error of the command line that only the command itself could find.
type usageError struct{ error }

func (u *usageError) Unwrap() error { return u.error }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// trouble is an error with what to try against it.
type trouble struct {
	err error
	try string
}

func (t *trouble) Error() string { return t.err.Error() + "\n  " + t.try }
func (t *trouble) Unwrap() error { return t.err }

func (e *env) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "selvage",
		Short: "Selvage connects sensors, agents and peers on one small host",
		Long: `Selvage runs agents over sensors and outputs, and serves what they know as live lanes over WARP.

An agent has a URI, such as /device/air, and lanes, such as temperature.`,
		SilenceErrors:              true,
		SilenceUsage:               true,
		CompletionOptions:          cobra.CompletionOptions{HiddenDefaultCmd: true},
		SuggestionsMinimumDistance: 2,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			err := fmt.Errorf("there is no command %q", args[0])
			if near := c.SuggestionsFor(args[0]); len(near) > 0 {
				return &trouble{err, "did you mean " + strings.Join(near, " or ") + "?"}
			}
			return err
		},
		RunE: func(c *cobra.Command, _ []string) error {
			c.SetOut(e.err)
			c.Help()
			return errTold
		},
		PersistentPreRun: func(*cobra.Command, []string) { e.running = true },
	}
	host := os.Getenv("SELVAGE_HOST")
	if host == "" {
		host = defaultHost
	}
	root.PersistentFlags().StringVar(&e.host, "host", host, "the host to talk to; SELVAGE_HOST sets another default")
	root.PersistentFlags().BoolVar(&e.json, "json", false, "print one JSON object a line; errors stay plain text on stderr")
	root.AddCommand(e.runCommand(), e.checkCommand(), e.getCommand(), e.setCommand(), e.watchCommand(), e.lsCommand(), e.psCommand(), e.devicesCommand(), e.scanCommand(), e.tryCommand(), e.recordCommand(), e.logCommand(), e.reconCommand(), e.configCommand(), e.reloadCommand(), e.mqttCommand(), e.storeCommand(), e.historyCommand(), e.versionCommand())
	e.addLogin(root)
	return root
}

var negative = regexp.MustCompile(`^-\.?[0-9]`)

// shieldNumbers keeps a negative number from being read as a flag. Recon does not mind the space.
func shieldNumbers(args []string) []string {
	shielded := make([]string, len(args))
	for i, a := range args {
		if negative.MatchString(a) {
			a = " " + a
		}
		shielded[i] = a
	}
	return shielded
}

// program is how this program was called, for commands that people copy.
func program() string {
	if name := os.Args[0]; !strings.ContainsAny(name, " '\"") {
		return name
	}
	return "selvage"
}

// programFor is how this program is called to talk to the host at address.
func programFor(address string) string {
	if host := "warp://" + address; host != defaultHost {
		return program() + " --host " + host
	}
	return program()
}
