package cli

import (
	"os"
	"os/signal"
	"syscall"
)

// calls is how SIGHUP reaches a host. It asks for a reload, unless it comes since the terminal was
// closed that the host was started from.
type calls struct {
	hangups chan os.Signal
	onTerm  bool // there was a terminal, whose end is to be the host's
}

func listenForCalls() *calls {
	c := &calls{hangups: make(chan os.Signal, 1)}
	c.onTerm = !signal.Ignored(syscall.SIGHUP) && hasTerminal() // under nohup it is ignored
	signal.Reset(syscall.SIGHUP)                                // which else ends every command
	signal.Notify(c.hangups, syscall.SIGHUP)
	return c
}

func (c *calls) stop() { signal.Stop(c.hangups) }

func (c *calls) terminalClosed() bool { return c.onTerm && !hasTerminal() }

// hasTerminal reports whether the process has a controlling terminal. The kernel takes it away before it
// sends the SIGHUP of one that is closed (tty_io.c, __tty_hangup).
func hasTerminal() bool {
	tty, err := os.OpenFile("/dev/tty", os.O_RDONLY|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	tty.Close()
	return true
}
