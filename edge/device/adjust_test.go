package device

import (
	"testing"
	"time"

	"selvage/edge/clock"
)

func ptr[T any](v T) *T { return &v }

func TestJudge(t *testing.T) {
	start := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	type step struct {
		after time.Duration // since the start
		given float64
		want  string // the value, and why it is doubted
	}
	channel := Channel{Unit: "Cel", Resolution: 0.1}
	for _, tt := range []struct {
		name  string
		judge Judge
		steps []step
	}{
		{"knows nothing better", Judge{}, []step{{0, 21.4321, "21.4321 °C"}}},
		{"scale, then offset, then the decimals there are", Judge{Adjust: Adjust{Scale: ptr(1.1), Offset: -0.5}}, []step{{0, 21.4, "23 °C"}}},
		{"calibration on top", Judge{Adjust: Adjust{Offset: 1}, Calibration: Calibration{Scale: 2, Offset: 3}}, []step{{0, 10, "25 °C"}}},
		{"range after calibration", Judge{Adjust: Adjust{Min: ptr(-20.0), Max: ptr(0.0)}, Calibration: Calibration{Offset: -10}}, []step{
			{0, 9, "-1 °C"},
			{0, 10.1, "0.1 °C: above 0 °C, the greatest that can be true here"},
			{0, -10.1, "-20.1 °C: below -20 °C, the least that can be true here"},
		}},
		{"rate against the last that is believed", Judge{Adjust: Adjust{Rate: 0.1}}, []step{
			{0, 20, "20 °C"},
			{10 * time.Second, 20.9, "20.9 °C"},
			{20 * time.Second, 30.9, "30.9 °C: changed by 10 °C in 10s, faster than can be true here"},
			{30 * time.Second, 21, "21 °C"},
			{40 * time.Second, 10, "10 °C: changed by 11 °C in 10s, faster than can be true here"},
			{139 * time.Second, 10, "10 °C: changed by 11 °C in 1m49s, faster than can be true here"},
			{141 * time.Second, 10, "10 °C"}, // by then it can have come there
		}},
		{"the least step is never too fast", Judge{Adjust: Adjust{Rate: 0.001}}, []step{
			{0, 20, "20 °C"}, {time.Second, 20.1, "20.1 °C"},
		}},
		{"stuck", Judge{Adjust: Adjust{Stuck: time.Hour}}, []step{
			{0, 20, "20 °C"}, {time.Hour, 20, "20 °C"},
			{61 * time.Minute, 20, "20 °C: exactly the same for more than 1h0m0s"},
			{62 * time.Minute, 20.1, "20.1 °C"}, {63 * time.Minute, 20, "20 °C"},
		}},
		{"stuck, with a spike", Judge{Adjust: Adjust{Stuck: time.Hour, Rate: 0.1}}, []step{
			{0, 20, "20 °C"}, {50 * time.Minute, 20, "20 °C"},
			{50*time.Minute + time.Second, 60, "60 °C: changed by 40 °C in 1s, faster than can be true here"},
			{51 * time.Minute, 20, "20 °C"}, {61 * time.Minute, 20, "20 °C: exactly the same for more than 1h0m0s"},
		}},
		{"overflows", Judge{Calibration: Calibration{Scale: 1e300}}, []step{{0, 1e300, "not a number: not a number"}}},
	} {
		j := tt.judge
		j.Channel = channel
		for _, s := range tt.steps {
			at := start.Add(s.after)
			r := j.Of(Reading{Value: s.given, Unit: "Cel", At: clock.At(at)}, at)
			got := r.String()
			if r.Reason != "" {
				got += ": " + r.Reason
			}
			if (r.Quality == Good) != (r.Reason == "") {
				t.Errorf("%s: quality %v with the reason %q", tt.name, r.Quality, r.Reason)
			}
			if got != s.want {
				t.Errorf("%s: %v after %v is %s, want %s", tt.name, s.given, s.after, got, s.want)
			}
		}
	}
}

// What the driver or the manager doubts stays doubted for their reason, and is no measure for what comes after.
func TestJudgeLeavesDoubts(t *testing.T) {
	j := Judge{Adjust: Adjust{Rate: 1, Max: ptr(100.0)}}
	at := func(s int) clock.Stamp {
		return clock.Stamp{Boot: "b", Mono: time.Duration(s) * time.Second, Wall: int64(-s)} // the wall clock runs back
	}
	j.Of(Reading{Value: 20, At: at(1)}, time.Now())
	if r := j.Of(Reading{Value: 85, At: at(2), Quality: Uncertain, Reason: "power-on"}, time.Now()); r.Quality != Uncertain || r.Reason != "power-on" {
		t.Errorf("a doubted reading became %+v", r)
	}
	if r := j.Of(Reading{Quality: Bad, Reason: "CRC", At: at(3)}, time.Now()); r.Quality != Bad || r.Reason != "CRC" || r.Value != 0 {
		t.Errorf("a bad reading became %+v", r)
	}
	if r := j.Of(Reading{Value: 21, At: at(4)}, time.Now()); r.Quality != Good {
		t.Errorf("%+v, want it good: it is near the last good one", r)
	}
	// A clock that nobody vouches for says nothing about how fast it was.
	if r := j.Of(Reading{Value: 90, At: clock.Stamp{Boot: "c", Wall: 1}}, time.Now()); r.Quality != Good {
		t.Errorf("%+v, want it good: nobody knows how long it took", r)
	}
}

func TestRecalibrate(t *testing.T) {
	j := Judge{Adjust: Adjust{Rate: 0.1}}
	now := time.Now()
	j.Of(Reading{Value: 20, At: clock.At(now)}, now)
	j.Recalibrate(Calibration{Offset: 5})
	now = now.Add(time.Second)
	if r := j.Of(Reading{Value: 20, At: clock.At(now)}, now); r.Quality != Good || r.Value != 25 {
		t.Errorf("after a calibration %+v, want 25 and good: the thing itself did not change", r)
	}
	if v := j.Calibration.Raw(25); v != 20 {
		t.Errorf("Raw(25) = %v, want 20", v)
	}
}
