package cli

import (
	"context"

	"github.com/spf13/cobra"

	"selvage/edge/peer"
	"selvage/edge/recon"
	"selvage/edge/route"
)

func (e *env) getCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "get URI LANE",
		Short:   "print what a lane holds now",
		Example: "  selvage get /device/air temperature",
		Args:    takes(2, 2),
		RunE:    func(c *cobra.Command, args []string) error { return e.get(c.Context(), args[0], args[1]) },
	}
}

func (e *env) get(ctx context.Context, uri, lane string) error {
	node, err := e.aimLane(uri, lane)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	c, err := e.dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close(closeNormal, "")
	bodies, err := state(ctx, c, node, lane)
	if err != nil {
		return err
	}
	now, err := gather(ctx, bodies)
	if err != nil {
		return err
	}
	e.tellStale(ctx, c, node, lane)
	if e.json {
		now.list = now.list || now.empty && isList(ctx, c, node, lane)
		return now.printJSON(e.out, recon.Field("node", recon.String(node)), recon.Field("lane", recon.String(lane)))
	}
	return now.print(e.out)
}

// isList asks the host what type a lane has; not every host tells.
func isList(ctx context.Context, c *peer.Conn, node, lane string) bool {
	ctx, cancel := context.WithTimeout(ctx, staleTime)
	defer cancel()
	lanes, _ := contentOf(ctx, c, "swim:meta:node/"+route.Escape(node), "lanes")
	for _, it := range lanes.entries {
		if name, _ := it.Key.Text(); name == lane {
			kind, _ := it.Value.Get("laneType").Text()
			return kind == "list"
		}
	}
	return false
}

// closeNormal is WebSocket's code for a connection that has served its purpose.
const closeNormal = 1000
