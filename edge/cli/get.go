package cli

import (
	"context"

	"github.com/spf13/cobra"

	"selvage/edge/recon"
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
		return printJSON(e.out, recon.Field("node", recon.String(node)), recon.Field("lane", recon.String(lane)), recon.Field("value", now.all()))
	}
	return now.print(e.out)
}

// closeNormal is WebSocket's code for a connection that has served its purpose.
const closeNormal = 1000
