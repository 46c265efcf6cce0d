package drivertest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"selvage/edge/device"
)

// port stands between a driver and a port. It counts reads and writes, can make them fail, and can put bytes before
// those that come or keep all away.
type port struct {
	device.Port
	n      int // reads and writes so far
	gone   bool
	silent bool
	before []byte // comes ahead of what comes next
	wait   time.Duration
	told   func()       // of every write and reset
	heard  func([]byte) // of every read
}

var errGone = fmt.Errorf("drivertest: %w", device.ErrBusGone)

func (p *port) SetReadTimeout(d time.Duration) error {
	p.wait = d
	return p.Port.SetReadTimeout(d)
}

func (p *port) Read(b []byte) (int, error) {
	p.n++
	switch {
	case p.gone:
		return 0, errGone
	case p.silent:
		time.Sleep(p.wait)
		return 0, nil
	}
	if len(p.before) > 0 {
		n := copy(b, p.before)
		p.before = p.before[n:]
		return n, nil
	}
	n, err := p.Port.Read(b)
	if p.heard != nil {
		p.heard(b[:n])
	}
	return n, err
}

func (p *port) Write(b []byte) (int, error) {
	p.n++
	if p.gone {
		return 0, errGone
	}
	if p.told != nil {
		p.told()
	}
	return p.Port.Write(b)
}

func (p *port) ResetInputBuffer() error {
	if p.gone {
		return errGone
	}
	if p.told != nil {
		p.told()
	}
	return p.Port.ResetInputBuffer()
}

// rerun plays what came in a session again: the bytes that followed the opening, and each write and reset of the buffer.
type rerun struct {
	parts [][]byte
	at    int // the part that is played
	wait  time.Duration
}

func (t *rerun) String() string                       { return "rerun" }
func (t *rerun) Close() error                         { return nil }
func (t *rerun) SetMode(device.Mode) error            { return nil }
func (t *rerun) ResetInputBuffer() error              { t.at++; return nil }
func (t *rerun) SetReadTimeout(d time.Duration) error { t.wait = d; return nil }
func (t *rerun) Write(b []byte) (int, error)          { t.at++; return len(b), nil }
func (t *rerun) Read(b []byte) (n int, err error) {
	if t.at < len(t.parts) {
		n = copy(b, t.parts[t.at])
		t.parts[t.at] = t.parts[t.at][n:]
	}
	if n == 0 {
		time.Sleep(t.wait)
	}
	return n, nil
}

// patience is what the manager would give a driver for one measurement.
func (r *rig) patience() time.Duration { return r.driver.Patience(r.c.Config) }

// session opens a device on a port and uses it once, in no more time than the manager gives.
func (r *rig) session(t testing.TB, p device.Port) (device.Sample, error) {
	ctx, cancel := context.WithTimeout(t.Context(), r.patience())
	defer cancel()
	d, err := r.driver.Open(ctx, p, r.c.Config)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	more, cancel := context.WithTimeout(t.Context(), r.patience())
	defer cancel()
	return use(more, d)
}

// record notes what comes in a session on the working wire.
func (r *rig) record(t testing.TB) (parts [][]byte, whole device.Sample) {
	t.Helper()
	parts = make([][]byte, 1)
	r.port.told = func() { parts = append(parts, nil) }
	r.port.heard = func(b []byte) { parts[len(parts)-1] = append(parts[len(parts)-1], b...) }
	whole, err := r.session(t, r.port)
	if err != nil {
		t.Fatalf("on a working wire: %v", err)
	}
	r.port.told, r.port.heard = nil, nil
	return parts, whole
}

// play has a session with what came changed.
func (r *rig) play(t testing.TB, parts [][]byte, change func(parts [][]byte)) (device.Sample, error) {
	again := make([][]byte, len(parts))
	for i := range parts {
		again[i] = append([]byte(nil), parts[i]...)
	}
	change(again)
	return r.session(t, &rerun{parts: again})
}

// heard tells whether an error is one of the two that a serial device may have: nothing came, or something else.
func heard(t testing.TB, what string, err error) {
	t.Helper()
	var f *device.Fault
	switch {
	case !errors.Is(err, device.ErrGarbled) && !errors.Is(err, device.ErrNoAnswer):
		t.Errorf("%s: error %v, want one that wraps device.ErrGarbled or device.ErrNoAnswer", what, err)
	case !errors.As(err, &f) || f.Remedy == "":
		t.Errorf("%s: %v has no remedy; use device.Receive, or device.Silent and device.Unreadable", what, err)
	}
}

// nothingElse checks that a sample has no value that the whole one has not. What failed may be in it, if it says so.
func nothingElse(t testing.TB, what string, s, whole device.Sample) {
	t.Helper()
	for i, m := range s {
		if m.Err != nil {
			heard(t, what+": "+m.Channel, m.Err)
		} else if i >= len(whole) || m != whole[i] {
			t.Errorf("%s: measured %+v, want an error or what is in %+v", what, m, whole)
		}
	}
}

func findsBehindGarbage(t testing.TB, r *rig) {
	parts, whole := r.record(t)
	for _, garbage := range [][]byte{{0}, {0xFF, 0xFF, 0xFF}, tail(parts), head(parts)} {
		s, err := r.play(t, parts, func(parts [][]byte) {
			for i := range parts {
				if len(parts[i]) > 0 {
					parts[i] = append(append([]byte(nil), garbage...), parts[i]...)
				}
			}
		})
		if err != nil || !reflect.DeepEqual(s, whole) {
			t.Errorf("with % x ahead of what comes: %+v, %v, want %+v", garbage, s, err, whole)
		}
	}
}

