package clock

import (
	"errors"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// What is wrong with the text of a span of time.
var (
	ErrSpan = errors.New("write a number and a unit: ms, s, m, h or d")
	ErrLong = errors.New("the longest is 65535d")
)

// wellFormed is a duration as time.ParseDuration wants it, of any length.
var wellFormed = regexp.MustCompile(`^[-+]?(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$`)

// ParseSpan reads what time.ParseDuration reads, and whole days in front: "7d", "1d12h".
// A day is 24 hours: these are waiting times, not calendar dates.
func ParseSpan(s string) (time.Duration, error) {
	days, rest, ok := strings.Cut(s, "d")
	if !ok {
		days, rest = "0", s
	}
	n, err := strconv.ParseUint(days, 10, 16) // 65535 days are well inside a Duration
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, ErrLong
	case err != nil:
		return 0, ErrSpan
	}
	whole := time.Duration(n) * 24 * time.Hour
	if rest == "" && ok {
		return whole, nil
	}
	part, err := time.ParseDuration(rest)
	switch {
	case err != nil && wellFormed.MatchString(rest):
		return 0, ErrLong // that is all that can be wrong with it
	case err != nil, ok && part < 0:
		return 0, ErrSpan
	case part > math.MaxInt64-whole:
		return 0, ErrLong
	}
	return whole + part, nil
}
