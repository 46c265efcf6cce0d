package store

import (
	"testing"
	"time"
)

func TestLatencies(t *testing.T) {
	var l latencies
	now := time.Unix(1_000_000_007, 0)
	if got := l.at(now); got != (Latency{}) {
		t.Errorf("of nothing: %+v", got)
	}
	for i := range 1000 {
		l.add(now.Add(time.Duration(i)*20*time.Millisecond), time.Duration(i+1)*time.Millisecond)
	}
	got := l.at(now.Add(20 * time.Second))
	near := func(got, want time.Duration) bool { return got >= want && got <= want+want*9/100 }
	if got.Count != 1000 || !near(got.P50, 500*time.Millisecond) || !near(got.P99, 990*time.Millisecond) || got.Max != time.Second {
		t.Errorf("of 1 ms to 1 s: %+v", got)
	}
	// The first of them are forgotten after a minute, all of them after another.
	if got := l.at(now.Add(65 * time.Second)); got.Count == 0 || got.Count >= 1000 || got.Max != time.Second {
		t.Errorf("after 65 s: %+v", got)
	}
	l.add(now.Add(100*time.Second), time.Hour) // longer than any bucket
	l.add(now.Add(100*time.Second), 0)
	if got := l.at(now.Add(100 * time.Second)); got != (Latency{Count: 2, P50: shortest, P99: time.Hour, Max: time.Hour}) {
		t.Errorf("after 100 s: %+v", got)
	}
}
