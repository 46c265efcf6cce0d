package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"selvage/edge/peer"
	"selvage/edge/route"
)

// logLevels are the levels of what agents log, the least first. Each has a lane, levelLog; fail is for
// panics.
var logLevels = []string{"trace", "debug", "info", "warn", "error", "fail"}

func (e *env) logCommand() *cobra.Command {
	var level string
	var count int
	c := &cobra.Command{
		Use:   "log [URI]",
		Short: "print what agents log from now on, or one of them, until Ctrl-C",
		Long: `Prints what the host's agents log from now on, or one of them does, until Ctrl-C.

Levels below the one that the host writes to its own log are there as well; they cost nothing while nobody
follows them.`,
		Example: "  selvage log\n  selvage log /room/air --level debug",
		Args:    takes(0, 1),
		RunE: func(c *cobra.Command, args []string) error {
			from := slices.Index(logLevels, level)
			switch {
			case from < 0:
				return &usageError{&trouble{fmt.Errorf("there is no level %q", level), "the levels are " + strings.Join(logLevels, ", ")}}
			case count < 0:
				return usagef("-n is a number of records, got %d", count)
			}
			uri := ""
			if len(args) > 0 {
				uri = args[0]
				if err := wantURI(uri); err != nil {
					return err
				}
			}
			return e.log(c.Context(), uri, logLevels[from:], count)
		},
	}
	c.Flags().StringVarP(&level, "level", "l", "info", "the least level to print: "+strings.Join(logLevels, ", "))
	c.Flags().IntVarP(&count, "count", "n", 0, "end after so many records; 0 is never")
	return c
}

func (e *env) log(ctx context.Context, uri string, levels []string, count int) error {
	node, err := e.aim(uri)
	if err != nil {
		return err
	}
	f := &logFollower{env: e, levels: levels, left: count, printer: logPrinter{env: e, colored: colored(e.out)}}
	f.meta = "swim:meta:host"
	if strings.Trim(node, "/") != "" {
		canonical, _, err := route.Node("/", node)
		if err != nil {
			return usagef("%w", err)
		}
		f.node = string(canonical)
		f.meta = "swim:meta:node/" + route.Escape(f.node)
	}
	return e.endure(ctx, f.once)
}

// logFollower prints the records of some levels, over any number of connections.
type logFollower struct {
	*env
	node    string // "" for all agents of the host
	meta    string // the node that has the log lanes
	levels  []string
	left    int // records to print, 0 for any number
	printer logPrinter
}

func (f *logFollower) once(ctx context.Context, again bool) (stood bool, err error) {
	c, err := f.dial(ctx)
	if err != nil {
		return false, err
	}
	defer c.Close(closeNormal, "")
	said := newFeed()
	defer said.close()
	for _, level := range f.levels {
		if _, err := c.Follow(f.meta, level+"Log", true, said); err != nil {
			return false, unlinked(err)
		}
	}
	standing := 0
	for {
		select {
		case n := <-said.next:
			switch {
			case n.ended != nil:
				return standing == len(f.levels), f.unlinked(n.ended)
			case n.synced:
				if standing++; standing == len(f.levels) {
					f.greet(again)
				}
				continue
			}
			if err := f.printer.print(n.body, f.node); err != nil {
				return true, err
			}
			if f.left--; f.left == 0 {
				return true, nil
			}
		case <-ctx.Done():
			return true, nil
		}
	}
}

// greet says that from now on nothing is missed.
func (f *logFollower) greet(again bool) {
	switch {
	case again:
		fmt.Fprintf(f.err, "%s connected again; what was logged meanwhile is not here\n", mark(f.err))
	case f.node != "":
		fmt.Fprintf(f.err, "%s what %s logs from now on, %s and above; Ctrl-C ends\n", mark(f.err), printable(f.node), f.levels[0])
	default:
		fmt.Fprintf(f.err, "%s what the agents of %s log from now on, %s and above; Ctrl-C ends\n", mark(f.err), f.host, f.levels[0])
	}
}

// unlinked speaks of the agent, where the error has the node with its log lanes.
func (f *logFollower) unlinked(err error) error {
	u, ok := isUnlinked(err)
	if !ok {
		return err
	}
	switch {
	case u.Reason == "nodeNotFound" && f.node != "":
		return &trouble{&peer.Unlinked{Node: f.node, Lane: u.Lane, Reason: u.Reason}, "see what agents there are: " + program() + " ls"}
	case u.Reason == "nodeNotFound", u.Reason == "laneNotFound":
		return &trouble{err, "that host does not show what its agents log"}
	}
	return err
}
