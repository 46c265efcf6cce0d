package wear

import (
	"math"
	"strings"
	"testing"

	"selvage/edge/size"
)

func TestDaysText(t *testing.T) {
	for days, want := range map[Days]string{
		0: "less than a day", 0.99: "less than a day", 1: "1 day", 1.5: "2 days", 729.9: "730 days", 2 * year: "2.0 years",
		3.4 * year: "3.4 years", 34.9 * year: "34 years", 99.9 * year: "99 years", longest: "more than 100 years", Days(math.Inf(1)): "more than 100 years",
	} {
		if got := days.String(); got != want {
			t.Errorf("Days(%v) reads %q, want %q", float64(days), got, want)
		}
	}
}

func TestDays(t *testing.T) {
	bears10GB := terms{Config: Config{Rewrites: 2000, Amplification: 2}, card: 10e6}
	for _, c := range []struct {
		name          string
		terms         terms
		total, perDay int64
		want          Days
		known         bool
	}{
		{"new", bears10GB, 0, 10e6, 1000, true},
		{"half worn", bears10GB, 5e9, 10e6, 500, true},
		{"worn", bears10GB, 11e9, 10e6, 0, true},
		{"nothing is written", bears10GB, 0, 0, longest, true},
		{"next to nothing is written", bears10GB, 0, 1, longest, true},
		{"worn, and nothing is written", bears10GB, 11e9, 0, longest, true},
		{"no size", terms{Config: Defaults}, 0, 10e6, 0, false},
	} {
		if got, known := c.terms.days(c.total, c.perDay); got != c.want || known != c.known {
			t.Errorf("%s: days(%d, %d) = %v, %v, want %v, %v", c.name, c.total, c.perDay, float64(got), known, float64(c.want), c.known)
		}
	}
}

func TestTerms(t *testing.T) {
	two := size.Bytes(2e9)
	found := disk{size: 64e9}
	lost := disk{why: "/data is in memory, which does not wear"}
	for _, c := range []struct {
		name         string
		config       Config
		disk         disk
		card, budget size.Bytes
		by           string
		life         string // of a host that wrote 1 GB a day for long enough
	}{
		{"from the disk", Defaults, found, 64e9, 13_141_683_778, "disk card", "more than 100 years, at 1 GB a day from all that writes to a card of 64 GB; assumed: cells bear 3000 rewrites, and 4 bytes of them are written for each"},
		{"from the config", Config{Card: 8e9, Rewrites: 500, Amplification: 4, Budget: &two}, found, 8e9, 2e9, process, "2.7 years, at 1 GB a day from this process to a card of 8 GB; assumed: cells bear 500 rewrites, and 4 bytes of them are written for each"},
		{"worn", Config{Card: 1e6, Rewrites: 500, Amplification: 1}, found, 1e6, 136_892, process, "over, by these figures: 1 GB were written, a card of 1 MB bears 500 MB; assumed: cells bear 500 rewrites, and 1 bytes of them are written for each"},
		{"no size", Defaults, lost, 0, 0, process, "not known: /data is in memory, which does not wear"},
		{"no size but a budget", Config{Rewrites: 3000, Amplification: 4, Budget: &two}, lost, 0, 2e9, process, "not known: /data is in memory, which does not wear"},
	} {
		got := c.config.terms(c.disk, c.by)
		if got.card != c.card || got.budget != c.budget {
			t.Errorf("%s: card %d, budget %d, want %d, %d", c.name, got.card, got.budget, c.card, c.budget)
		}
		if life := got.life(Stats{Total: 1e9, Rate: &Rate{Day: 1e9, Seconds: 7200}}); life.Text != c.life {
			t.Errorf("%s: life is %q, want %q", c.name, life.Text, c.life)
		}
	}
}

func TestCheck(t *testing.T) {
	for key, c := range map[string]Config{
		"":              Defaults,
		"card":          {Card: 32, Rewrites: 3000, Amplification: 4},
		"rewrites":      {Amplification: 4},
		"amplification": {Rewrites: 3000, Amplification: 0.5},
	} {
		var faults []string
		c.Check(func(key, problem, remedy string) {
			if problem == "" || remedy == "" {
				t.Errorf("%s: problem %q, remedy %q", key, problem, remedy)
			}
			faults = append(faults, key)
		})
		if got := strings.Join(faults, " "); got != key {
			t.Errorf("faults at %q, want %q", got, key)
		}
	}
}
