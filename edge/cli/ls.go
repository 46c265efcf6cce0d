package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"selvage/edge/peer"
	"selvage/edge/recon"
	"selvage/edge/route"
)

func (e *env) lsCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "ls [URI]",
		Short:   "list the host's agents, or an agent's lanes and what they hold",
		Example: "  selvage ls\n  selvage ls /device/air",
		Args:    takes(0, 1),
		RunE: func(c *cobra.Command, args []string) error {
			ctx, cancel := context.WithTimeout(c.Context(), answerTime)
			defer cancel()
			uri := ""
			if len(args) > 0 {
				uri = args[0]
				if err := wantURI(uri); err != nil {
					return err
				}
			}
			node, err := e.aim(uri)
			if err != nil {
				return err
			}
			conn, err := e.dial(ctx)
			if err != nil {
				return err
			}
			defer conn.Close(closeNormal, "")
			if strings.Trim(node, "/") == "" {
				return e.listNodes(ctx, conn)
			}
			return e.listLanes(ctx, conn, node)
		},
	}
}

func (e *env) listNodes(ctx context.Context, c *peer.Conn) error {
	nodes, err := contentOf(ctx, c, "swim:meta:host", "nodes")
	if err != nil {
		return err
	}
	var rows [][]string
	for _, it := range nodes.entries {
		if e.json {
			if err := printJSON(e.out, recon.Field("node", it.Key), recon.Field("agents", it.Value.Get("agents"))); err != nil {
				return err
			}
			continue
		}
		rows = append(rows, []string{inWords(it.Key), kinds(it.Value.Get("agents"))})
	}
	return printRows(e.out, rows)
}

// kinds writes the kinds of a node's agents.
func kinds(v recon.Value) string {
	var names []string
	for _, it := range v.Items() {
		names = append(names, inWords(it.Value))
	}
	if names == nil {
		return inWords(v)
	}
	return strings.Join(names, ", ")
}

func (e *env) listLanes(ctx context.Context, c *peer.Conn, uri string) error {
	node, _, err := route.Node("/", uri)
	if err != nil {
		return usagef("%w", err)
	}
	meta := "swim:meta:node/" + route.Escape(string(node))
	lanes, err := contentOf(ctx, c, meta, "lanes")
	if u, ok := isUnlinked(err); ok && u.Reason == "nodeNotFound" {
		err = &trouble{fmt.Errorf("there is no agent %s", node), "see what agents there are: " + program() + " ls"}
	}
	if err != nil {
		return err
	}
	linked := isLinked(ctx, c, meta)
	var rows [][]string
	for _, it := range lanes.entries {
		name, _ := it.Key.Text()
		links := 0
		if linked {
			links = linksTo(ctx, c, meta, name)
		}
		kind, _ := it.Value.Get("laneType").Text()
		var now content
		of, isPast := it.Value.Get("shows").Text() // a history may be too long to be read for this
		holds := kind != "command" && kind != "supply" && kind != "http" && !isPast
		if holds {
			if now, err = contentOf(ctx, c, string(node), name); err != nil {
				return err
			}
		}
		if !e.json {
			brief := now.brief(holds)
			if isPast {
				brief = "(all that " + printable(of) + " was)"
			}
			rows = append(rows, []string{printable(name), printable(kind), brief, linksInWords(links)})
			continue
		}
		line := []recon.Item{recon.Field("node", recon.String(string(node))), recon.Field("lane", it.Key), recon.Field("type", recon.String(kind))}
		if holds {
			now.list = now.list || kind == "list" // an empty one does not show what it is
			line = append(line, recon.Field("value", now.all()))
		}
		if links > 0 {
			line = append(line, recon.Field("links", recon.Int(int64(links))))
		}
		if err := printJSON(e.out, line...); err != nil {
			return err
		}
	}
	return printRows(e.out, rows)
}

// isLinked reports whether somebody has a link to the agent. A host that does not tell has none.
func isLinked(ctx context.Context, c *peer.Conn, meta string) bool {
	pulse, err := contentOf(ctx, c, meta, "pulse")
	n, _ := pulse.value.Get("uplinks").Get("linkCount").Int()
	return err == nil && n > 0
}

func linksTo(ctx context.Context, c *peer.Conn, meta, lane string) int {
	links, err := contentOf(ctx, c, meta+"/lane/"+route.Escape(lane), "uplinks")
	if err != nil {
		return 0
	}
	return len(links.entries)
}

func linksInWords(n int) string {
	switch n {
	case 0:
		return ""
	case 1:
		return "1 link"
	}
	return fmt.Sprintf("%d links", n)
}

// brief writes a lane's content on what is left of a line.
func (c content) brief(holds bool) string {
	const wide = 60
	switch {
	case !holds:
		return ""
	case c.empty:
		return "(empty)"
	case len(c.entries) == 1:
		return "1 entry"
	case len(c.entries) > 1:
		return fmt.Sprintf("%d entries", len(c.entries))
	}
	s := onLine(c.value)
	if r := []rune(s); len(r) > wide {
		s = string(r[:wide]) + "…"
	}
	return s
}

func contentOf(ctx context.Context, c *peer.Conn, node, lane string) (content, error) {
	bodies, err := state(ctx, c, node, lane)
	if err != nil {
		return content{}, err
	}
	return gather(ctx, bodies)
}
