package device

import (
	"context"
	"fmt"
	"time"
)

// slice is how long a read of a port waits before it looks whether its context has ended.
const slice = 50 * time.Millisecond

// ReadFull reads len(b) bytes. If the context ends first it returns the context's error and how many there were.
func ReadFull(ctx context.Context, p Port, b []byte) (n int, err error) {
	for n < len(b) {
		more, err := read(ctx, p, b[n:])
		if n += more; err != nil {
			return n, err
		}
	}
	return n, nil
}

// read waits for some bytes.
func read(ctx context.Context, p Port, b []byte) (n int, err error) {
	for n == 0 && err == nil {
		if err = ctx.Err(); err != nil {
			return 0, err
		}
		wait := slice
		if end, ok := ctx.Deadline(); ok {
			wait = max(min(wait, time.Until(end)), time.Millisecond)
		}
		if err = p.SetReadTimeout(wait); err == nil {
			n, err = p.Read(b)
		}
	}
	return n, err
}

// Silent is the error of a port on which nothing came that should have.
func Silent(p Port, what string) error {
	return &Fault{
		Text:   fmt.Sprintf("no %s came on %s", what, p),
		Remedy: "check power, that the device's TX goes to our RX and its RX to our TX, the ground wire, and the speed",
		Err:    ErrNoAnswer,
	}
}