// tail and head are the last and the first bytes of a session's last part: the rest of a frame whose begin was missed,
// and one that broke off.
func tail(parts [][]byte) []byte {
	last := parts[len(parts)-1]
	return last[len(last)-min(4, len(last)):]
}

func head(parts [][]byte) []byte {
	last := parts[len(parts)-1]
	return last[:min(3, len(last))]
}

func findsChangedFrames(t testing.TB, r *rig) {
	if !r.c.Checksums {
		t.Skip("what the device sends has no checksums")
	}
	parts, whole := r.record(t)
	const enough = 400 // flips; a telegram has more bits than that
	bits := 0
	for _, p := range parts {
		bits += 8 * len(p)
	}
	for bit := 0; bit < bits; bit += 1 + bits/enough {
		s, err := r.play(t, parts, func(parts [][]byte) {
			at := bit
			for _, p := range parts {
				if at < 8*len(p) {
					p[at/8] ^= 1 << (at % 8)
					return
				}
				at -= 8 * len(p)
			}
		})
		what := fmt.Sprintf("bit %d flipped on the way", bit)
		switch {
		case err != nil:
			heard(t, what, err)
		default:
			nothingElse(t, what, s, whole)
		}
	}
}

func findsCutFrames(t testing.TB, r *rig) {
	parts, whole := r.record(t)
	const enough = 100 // cuts of each part
	for i := range parts {
		for n := 0; n < len(parts[i]); n += 1 + len(parts[i])/enough {
			s, err := r.play(t, parts, func(parts [][]byte) {
				parts[i] = parts[i][:n]
				clear(parts[i+1:])
			})
			what := fmt.Sprintf("after byte %d of part %d nothing more came", n, i)
			switch {
			case err != nil:
				heard(t, what, err)
			default:
				nothingElse(t, what, s, whole)
			}
		}
	}
}

// babble is what never ends, and is not what the driver listens for, ten bytes at a time.
type babble struct {
	rerun
	next func() byte
}

func (b *babble) Read(p []byte) (int, error) {
	time.Sleep(min(b.wait, 10*time.Millisecond)) // 9600 baud
	p = p[:min(len(p), 10)]
	for i := range p {
		p[i] = b.next()
	}
	return len(p), nil
}

// takesNoBabble: a line that is shorted, a wrong speed, another device.
func takesNoBabble(t testing.TB, r *rig) {
	n := 0
	text := "=12 another device, which has much to say\r\n"
	chance := rand.New(rand.NewPCG(7, 7))
	for what, next := range map[string]func() byte{
		"zeros":  func() byte { return 0 },
		"ones":   func() byte { return 0xFF },
		"text":   func() byte { n++; return text[n%len(text)] },
		"chance": func() byte { return byte(chance.Uint32()) },
	} {
		start := time.Now()
		_, err := r.session(t, &babble{next: next})
		heard(t, what+" without an end", err)
		if took := time.Since(start); took > 2*(r.patience()+slice) {
			t.Errorf("%s without an end took %v, of %v", what, took, 2*r.patience())
		}
	}
}

func reportsSilence(t testing.TB, r *rig) {
	d := r.mustOpen(t)
	r.port.silent = true
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), r.patience())
		_, err := use(ctx, d)
		cancel()
		needsRemedy(t, "use while nothing comes", err)
	}
	if _, err := r.session(t, r.port); !errors.Is(err, device.ErrNoAnswer) {
		t.Errorf("open and use while nothing comes: %v, want an error that wraps device.ErrNoAnswer", err)
	}
	r.port.silent = false
	ctx, cancel := context.WithTimeout(t.Context(), r.patience())
	defer cancel()
	if _, err := use(ctx, d); err != nil {
		t.Errorf("when it speaks again: %v", err)
	}
}

func reportsGonePort(t testing.TB, r *rig) {
	d := r.mustOpen(t)
	r.port.gone = true
	if _, err := use(t.Context(), d); !errors.Is(err, device.ErrBusGone) {
		t.Errorf("use while the port is gone: %v does not wrap the port's error, which the manager looks for", err)
	}
	if err := d.Close(); err != nil {
		t.Errorf("Close while the port is gone: %v", err)
	}
	r.port = &port{Port: r.c.Port()} // plugged in again: the manager opens another
	if _, err := r.session(t, r.port); err != nil {
		t.Errorf("plugged in again: %v", err)
	}
}

// slice is how long a port may wait before it looks at its context.
const slice = 50 * time.Millisecond

func endsWaits(t testing.TB, r *rig) {
	d := r.mustOpen(t)
	for _, after := range []time.Duration{0, time.Millisecond, 70 * time.Millisecond} {
		r.port.silent = true
		ctx, cancel := context.WithCancel(t.Context())
		end := time.Now().Add(after)
		stop := time.AfterFunc(after, cancel)
		_, err := use(ctx, d)
		if late := time.Since(end); late > slice+10*time.Millisecond {
			t.Errorf("the context ended after %v and the driver came back %v later; use device.Receive and device.Wait", after, late)
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the context ended after %v: error %v, want context.Canceled", after, err)
		}
		stop.Stop()
		cancel()
		r.port.silent = false
	}
	ctx, cancel := context.WithTimeout(t.Context(), r.patience())
	defer cancel()
	if _, err := use(ctx, d); err != nil {
		t.Errorf("after measurements cut short: %v", err)
	}
}
