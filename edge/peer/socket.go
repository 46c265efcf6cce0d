package peer

import (
	"net"
	"syscall"
)

// readSocket reads what there is from a non-blocking socket; nothing is EAGAIN.
func readSocket(fd uintptr, b []byte) (n int, err error) {
	for {
		n, err = syscall.Read(int(fd), b)
		if err != syscall.EINTR {
			return max(n, 0), err
		}
	}
}

// rawSocket returns the socket below a connection, nil if there is more to the connection than that.
func rawSocket(c net.Conn) syscall.RawConn {
	if tcp, ok := c.(*net.TCPConn); ok {
		if raw, err := tcp.SyscallConn(); err == nil {
			return raw
		}
	}
	return nil
}
