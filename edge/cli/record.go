package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"selvage/edge/device"
	"selvage/edge/device/tape"
	"selvage/edge/recon"
)

func (e *env) recordCommand() *cobra.Command {
	var path string
	var during time.Duration
	c := &cobra.Command{
		Use:   "record NAME",
		Short: "record what goes over the wire of a device, and what comes of it, until Ctrl-C",
		Long: `Writes a recording of a device, JSON lines: what its driver is asked, what goes over its bus or serial port, and what
comes of it. Of a device on a pin, or on no wire, that is what it measures alone.

The device is that of a host that runs, which closes it and opens it again, so that the recording begins at the
beginning; or, if none runs, that of the config, which is read as a host would.

The driver replay plays recordings, and drivertest.Replay makes a test of one. go doc selvage/edge/device/tape has the
format.`,
		Example: "  selvage record air > air.jsonl\n  selvage record air --for 1m > air.jsonl",
		Args:    takes(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			ctx := c.Context()
			t, err := e.target(ctx, c, path, args[0])
			if err != nil {
				return err
			}
			if during > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, during)
				defer cancel()
			}
			if t.live {
				return e.recordLive(ctx, t.name)
			}
			if err := t.inTheWay(); err != nil {
				return err
			}
			return e.recordOwn(ctx, *t.spec)
		},
	}
	configFlag(c, &path)
	c.Flags().DurationVar(&during, "for", 0, "end after this time")
	return c
}

// recordLive writes the recording that a host makes of one of its devices.
func (e *env) recordLive(ctx context.Context, name string) error {
	began := time.Now()
	expected := 0
	err := e.listen(ctx, name, func(r recorded) (bool, error) {
		if expected == 0 {
			fmt.Fprintf(e.err, "%s recording %s of %s; Ctrl-C ends\n", mark(e.err), printable(name), e.host)
		}
		if r.N != expected { // events that did not come had lines that nobody has counted
			if _, err := fmt.Fprintf(e.out, "{\"t\":%.3f,\"lost\":%d}\n", time.Since(began).Seconds(), r.N-expected); err != nil {
				return false, err
			}
		}
		expected = r.N + 1
		_, err := io.WriteString(e.out, r.Text)
		return true, err
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.out, "{\"t\":%.3f,\"end\":true}\n", time.Since(began).Seconds())
	return err
}

// listen has took called with the lines that a host records of a device, until it wants no more of them or ctx ends.
func (e *env) listen(ctx context.Context, name string, took func(recorded) (more bool, err error)) error {
	reach, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	c, err := e.dial(reach)
	if err != nil {
		return err
	}
	defer c.Close(closeNormal, "")
	f := newFeed()
	defer f.close()
	if _, err := c.Follow(recordingNode(name, strings.ToLower(rand.Text())), recordingLane, true, f); err != nil {
		return unlinked(err)
	}
	for {
		select {
		case n := <-f.next:
			if n.ended != nil {
				return unrecorded(n.ended, name)
			}
			if n.synced {
				continue
			}
			var r recorded
			if err := recon.Unmarshal(n.body, &r); err != nil {
				return err
			}
			if more, err := took(r); err != nil || !more {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// unrecorded explains that a host does not record a device.
func unrecorded(err error, name string) error {
	if u, ok := isUnlinked(err); ok && (u.Reason == "nodeNotFound" || u.Reason == "laneNotFound") {
		return &trouble{fmt.Errorf("that host reads no device %s by a driver", printable(name)), "see what devices it has: " + program() + " devices"}
	}
	return unlinked(err)
}

// recordOwn runs a device as a host would, and records that.
func (e *env) recordOwn(ctx context.Context, s device.Spec) error {
	if d, _ := device.Lookup(s.Driver); d.Output && !d.Sensor {
		return &trouble{fmt.Errorf("%s is an output: what is done with it is what a host does", s.Name), "record it while a host runs"}
	}
	w, err := tape.NewWriter(e.out, s)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	m := device.NewManager(device.Options{Log: slog.New(slog.DiscardHandler)})
	if err := m.Add(s); err != nil {
		return err
	}
	var mu sync.Mutex
	shown := ""
	stop, err := m.Listen(s.Name, func(h device.Heard) {
		mu.Lock()
		defer mu.Unlock()
		if h.Report != nil && h.Report.Err != nil && shown != h.Report.Err.Error() {
			shown = h.Report.Err.Error()
			fmt.Fprintf(e.err, "! %s\n", printable(shown))
		}
		if err := w.Hear(h); err != nil {
			cancel(err)
		}
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(e.err, "%s recording %s on %s; Ctrl-C ends\n", mark(e.err), s.Name, orThisMachine(s.Wire))
	m.Start()
	<-ctx.Done()
	stop()
	failed := context.Cause(ctx)
	if errors.Is(failed, context.Canceled) || errors.Is(failed, context.DeadlineExceeded) {
		failed = nil
	}
	stopped, done := context.WithTimeout(context.Background(), stopTime)
	defer done()
	return errors.Join(failed, m.Stop(stopped), w.End())
}

func orThisMachine(wire string) string {
	if wire == "" {
		return "this machine"
	}
	return wire
}
