package cli

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"selvage/edge/recon"
	"selvage/edge/route"
)

func (e *env) reloadCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "reload",
		Short: "have a host run by its config file as it is now",
		Long: `Reload has a host read its config file again. If the file has no fault, what changed is stopped, started
or restarted, and nothing else is touched; a file with faults changes nothing. SIGHUP does the same.`,
		Args: takes(0, 0),
		RunE: func(c *cobra.Command, _ []string) error { return e.reload(c.Context()) },
	}
}

// reloadTime bounds the wait for a reload: what it stops may take its time.
const reloadTime = changeTime + answerTime

func (e *env) reload(ctx context.Context) error {
	const node, lane = "/host", "reload"
	ctx, cancel := context.WithTimeout(ctx, reloadTime)
	defer cancel()
	at, err := e.address()
	if err != nil {
		return err
	}
	c, err := e.dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close(closeNormal, "")
	f := newFeed()
	defer f.close()
	if _, err := c.Follow(node, "config", true, f); err != nil {
		return unlinked(err)
	}
	if _, err := await(ctx, f, func(n news) bool { return n.synced }); err != nil {
		return err
	}

	path, _, err := route.Node(at.Path, node)
	if err != nil {
		return usagef("%w", err)
	}
	by := rand.Text()
	at.Scheme = map[string]string{"ws": "http", "wss": "https"}[at.Scheme]
	if err := e.post(ctx, at, string(path), lane, recon.Append(nil, recon.String(by)), false); err != nil {
		return err
	}
	var l Loaded
	if _, err := await(ctx, f, func(n news) bool { return recon.Unmarshal(n.body, &l) == nil && l.By == by }); err != nil {
		return err
	}
	return e.printLoaded(&l)
}

// await takes news until one is what is waited for.
func await(ctx context.Context, f *feed, is func(news) bool) (news, error) {
	for {
		select {
		case n := <-f.next:
			if n.ended != nil {
				return n, unlinked(n.ended)
			}
			if is(n) {
				return n, nil
			}
		case <-ctx.Done():
			return news{}, silent(ctx, "/host", "config")
		}
	}
}

// printLoaded tells what became of the file; what is wrong goes to stderr, and is the command's failure.
func (e *env) printLoaded(l *Loaded) error {
	if e.json {
		err := printJSON(e.out, recon.Field("file", recon.String(l.File)), recon.Field("at", recon.Int(l.At.UnixMilli())),
			recon.Field("outcome", recon.String(string(l.Outcome))), recon.Field("said", recon.String(l.Said)))
		if err != nil || l.Outcome == done {
			return err
		}
		return errTold
	}
	out := e.out
	if l.Outcome != done {
		out = e.err
	}
	for line := range strings.Lines(l.Said) {
		fmt.Fprintln(out, printable(strings.TrimSuffix(line, "\n")))
	}
	if l.Outcome != done {
		return errTold
	}
	return nil
}
