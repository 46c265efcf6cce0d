package conformance_test

import (
	"fmt"
	"strings"
	"testing"

	"selvage/edge/conformance"
)

// complaints is a test that notes what it is told.
type complaints struct {
	testing.TB
	all []string
}

func (c *complaints) Helper() {}
func (c *complaints) Errorf(format string, args ...any) {
	c.all = append(c.all, fmt.Sprintf(format, args...))
}

func TestChecker(t *testing.T) {
	list := []conformance.Difference{
		{File: "f", ID: "listed", Reference: "a", Ours: "b"},
		{File: "other", ID: "elsewhere", Reference: "a", Ours: "b"},
	}
	for _, tt := range []struct{ id, reference, ours, want string }{
		{"same", "a", "a", ""},
		{"listed", "a", "b", ""},
		{"elsewhere", "a", "b", "where the reference has"},
		{"listed", "a", "a", "take it off"},
		{"listed", "a", "c", "where differences.go has"},
		{"listed", "c", "b", "differences.go says that the reference has"},
	} {
		got := &complaints{TB: t}
		conformance.New(got, "f", list).Same(tt.id, tt.reference, tt.ours)
		if text := strings.Join(got.all, "; "); (text == "") != (tt.want == "") || !strings.Contains(text, tt.want) {
			t.Errorf("Same(%s, %s, %s) complains %q, want %q", tt.id, tt.reference, tt.ours, text, tt.want)
		}
	}
	got := &complaints{TB: t}
	conformance.New(got, "f", append(list, list[0])).Complete()
	if text := strings.Join(got.all, "; "); !strings.Contains(text, "listed twice") || !strings.Contains(text, "not checked") {
		t.Errorf("of a difference that is listed twice and never met: %q", text)
	}
}
