package command

import (
	"context"
	"errors"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// run runs a program to its end, or kills it when ctx ends, in either case with all of its process group: what it has
// left behind would go on for ever.
func run(ctx context.Context, cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	group := -cmd.Process.Pid
	killed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = syscall.Kill(group, syscall.SIGKILL)
		close(killed)
	})
	// As long as nobody has waited for it its number is nobody else's, so that the group can be killed safely.
	for errors.Is(unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil), unix.EINTR) {
	}
	if !stop() {
		<-killed
	}
	_ = syscall.Kill(group, syscall.SIGKILL)
	return cmd.Wait()
}
