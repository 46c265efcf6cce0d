package rule

import (
	"errors"
	"strings"
	"testing"
	"time"

	"selvage/edge/clock"
)

// lanesHeld are what conditions in tests speak of: t and h are numbers, m was true before it was false, x and y are texts,
// u is unknown; the newest reading of t is 90 s old.
var lanesHeld = map[string]seen{
	"t": {now: value{kind: number, num: 27}, before: value{kind: number, num: 25}, at: clock.Stamp{Boot: "b", Mono: time.Hour - 90*time.Second}},
	"h": {now: value{kind: number, num: 50}},
	"m": {now: truth(false), before: truth(true)},
	"x": {now: value{kind: text, text: "on"}},
	"u": {},
}

var lanesNamed = []string{"t", "h", "m", "x", "u"}

func run(t *testing.T, source string) (value, error) {
	t.Helper()
	p, err := compile(source, lanesNamed)
	if err != nil {
		return value{}, err
	}
	m := newMemory(p, len(lanesNamed))
	m.now = clock.Stamp{Boot: "b", Mono: time.Hour}
	for i, name := range lanesNamed {
		m.lanes[i] = lanesHeld[name]
	}
	v := p.run(m)
	if m.fault != nil {
		return v, m.fault
	}
	return v, nil
}

func TestConditions(t *testing.T) {
	for source, want := range map[string]string{
		"t > 26 and h < 60":                     "true",
		"t > 26 and h < 50":                     "false",
		"t >= 27 and t <= 27 and not t < 27":    "true",
		"t == 27 and t != 27.5":                 "true",
		"not t > 26 or h < 60":                  "true", // (not (t > 26)) or …
		"not (t > 26 or h < 60)":                "false",
		"t > 30 and h > 60 or h == 50":          "true", // and binds more than or
		"t > 30 and (h > 60 or h == 50)":        "false",
		"2 + 3 * 4 == 14 and (2 + 3) * 4 == 20": "true",
		"10 - 4 - 3 == 3 and 24 / 4 / 2 == 3":   "true",
		"-t + 30 == 3 and 2 - -2 == 4":          "true",
		"-2 * -3 == 6 and --3 == 3":             "true",
		"1.5e3 == 1500":                         "true",
		"t - was(t) == 2":                       "true",
		"was(m) and not m":                      "true",
		"m == false and (t > 26) == true":       "true",
		"x == 'on' and x != \"off\"":            "true",
		"age(t) == 90s and age(t) > 1m":         "true",
		"1h30m == 90m and 1d2h == 26h":          "true",
		"500ms * 4 == 2s and 1m / 2 == 30s":     "true",
		"2 * 30s == 1m and 1h / 1m == 60":       "true",
		"1h - 30m + 15m == 45m and -1s < 0s":    "true",
		"min(t, h, 3) == 3 and max(t, h) == 50": "true",
		"abs(t - h) == 23 and abs(-3s) == 3s":   "true",
		"min(1m, 59s) == 59s":                   "true",
		"u > 3":                                 "unknown",
		"u > 3 or h < 60":                       "true",
		"h < 60 or u > 3":                       "true",
		"u > 3 and h > 60":                      "false",
		"h > 60 and u > 3":                      "false",
		"u > 3 and h < 60":                      "unknown",
		"h < 60 and u > 3":                      "unknown",
		"u > 3 or h > 60":                       "unknown",
		"not u":                                 "unknown",
		"was(h) == 3":                           "unknown",
		"max(u, 3) > 2":                         "unknown",
		"u + 1 > 2":                             "unknown",
		"t > 26 for 5m":                         "false",
		"t > 30 for 5m or h < 60":               "true",  // for takes what stands before it,
		"h < 60 or t > 30 for 5m":               "false", // all of it
	} {
		v, err := run(t, source)
		got := "unknown"
		if v.kind == boolean {
			got = map[bool]string{true: "true", false: "false"}[v.is(true)]
		}
		if err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", source, got, err, want)
		}
	}
}

