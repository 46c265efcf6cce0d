package clock

import (
	"testing"
	"time"
)

func TestParseSpan(t *testing.T) {
	tests := []struct {
		in   string
		want time.Duration
		ok   bool
	}{
		{"10s", 10 * time.Second, true},
		{"250ms", 250 * time.Millisecond, true},
		{"1h30m", 90 * time.Minute, true},
		{"7d", 7 * 24 * time.Hour, true},
		{"1d12h", 36 * time.Hour, true},
		{"65535d", 65535 * 24 * time.Hour, true},
		{"-5s", -5 * time.Second, true},
		{"0", 0, true},
		{"", 0, false},
		{"d", 0, false},
		{"10", 0, false},
		{"10 s", 0, false},
		{"1.5d", 0, false},
		{"-1d", 0, false},
		{"1d-1h", 0, false},
		{"1h1d", 0, false},
		{"65536d", 0, false},
		{"65535d2000000h", 0, false},
		{"99999999h", 0, false},
	}
	for _, tt := range tests {
		got, err := ParseSpan(tt.in)
		if got != tt.want || (err == nil) != tt.ok {
			t.Errorf("ParseSpan(%q) = %v, %v, want %v, ok %t", tt.in, got, err, tt.want, tt.ok)
		}
	}
}

// What is too long is not told to have a wrong form, nor the other way round.
func TestParseSpanSays(t *testing.T) {
	tests := []struct {
		in   string
		want error
	}{
		{"65536d", ErrLong},
		{"65535d2000000h", ErrLong},
		{"1d99999999h", ErrLong},
		{"99999999h", ErrLong},
		{"99999999999999999999s", ErrLong},
		{"-99999999h", ErrLong},
		{"1d-1h", ErrSpan},
		{"99999999", ErrSpan},
		{"99999999 h", ErrSpan},
		{"ten", ErrSpan},
	}
	for _, tt := range tests {
		if _, err := ParseSpan(tt.in); err != tt.want {
			t.Errorf("ParseSpan(%q) says %v, want %v", tt.in, err, tt.want)
		}
	}
}
