//go:build !linux

package command

import (
	"context"
	"os/exec"
)

// run runs a program to its end, or kills it when ctx ends.
func run(ctx context.Context, cmd *exec.Cmd) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })()
	return cmd.Wait()
}