func TestErrors(t *testing.T) {
	for source, want := range map[string]string{
		"":                    `column 1, at its end: a lane, a number, a time or a text is wanted here`,
		"t >":                 `column 4, at its end: a lane, a number, a time or a text is wanted here`,
		"t > 26 and":          `column 11, at its end: a lane`,
		"t > 26 h < 60":       `column 8, at "h": the condition is over before this`,
		"(t > 26":             `column 8, at its end: ) is missing before this`,
		"t > 26)":             `column 7, at ")": the condition is over before this`,
		"T > 26":              `column 1, at "T": there is no lane of that name; the key lanes has t, h, m, x, u`,
		"t > 5x":              `column 5, at "5x": this is neither a number nor a time`,
		"t > 1.2.3":           `column 5, at "1.2.3": this is neither`,
		"t = 26":              `column 3, at "=": this has no meaning here; write ==`,
		"t > 1 && h > 1":      `column 7, at "&": this has no meaning here; write and`,
		"!m":                  `column 1, at "!": this has no meaning here; write not`,
		"x == 'on":            `column 6, at "'": a text has no end`,
		"x == 'größer' and §": `column 19, at "§": this has no meaning here`,
		"26 < t < 30":         `column 8, at "<": comparisons do not chain; write a < b and b < c`,
		"t > 26 for":          `column 11, at its end: for wants a time above zero`,
		"t > 26 for 5":        `column 12, at "5": for wants a time above zero`,
		"t > 26 for 0s":       `column 12, at "0s": for wants`,
		"t > 26 for h":        `column 12, at "h": for wants`,
		"26":                  `column 1, at "26": this is a number, where a condition is wanted`,
		"t > 26 and 5":        `column 12, at "5": this is a number, where a condition is wanted`,
		"not 5m":              `column 5, at "5m": this is a time, where a condition is wanted`,
		"t > 'hot'":           `column 5, at "'hot'": this is a text, where a number is wanted`,
		"t > 26 + true":       `column 10, at "true": this is a condition, where a number is wanted`,
		"age(t) > 5":          `column 8, at ">": a time and a number cannot be compared; numbers, times (with a unit: 10s)`,
		"5 + 10s > 3":         `column 3, at "+": a number + a time makes no sense`,
		"5 / 10s > 3":         `column 3, at "/": a number / a time makes no sense`,
		"1s * 10s > 3s":       `column 4, at "*": a time * a time makes no sense`,
		"t > 1 / 0":           `column 7, at "/": 1 / 0 has no value`,
		"-'a' == 3":           `column 2, at "'a'": this is a text`,
		"age(5) > 3s":         `column 5, at "5": there is no lane of that name`,
		"age t":               `column 5, at "t": ( is missing before this`,
		"was(t, h) > 3":       `column 6, at ",": ) is missing before this`,
		"abs(t, h) > 3":       `column 6, at ",": ) is missing before this`,
		"min(t, 'a') > 3":     `column 8, at "'a'": this is a text`,
		"min(3, 3s) > 3":      `column 8, at "3s": a number and a time cannot be compared`,
		"exec('rm') == 3":     `column 1, at "exec": there is no lane of that name`,
		"t.value > 3":         `column 2, at ".": this has no meaning here`,
		"and t > 3":           `column 1, at "and": a lane, a number`,
		// What shows only by what lanes hold.
		"x > 5":            `column 1, at "x": this is a text, where a number is wanted`,
		"t and m":          `column 1, at "t": this is a number, where a condition is wanted`,
		"t == x":           `column 3, at "==": a number and a text cannot be compared`,
		"t / (h - 50) > 1": `column 3, at "/": 27 / 0 has no value`,

		strings.Repeat("(", 60) + "m" + strings.Repeat(")", 60): `column 51, at "(": too much stands within each other`,
		strings.Repeat("-", 60) + "t > 3":                       `column 51, at "-": too much stands`,
		strings.Repeat("m or ", 200) + "m":                      `column 1, at its end: it has more than 1000 bytes`,
	} {
		_, err := run(t, source)
		got := "no error"
		if wrong := (*SyntaxError)(nil); errors.As(err, &wrong) {
			got = wrong.Error() + "; " + wrong.Remedy
		}
		if !strings.HasPrefix(got, want) {
			t.Errorf("%s:\n got %s\nwant %s", source, got, want)
		}
	}
}

// A run takes a time in proportion to the length of a condition: by doubling it at each level, this one would
// take centuries.
func TestNestedComparisons(t *testing.T) {
	const levels = maxDepth - 2
	if _, err := run(t, strings.Repeat("(", levels)+"t"+strings.Repeat(" == t)", levels)); err == nil || !strings.Contains(err.Error(), "cannot be compared") {
		t.Errorf("got %v, want that a condition and a number cannot be compared", err)
	}
	if _, err := run(t, strings.Repeat("(", levels)+"t"+strings.Repeat(" < 1)", levels)); err == nil || !strings.Contains(err.Error(), "a condition") {
		t.Errorf("got %v, want that a condition is no number", err)
	}
}

// FuzzCompile: no condition panics, whatever its lanes hold, and each error has a place in it.
func FuzzCompile(f *testing.F) {
	for _, seed := range []string{"t > 26 and h < 60 for 5m", "abs(was(t) - t) > 2 or age(h) > 1h30m", "not (x == 'on') != m", "-t*2/3s", "t > \xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		_, err := run(t, source)
		if wrong := (*SyntaxError)(nil); errors.As(err, &wrong) {
			if wrong.Column < 1 || wrong.Column > len(source)+1 || wrong.Why == "" {
				t.Errorf("%q: %+v", source, wrong)
			}
		} else if err != nil {
			t.Errorf("%q: %v", source, err)
		}
	})
}
