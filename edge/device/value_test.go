package device

import (
	"context"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/recon"
)

func TestFit(t *testing.T) {
	onOff := Channel{Form: Boolean}
	duty := Channel{Unit: "%", Max: 100}
	anyNumber := Channel{Unit: "V"}
	words := Channel{Form: Text}
	for _, tt := range []struct {
		body string // as written on the lane set
		by   Channel
		want string // how it is printed, or the error after !
	}{
		{"true", onOff, "true"},
		{"off", onOff, "false"},
		{"1", onOff, "!want true or false, on or off, not 1"},
		{"warm", onOff, "!want true or false, on or off, not warm"},
		{"42.5", duty, "42.5"},
		{"100", duty, "100"},
		{"100.1", duty, "!want 0 to 100 %, not 100.1"},
		{"-1", duty, "!want 0 to 100 %, not -1"},
		{"on", duty, "!want 0 to 100 %, not on"},
		{"full", duty, "!want 0 to 100 %, not full"},
		{"1e9", anyNumber, "1000000000"},
		{"true", anyNumber, "!want a number in V, not true"},
		{`"21 °C"`, words, `"21 °C"`},
		{"on", words, "on"},
		{"true", words, "true"},
		{"17", words, `"17"`},
		{`""`, words, `""`},
		{"{a:1}", words, "!want true or false, on or off, a number or a text, read {a:1}"},
	} {
		got := fitted(tt.body, tt.by)
		if got != tt.want {
			t.Errorf("%s to one that takes %s: %s, want %s", tt.body, tt.by.wanted(), got, tt.want)
		}
	}
	for _, n := range []float64{math.NaN(), math.Inf(1)} {
		if v, err := anyNumber.Fit(Of(n)); err == nil {
			t.Errorf("%v is taken as %v", n, v)
		}
	}
}

func fitted(body string, by Channel) string {
	parsed, err := recon.Parse([]byte(body))
	if err != nil {
		return "!" + err.Error()
	}
	var v Value
	if err := v.LoadRecon(parsed); err != nil {
		return "!" + err.Error()
	}
	if v, err = by.Fit(v); err != nil {
		return "!" + err.Error()
	}
	if again, err := by.Fit(v); err != nil || again != v {
		return "!fits as " + again.String() + " the second time"
	}
	out, _ := v.AppendRecon(nil)
	return string(out)
}

// dimmer is an output that takes 0 to 100 %, on a wire that a test has in its hands.
type dimmer struct{ wire chan<- Value }

type dimmerConfig struct{ Wire chan Value }

func init() {
	Register("test-dimmer", dimmerConfig{}, func(_ context.Context, c dimmerConfig) (*dimmer, error) {
		return &dimmer{c.Wire}, nil
	})
}

func (*dimmer) Info() Info     { return Info{} }
func (*dimmer) Close() error   { return nil }
func (*dimmer) Takes() Channel { return Channel{Unit: "%", Max: 100} }
func (*dimmer) Safe() Value    { return Of(10) }
func (d *dimmer) Out(_ context.Context, v Value) error {
	d.wire <- v
	return nil
}

// What an output does not take never reaches its driver: it is refused once the output has been opened, and
// forgotten if it was asked before.
func TestOutputTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wire := make(chan Value, 10)
		b := newBench(t, Spec{Name: "lamp", Driver: "test-dimmer", Config: dimmerConfig{wire}})
		must(t, b.Out("lamp", On(true)))
		b.Start()
		synctest.Wait()
		rs := b.take("lamp")
		expect(t, "asked for on before it was opened", states(rs), "10(safe)")
		if o := rs[0].Opened; o == nil || o.Takes == nil || o.Takes.Max != 100 {
			t.Errorf("opened %+v, want what it takes", o)
		}
		must(t, b.Out("lamp", Of(42.5)))
		synctest.Wait()
		expect(t, "asked for 42.5", states(b.take("lamp")), "42.5")
		for _, v := range []Value{Of(101), On(true), Words("bright")} {
			if err := b.Out("lamp", v); err == nil || !strings.HasPrefix(err.Error(), "device lamp: want 0 to 100 %, not ") {
				t.Errorf("Out(%v) = %v, want it refused", v, err)
			}
		}
		time.Sleep(time.Minute)
		expect(t, "after refusals", states(b.take("lamp")), "")
		b.stop()
		close(wire)
		var wrote []string
		for v := range wire {
			wrote = append(wrote, v.String())
		}
		expect(t, "the wire", strings.Join(wrote, " "), "10 42.5 10")
	})
}
