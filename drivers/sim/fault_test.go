package sim

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/clock"
	"selvage/edge/device"
)

func TestTimetable(t *testing.T) {
	const m = time.Minute
	for _, c := range []struct {
		table timetable
		want  string // of each minute: how often it has begun, and * while it lasts
	}{
		{timetable{}, "1* 1* 1* 1* 1* 1*"},
		{timetable{after: 2 * m}, "0 0 1* 1* 1* 1*"},
		{timetable{after: 2 * m, lasts: 2 * m}, "0 0 1* 1* 1 1"},
		{timetable{after: m, lasts: m, every: 2 * m}, "0 1* 1 2* 2 3*"},
	} {
		var got []string
		for at := range time.Duration(6) {
			n, began, on := c.table.at(at * m)
			if n > 0 && began != c.table.after+time.Duration(n-1)*c.table.every {
				t.Errorf("%+v after %v: it began at %v", c.table, at*m, began)
			}
			got = append(got, fmt.Sprint(n)+map[bool]string{true: "*"}[on])
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%+v: %s, want %s", c.table, text, c.want)
		}
	}
	spread := timetable{after: m, lasts: m, every: 10 * m, spread: 9 * m, seed: 1}
	differ := map[time.Duration]bool{}
	for n := range 50 {
		begin := spread.begin(int64(n)) - spread.after - time.Duration(n)*spread.every
		differ[begin] = true
		if begin < 0 || begin >= spread.spread {
			t.Errorf("time %d is %v late", n, begin)
		}
		if times, began, on := spread.at(spread.begin(int64(n)) + m - 1); times != n+1 || began != spread.begin(int64(n)) || !on {
			t.Errorf("time %d, at its end: %d times, began %v, on %v", n, times, began, on)
		}
	}
	if len(differ) < 40 {
		t.Errorf("of 50 times only %d are by chance", len(differ))
	}
}

// faulty reads a channel that is 20 and quiet, and its neighbour, once a minute, for ten minutes.
func faulty(t *testing.T, faults ...Fault) (words []string) {
	t.Helper()
	d := sensor(t, NewRoom("sim:room", 1), Config{
		Channel: map[string]Quantity{"a": {Start: 20, Rate: 1. / 60, Noise: 1e-9}, "b": {Start: 7}}, Fault: faults,
	})
	defer d.Close()
	for range 10 {
		began := time.Now()
		s, err := d.Read(t.Context())
		var word string
		switch {
		case errors.Is(err, device.ErrNoAnswer):
			word = "dead"
		case err != nil:
			word = err.Error()
		case s[0].Err != nil:
			word = "none"
		default:
			word = fmt.Sprintf("%.2f", s[0].Value)
		}
		if late := time.Since(began); late > 0 {
			word += " " + late.String()
		}
		if err == nil && (s[1].Err != nil || s[1].Value != 7) && faults[0].Channel != "" {
			t.Errorf("its neighbour is %+v", s[1])
		}
		words = append(words, word)
		time.Sleep(time.Minute - time.Since(began))
	}
	return words
}

func TestFaults(t *testing.T) {
	const m = time.Minute
	for _, c := range []struct {
		fault Fault
		want  string
	}{
		{Fault{Kind: "dead", After: 8 * m}, "20.00, 21.00, 22.00, 23.00, 24.00, 25.00, 26.00, 27.00, dead, dead"},
		{Fault{Kind: "dead", After: m, For: m}, "20.00, dead, 22.00, 23.00, 24.00, 25.00, 26.00, 27.00, 28.00, 29.00"},
		{Fault{Kind: "slow", After: m, For: m, Late: 5 * time.Second}, "20.00, 21.08 5s, 22.00, 23.00, 24.00, 25.00, 26.00, 27.00, 28.00, 29.00"},
		{Fault{Kind: "drop-out", Channel: "a", After: m, For: m, Every: 4 * m}, "20.00, none, 22.00, 23.00, 24.00, none, 26.00, 27.00, 28.00, none"},
		{Fault{Kind: "stuck", Channel: "a", After: m, For: 3 * m, Every: 5 * m}, "20.00, 21.00, 21.00, 21.00, 24.00, 25.00, 26.00, 26.00, 26.00, 29.00"},
		{Fault{Kind: "spike", Channel: "a", After: 90 * time.Second, Every: 5 * m, Size: 100}, "20.00, 21.00, 122.00, 23.00, 24.00, 25.00, 26.00, 127.00, 28.00, 29.00"},
		{Fault{Kind: "spike", Channel: "a", After: m, For: 2 * m, Size: -100}, "20.00, -79.00, -78.00, 23.00, 24.00, 25.00, 26.00, 27.00, 28.00, 29.00"},
		{Fault{Kind: "drift", Channel: "a", After: 7 * m, Size: 0.1}, "20.00, 21.00, 22.00, 23.00, 24.00, 25.00, 26.00, 27.00, 34.00, 41.00"},
	} {
		synctest.Test(t, func(t *testing.T) {
			if got := strings.Join(faulty(t, c.fault), ", "); got != c.want {
				t.Errorf("%+v:\n got %s\nwant %s", c.fault, got, c.want)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		noisy, again := Fault{Kind: "noise", Channel: "a", After: 5 * m, Size: 3}, []string(nil)
		got := faulty(t, noisy)
		again = faulty(t, noisy)
		far := 0
		for i, word := range got {
			var v float64
			fmt.Sscan(word, &v)
			if math.Abs(v-20-float64(i)) > 0.1 {
				far++
			}
		}
		if strings.Join(got, " ") != strings.Join(again, " ") || far < 3 || far > 5 {
			t.Errorf("noise, twice with one seed: %q, %q", got, again)
		}
	})
}

// What opens while it is dead does not open.
func TestOpensDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := Config{Room: "sim:dead", Channel: map[string]Quantity{"a": {}}, Fault: []Fault{{Kind: "dead"}}}
		var f *device.Fault
		if _, err := Open(t.Context(), c); !errors.Is(err, device.ErrNoAnswer) || !errors.As(err, &f) || f.Remedy == "" {
			t.Errorf("it opens: %v", err)
		}
	})
}

// A sensor that is stuck is found by who knows how long the same can be true.
func TestStuckIsDoubted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := sensor(t, NewRoom("sim:room", 1), Config{
			Channel: map[string]Quantity{"a": {Start: 20, Noise: 0.5}}, Fault: []Fault{{Kind: "stuck", After: 10 * time.Minute, For: 10 * time.Minute}},
		})
		judge := device.Judge{Adjust: device.Adjust{Stuck: 3 * time.Minute}, Channel: d.Channels()[0]}
		ticks := clock.New("boot", func() bool { return true })
		for at := range time.Duration(30) {
			s, err := d.Read(t.Context())
			must(t, err)
			r := judge.Of(device.Reading{Value: s[0].Value, Unit: "1", At: ticks.Now()}, time.Now())
			want := device.Good
			if at > 13 && at < 20 {
				want = device.Uncertain
			}
			if r.Quality != want {
				t.Errorf("after %d minutes: %v, %s", at, r.Quality, r.Reason)
			}
			time.Sleep(time.Minute)
		}
	})
}
