package drivertest

import (
	"bytes"
	"context"
	"testing"
	"time"

	"selvage/edge/device"
)

// lax says what is wrong with the serial driver under test; the zero one is good.
type lax struct{ NoCheck, FirstBytes, NoEnd, Mute, Deaf, Bare, Garrulous bool }

// Within is that of the good one.
func (lax) Within() time.Duration { return time.Second }

// laxDev asks with '?' and is answered '=', a digit and its complement to nine.
type laxDev struct {
	c    lax
	port device.Port
}

func init() {
	device.RegisterSerial("lax", lax{}, func(ctx context.Context, p device.Port, c lax) (*laxDev, error) {
		d := &laxDev{c, p}
		_, err := d.Read(ctx)
		return d, err
	})
}

func (d *laxDev) Info() device.Info { return device.Info{Driver: "lax"} }
func (d *laxDev) Close() error      { return nil }
func (d *laxDev) Channels() []device.Channel {
	return []device.Channel{{Name: "value", Unit: "1", Max: 9}}
}

func (d *laxDev) Read(ctx context.Context) (device.Sample, error) {
	if err := ctx.Err(); err != nil && !d.c.Garrulous {
		return nil, err
	}
	_ = d.port.ResetInputBuffer()
	if _, err := d.port.Write([]byte("?")); err != nil && !d.c.Mute {
		return nil, err
	}
	if d.c.Deaf {
		ctx = context.WithoutCancel(ctx)
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Second)
		defer cancel()
	}
	frame, err := device.Receive(ctx, d.port, "frame", 100, func(came []byte) []byte {
		i := 0
		if !d.c.FirstBytes {
			i = bytes.IndexByte(came, '=')
		}
		switch {
		case i < 0, len(came) < i+3 && !(d.c.NoEnd && len(came) >= i+2):
			return nil
		case d.c.NoCheck, d.c.NoEnd, came[i+1]-'0'+came[i+2]-'0' == 9:
			return came[i:]
		}
		return nil
	})
	switch {
	case err != nil && d.c.Mute:
		return device.Sample{{Channel: "value"}}, nil
	case err != nil && d.c.Bare:
		return nil, context.DeadlineExceeded
	case err != nil:
		return nil, err
	}
	return device.Sample{{Channel: "value", Value: float64(frame[min(len(frame), 3)-1] - '0')}}, nil
}

// answerer answers the question.
type answerer struct {
	came []byte
	wait time.Duration
}

func (a *answerer) String() string                       { return "answerer" }
func (a *answerer) Close() error                         { return nil }
func (a *answerer) SetMode(device.Mode) error            { return nil }
func (a *answerer) ResetInputBuffer() error              { a.came = nil; return nil }
func (a *answerer) SetReadTimeout(d time.Duration) error { a.wait = d; return nil }
func (a *answerer) Write(b []byte) (int, error) {
	a.came = append(a.came, "=45"...)
	return len(b), nil
}

func (a *answerer) Read(b []byte) (int, error) {
	n := copy(b, a.came)
	if a.came = a.came[n:]; n == 0 {
		time.Sleep(a.wait)
	}
	return n, nil
}

func TestGoodSerialDriver(t *testing.T) {
	Run(t, Case{Driver: "lax", Port: func() device.Port { return new(answerer) }, Checksums: true})
}

func TestLaxSerialDrivers(t *testing.T) {
	for _, c := range []struct {
		rule   string
		config lax
		fault  string
	}{
		{"finds its frame behind garbage", lax{FirstBytes: true}, "with 00 ahead of what comes"},
		{"takes no changed frame for a good one", lax{NoCheck: true}, "flipped on the way: measured"},
		{"takes no cut frame for a whole one", lax{NoEnd: true}, "want an error"},
		{"takes nobody else's words", lax{NoCheck: true}, "text without an end: error <nil>"},
		{"reports silence", lax{Mute: true}, "no error; a value that was not read"},
		{"reports silence", lax{Bare: true}, "does not wrap the bus's error"},
		{"reports a port that is gone", lax{Mute: true}, "does not wrap the port's error"},
		{"ends its waits with its context", lax{Deaf: true}, "the driver came back"},
		{"obeys a context that has ended", lax{Garrulous: true}, "transfers after the context had ended"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			wantFault(t, c.rule, Case{Driver: "lax", Config: c.config, Port: func() device.Port { return new(answerer) }, Checksums: true}, c.fault)
		})
	}
}
