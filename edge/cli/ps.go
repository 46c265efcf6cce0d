package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"selvage/edge/meta"
	"selvage/edge/recon"
	"selvage/edge/route"
)

// psSorts are the orders that ps knows.
var psSorts = []string{"uri", "busy", "mail", "restarts"}

func (e *env) psCommand() *cobra.Command {
	p := ps{env: e}
	c := &cobra.Command{
		Use:   "ps [PATTERN]",
		Short: "print what the host's agents do: state, turns, mail, links, restarts",
		Long: `Prints a line for each agent, or for each whose URI matches a pattern, where * stands for one segment.

  STATE     idle, queued, running, restarting, stopped; running with a time is a turn that takes too long
  BUSY      the share of time spent in turns, since the agent was made; with --watch, since the line before
  TURNS     the time spent in turns
  MAIL      what waits for a turn
  IN, OUT   links of others to its lanes, and its links to lanes
  RESTARTS  after panics
  UP        how long the agent is there`,
		Example: "  selvage ps\n  selvage ps '/room/*' --watch\n  selvage ps --sort busy --limit 10",
		Args:    takes(0, 1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				p.ask.Glob = args[0]
			}
			if p.watch && !c.Flags().Changed("limit") {
				p.ask.Limit = 20
			}
			return p.run(c.Context())
		},
	}
	c.Flags().StringVar(&p.ask.Sort, "sort", "uri", "what comes first: "+strings.Join(psSorts, ", "))
	c.Flags().IntVar(&p.ask.Limit, "limit", 100, "print so many agents at most; 20 with --watch")
	c.Flags().BoolVarP(&p.watch, "watch", "w", false, "print again what changes, until Ctrl-C")
	return c
}

// ps is one call of the command.
type ps struct {
	*env
	ask   meta.Asking
	watch bool

	was map[string]meta.Activity // what was printed last, by URI
	at  time.Time                // and when that was so
}

func (p *ps) run(ctx context.Context) error {
	if p.ask.Limit < 1 || p.ask.Limit > meta.MostAsked {
		return usagef("--limit is from 1 to %d, got %d", meta.MostAsked, p.ask.Limit)
	}
	if !slices.Contains(psSorts, p.ask.Sort) {
		return &usageError{&trouble{fmt.Errorf("agents are not sorted by %q", p.ask.Sort), "they are by " + strings.Join(psSorts, ", ")}}
	}
	pattern, err := p.aim(p.ask.Glob)
	if err != nil {
		return err
	}
	p.ask.Glob = pattern
	if pattern != "" {
		if _, err := route.ParseGlob(pattern); err != nil {
			return &usageError{&trouble{err, "a pattern is a URI in which * stands for a segment, such as '/room/*'"}}
		}
	}
	if p.watch {
		return p.endure(ctx, p.follow)
	}
	return p.once(ctx)
}

// psTime bounds how long a host may take to look through its agents: a million of them take seconds.
const psTime = time.Minute

// once prints the agents as they are now.
func (p *ps) once(ctx context.Context) error {
	reach, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	c, err := p.dial(reach)
	if err != nil {
		return err
	}
	defer c.Close(closeNormal, "")
	ctx, cancel = context.WithTimeout(ctx, psTime)
	defer cancel()
	bodies, err := state(ctx, c, p.ask.Node(), "agents")
	if err != nil {
		return unasked(err)
	}
	if len(bodies) == 0 {
		return errors.New("the host did not tell of any agents")
	}
	var now meta.Activities
	if err := recon.Unmarshal(bodies[len(bodies)-1], &now); err != nil {
		return err
	}
	if now.Total == 0 && p.ask.Glob != "" {
		return &trouble{fmt.Errorf("no agent matches %s", printable(p.ask.Glob)), "see them all: " + program() + " ps"}
	}
	if p.json {
		err = p.printJSON(now)
	} else {
		err = printTable(p.out, p.table(now))
	}
	if more := now.Total - len(now.Agents); more > 0 {
		fmt.Fprintf(p.err, "and %d more; see others with --limit, --sort or a PATTERN\n", more)
	}
	return err
}

// follow prints the agents over one connection, again and again.
func (p *ps) follow(ctx context.Context, again bool) (stood bool, err error) {
	c, err := p.dial(ctx)
	if err != nil {
		return false, err
	}
	defer c.Close(closeNormal, "")
	f := newFeed()
	defer f.close()
	if _, err := c.Follow(p.ask.Node(), "agents", true, f); err != nil {
		return false, unlinked(err)
	}
	if again {
		fmt.Fprintf(p.err, "%s connected again\n", mark(p.err))
	}
	for {
		select {
		case n := <-f.next:
			if n.ended != nil {
				return stood, unasked(n.ended)
			}
			if n.synced {
				continue
			}
			stood = true
			var now meta.Activities
			if err := recon.Unmarshal(n.body, &now); err != nil {
				return true, err
			}
			if err := p.again(now); err != nil {
				return true, err
			}
		case <-ctx.Done():
			return true, nil
		}
	}
}

// again prints what has been printed before as it is now: on a terminal in the same place.
func (p *ps) again(now meta.Activities) error {
	if p.json {
		return p.printJSON(now)
	}
	var b strings.Builder
	if isTerminal(p.out) {
		b.WriteString("\x1b[H\x1b[J") // home, and erase what is below
	}
	fmt.Fprintf(&b, "%s  %s, %s\n\n", now.At.Local().Format(time.TimeOnly), p.host, count(now.Total, "agent"))
	if err := printTable(&b, p.table(now)); err != nil {
		return err
	}
	if more := now.Total - len(now.Agents); more > 0 {
		fmt.Fprintf(&b, "and %d more\n", more)
	}
	if !isTerminal(p.out) {
		b.WriteByte('\n')
	}
	_, err := fmt.Fprint(p.out, b.String())
	return err
}

// unasked explains that a host does not answer what ps asks.
func unasked(err error) error {
	u, ok := isUnlinked(err)
	if ok && (u.Reason == "nodeNotFound" || u.Reason == "laneNotFound") {
		return &trouble{fmt.Errorf("that host does not tell what its agents do: %w", u), "it may be no Selvage host, or an older one; see its agents: " + program() + " ls"}
	}
	return err
}
