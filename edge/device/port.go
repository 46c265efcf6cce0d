package device

import (
	"context"
	"errors"
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

// Receive reads until find finds a frame in what came, and returns that frame. find is given everything that came,
// each time there is more, and returns nil as long as there is no whole frame in it; what stands before a frame may be
// the rest of another, or noise. most is how many bytes of that there may be.
//
// If no frame has come when ctx is over, the error says whether nothing came or something else, and wraps ErrNoAnswer
// or ErrGarbled. what names the frame to people: "telegram".
func Receive(ctx context.Context, p Port, what string, most int, find func(came []byte) []byte) ([]byte, error) {
	came := make([]byte, 0, most)
	for len(came) < most {
		n, err := read(ctx, p, came[len(came):most])
		came = came[:len(came)+n]
		if n > 0 {
			if frame := find(came); frame != nil {
				return frame, nil
			}
		}
		switch {
		case err == nil:
		case !errors.Is(err, context.DeadlineExceeded):
			return nil, err
		case len(came) == 0:
			return nil, Silent(p, what)
		default:
			return nil, Unreadable(p, what)
		}
	}
	return nil, Unreadable(p, what)
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

// Unreadable is the error of a port on which bytes came, and not those that should have.
func Unreadable(p Port, what string) error {
	return &Fault{
		Text:   fmt.Sprintf("what came on %s is no %s", p, what),
		Remedy: "check the speed and parity of the port and which device hangs on it; if it happens now and then: noise on the wires, so make them shorter and keep them away from motors and mains",
		Err:    ErrGarbled,
	}
}
