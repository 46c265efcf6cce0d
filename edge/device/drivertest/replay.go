package drivertest

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/device"
	"selvage/edge/device/tape"
)

// Replay makes a test of a recording (see edge/device/tape) that has the traffic of a wire: it plays it through its
// driver, in virtual time, and holds what comes out against what the recording says. So what went wrong in the field
// becomes a test: record it, change the lines that say what came of it to what should have come of it, and mend the
// driver until the test passes.
//
// A reading is compared by its value, to the resolution of its channel, and by whether it is bad; a failure by its kind
// (no-answer, garbled, …). What a driver does differently from when it was recorded is no fault as long as all that it
// asks for is in the recording, in that order.
func Replay(t *testing.T, file string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		for _, fault := range replay(t.Context(), file) {
			t.Errorf("%s: %v", file, fault)
		}
	})
}

// within bounds a call of a driver, as the manager does.
const within = device.DefaultTimeout

// replay returns what came out differently.
func replay(ctx context.Context, file string) (faults []error) {
	f, err := os.Open(file)
	if err != nil {
		return []error{err}
	}
	defer f.Close()
	r, err := tape.NewReader(f)
	if err != nil {
		return []error{err}
	}
	p, err := tape.NewPlayer(&r.Head, 1)
	if err != nil {
		return []error{err}
	}
	defer p.Close()
	for n := 0; ; n++ {
		a, err := r.Attempt()
		if err == io.EOF && n == 0 {
			err = errors.New("nothing is tried in the recording")
		}
		if err == io.EOF {
			return faults
		}
		if err != nil {
			return append(faults, err)
		}
		if err := attempt(ctx, p, a); err != nil {
			faults = append(faults, err)
		}
	}
}

// attempt plays an attempt and compares what comes of it.
func attempt(ctx context.Context, p *tape.Player, a *tape.Attempt) error {
	var got device.Sample
	var err error
	for i := range a.Steps {
		s := &a.Steps[i]
		if p.Device == nil && s.Call != "open" {
			continue // the recording began later
		}
		ctx, cancel := context.WithTimeout(ctx, within)
		sample, failed := p.Play(ctx, s)
		cancel()
		if s.Call == "read" {
			got = sample
		}
		if err = failed; err != nil {
			break
		}
	}
	other := p.Wire.Other()
	switch {
	case errors.Is(err, tape.ErrOther) || err != nil && other != nil:
		return a.Fault("%v", other)
	case a.Report == nil:
		return nil
	case err != nil && a.Report.Err == nil:
		return a.Fault("it failed: %v", err)
	case err == nil && a.Report.Err != nil && !allBad(a.Report.Readings):
		return a.Fault("it did not fail, but the recording says: %v", a.Report.Err)
	case err != nil && tape.NameOf(err) != tape.NameOf(a.Report.Err):
		return a.Fault("it failed by %s (%v), but the recording says: %s (%v)", tape.NameOf(err), err, tape.NameOf(a.Report.Err), a.Report.Err)
	}
	if sensor, ok := p.Device.(device.Sensor); ok && err == nil {
		return compare(a, sensor.Channels(), got)
	}
	return nil
}

// allBad tells whether a failure only is that each reading is bad.
func allBad(rs []device.NamedReading) bool { return len(rs) > 0 }

// compare holds what was measured against the recording.
func compare(a *tape.Attempt, channels []device.Channel, s device.Sample) error {
	now := map[string]device.Reading{}
	for _, n := range device.Judged(channels, s) {
		now[n.Channel] = n.Reading
	}
	if len(now) != len(a.Report.Readings) {
		return a.Fault("it measured %d quantities, the recording has %d", len(now), len(a.Report.Readings))
	}
	resolution := map[string]float64{}
	for _, c := range channels {
		resolution[c.Name] = c.Resolution
	}
	for _, n := range a.Report.Readings {
		is, ok := now[n.Channel]
		want := n.Reading
		off := math.Max(resolution[n.Channel], 1e-9*math.Abs(want.Value)) * 1.001
		switch {
		case !ok:
			return a.Fault("it did not measure %s", n.Channel)
		case (is.Quality >= device.Bad) != (want.Quality >= device.Bad):
			return a.Fault("%s is %s (%v), the recording says %s (%v)", n.Channel, is.Quality, is, want.Quality, want)
		case want.Quality < device.Bad && (math.Abs(is.Value-want.Value) > off || is.Text != want.Text):
			return a.Fault("%s is %v, the recording says %v", n.Channel, is, want)
		}
	}
	return nil
}

// Recorded runs a device for a while, in virtual time, and writes a recording of it to a file, as selvage record does
// on a real one. It is for drivers' tests that want a recording of a simulated chip.
func Recorded(t *testing.T, file string, s device.Spec, during time.Duration) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := tape.NewWriter(f, s)
	if err != nil {
		t.Fatal(err)
	}
	m := device.NewManager(device.Options{Log: slog.New(slog.DiscardHandler)})
	if err := m.Add(s); err != nil {
		t.Fatal(err)
	}
	stop, err := m.Listen(s.Name, func(h device.Heard) { _ = w.Hear(h) })
	if err != nil {
		t.Fatal(err)
	}
	m.Start()
	time.Sleep(during)
	stop()
	if err := m.Stop(context.Background()); err != nil {
		t.Error(err)
	}
	if err := w.End(); err != nil {
		t.Error(err)
	}
}
