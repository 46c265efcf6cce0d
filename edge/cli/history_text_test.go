package cli

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestPointText(t *testing.T) {
	for _, tt := range []struct {
		point  string
		summed bool
		want   string
	}{
		{`{"at":0,"value":21.5,"unit":"Cel"}`, false, "  21.5 °C"},
		{`{"at":0,"value":7,"unit":"1"}`, false, "  7"},
		{`{"at":0,"value":3,"count":7,"mean":1}`, false, "  3"}, // whose fields are those of a value
		{`{"at":0,"trusted":false,"value":true,"quality":"bad"}`, false, "  true  (bad)"},
		{`{"at":0,"value":"\u001b[2Jno"}`, false, `  "\u001B[2Jno"`},
		{`{"at":0,"count":7,"min":1,"mean":2,"max":3}`, true, "  1 … 2 … 3  of 7"},
		{`{"at":0,"count":3,"min":20,"mean":20.686363636363637,"max":21.26}`, true, "  20 … 20.68636 … 21.26  of 3"},
	} {
		var v map[string]any
		d := json.NewDecoder(strings.NewReader(tt.point))
		d.UseNumber()
		if err := d.Decode(&v); err != nil {
			t.Fatal(err)
		}
		got := pointText(v, tt.summed)
		if mark, rest, _ := strings.Cut(got, ".000"); rest != tt.want || strings.HasPrefix(mark, "~") != strings.Contains(tt.point, "trusted") {
			t.Errorf("pointText(%s) = %q, want …%q", tt.point, got, tt.want)
		}
	}
}

func TestInstant(t *testing.T) {
	now := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		text string
		ago  time.Duration
		bad  bool
	}{
		{text: "24h", ago: 24 * time.Hour},
		{text: "1d12h", ago: 36 * time.Hour},
		{text: "2026-11-23T07:00:00Z", ago: time.Hour},
		{text: "NaNd", bad: true},
		{text: "1e300d", bad: true},
		{text: "yesterday", bad: true},
	} {
		at, err := instant("since", tt.text, now)
		if (err != nil) != tt.bad || err == nil && now.Sub(at) != tt.ago {
			t.Errorf("instant(%s) = %v, %v", tt.text, at, err)
		}
	}
}
