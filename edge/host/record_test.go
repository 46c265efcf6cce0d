package host

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"selvage/edge/agent"
	"selvage/edge/clock"
	"selvage/edge/device"
	"selvage/edge/health"
	"selvage/edge/leaktest"
	"selvage/edge/route"
	"selvage/edge/store"
)

// TestReadingGetsItsTime: a reading of before the time was known has the right one after a restart, and what is
// recorded of the past does not take its place.
func TestReadingGetsItsTime(t *testing.T) {
	leaktest.Check(t)
	dir, c := t.TempDir(), clock.New("boot", func() bool { return false })
	kind := agent.NewKind("air", struct{}{}, func(a *agent.Agent, _ struct{}) error {
		agent.Value(a, "temperature", device.Reading{})
		return nil
	})
	run := func(do func(h *Host)) {
		t.Helper()
		s, err := store.Open(store.Options{Dir: dir, Clock: c})
		if err != nil {
			t.Fatal(err)
		}
		s.SetRules(func(route.NodeURI, route.LaneName) (store.Keep, bool) { return store.Keep{For: time.Hour}, true })
		h := New(Options{Clock: c, Health: health.NewBoard(), Log: slog.New(slog.DiscardHandler), Store: s})
		if _, err := h.Add("/air", Agents, kind, nil); err != nil {
			t.Fatal(err)
		}
		do(h)
		if err := errors.Join(h.Stop(t.Context()), s.Close()); err != nil {
			t.Fatal(err)
		}
	}
	text := func(r device.Reading) string {
		body, err := r.AppendRecon(nil)
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	shows := func(h *Host, want device.Reading) {
		t.Helper()
		state, err := h.Read(t.Context(), "/air", "temperature")
		if err != nil || len(state.Events) != 1 || string(state.Events[0]) != text(want) {
			t.Errorf("the lane shows %q, %v, want %s", state.Events, err, text(want))
		}
	}
	r := device.Reading{Value: 21.5, Unit: "Cel", Quality: device.Uncertain, Reason: "settling", At: c.Now()}
	run(func(h *Host) {
		if err := h.Do(t.Context(), "/air", "temperature", []byte(text(r))); err != nil {
			t.Fatal(err)
		}
		shows(h, r)
	})
	c.Learn(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC))
	r.At, _ = c.Correct(r.At)
	run(func(h *Host) {
		shows(h, r)
		before := device.Reading{Value: 20, Unit: "Cel", At: clock.At(r.At.Time().Add(-time.Minute))}
		taken, expired, err := h.Record(t.Context(), "/air", "temperature", []Past{
			{[]byte(text(before)), before.At}, {[]byte(text(before)), clock.At(r.At.Time().Add(-2 * time.Hour))},
		})
		if taken != 2 || expired != 1 || err != nil || h.Health.Count("history.expired") != 1 {
			t.Errorf("%d were taken, %d of these expired, %d counted: %v", taken, expired, h.Health.Count("history.expired"), err)
		}
		shows(h, r)
		all, err := h.History("/air", "temperature", time.Time{}, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for p, ok := all.Next(); ok; p, ok = all.Next() {
			got += fmt.Sprintf("%s ", p.Body)
		}
		if want := text(before) + " " + text(r) + " "; got != want {
			t.Errorf("it had %s, want %s", got, want)
		}
	})
}
