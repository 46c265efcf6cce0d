package device

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// slowOutput is an output without a wire, so with an owner of its own, that takes its time to close.
type slowOutput struct{ slowOutputConfig }

type slowOutputConfig struct {
	Close time.Duration
	Mark  int
}

func (*slowOutput) Info() Info                       { return Info{} }
func (*slowOutput) Takes() Channel                   { return Channel{Form: Boolean} }
func (*slowOutput) Safe() Value                      { return On(false) }
func (*slowOutput) Out(context.Context, Value) error { return nil }
func (s *slowOutput) Close() error                   { time.Sleep(s.slowOutputConfig.Close); return nil }

func init() {
	Register("test-slow-output", slowOutputConfig{}, func(_ context.Context, c slowOutputConfig) (*slowOutput, error) {
		return &slowOutput{c}, nil
	})
}

func slowSpec(name string, close time.Duration, mark int) Spec {
	return Spec{Name: name, Driver: "test-slow-output", Config: slowOutputConfig{close, mark}, Timeout: time.Minute}
}

func lastState(rs []Report) string {
	words := strings.Fields(states(rs))
	if len(words) == 0 {
		return "nothing"
	}
	return words[len(words)-1]
}

// An owner that has told what was asked of its device may be gone before that is heard.
func TestApplyKeepsWhatWasAsked(t *testing.T) {
	for range 100 {
		synctest.Test(t, func(t *testing.T) {
			const slow = 300 * time.Millisecond
			b := newBench(t, slowSpec("slow", slow, 1), slowSpec("heater", 0, 1))
			b.Start()
			must(t, b.Out("heater", On(true)))
			synctest.Wait()
			b.take("heater")
			must(t, b.Apply(t.Context(), Update{Change: []Spec{slowSpec("slow", slow, 2), slowSpec("heater", 0, 2)}}))
			synctest.Wait()
			expect(t, "after both changed", lastState(b.take("heater")), "on")
			b.stop()
		})
	}
}

// What was asked of an output that closes after its time is done by the one in its place, unless that was
// asked something else.
func TestApplyHandsOverLate(t *testing.T) {
	for name, test := range map[string]struct {
		meanwhile func(b *bench) error
		want      string
	}{
		"nothing": {func(*bench) error { return nil }, "on"},
		"off":     {func(b *bench) error { return b.Out("heater", On(false)) }, "off"},
		"safe":    {func(b *bench) error { return b.MakeSafe("heater") }, "off(safe)"},
		"changed": {func(b *bench) error { return b.Apply(b.t.Context(), Update{Change: []Spec{slowSpec("heater", 0, 3)}}) }, "off(safe)"},
		"removed": {func(b *bench) error { return b.Remove(b.t.Context(), "heater") }, "off"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, slowSpec("heater", 6*time.Second, 1))
				b.Start()
				must(t, b.Out("heater", On(true)))
				synctest.Wait()
				b.take("heater")
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				if err := b.Apply(ctx, Update{Change: []Spec{slowSpec("heater", 0, 2)}}); err == nil || !strings.Contains(err.Error(), "device heater was not closed in time") {
					t.Errorf("got %v", err)
				}
				must(t, test.meanwhile(b))
				time.Sleep(time.Minute)
				expect(t, "at last", lastState(b.take("heater")), test.want)
				b.stop()
			})
		})
	}
}

// A manager that stops does not wait for what is late.
func TestApplyLateWhenItStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, slowSpec("heater", time.Minute, 1))
		b.Start()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := b.Apply(ctx, Update{Change: []Spec{slowSpec("heater", 0, 2)}}); err == nil {
			t.Error("no error")
		}
		if err := b.Stop(context.Background()); err == nil {
			t.Error("what hangs was not named")
		}
		time.Sleep(time.Hour)
	})
}
