package config_test

import (
	"strings"
	"testing"

	"selvage/edge/config"
)

// A file that is wrong all over is answered shortly and at once: the cost of a fault does not
// grow with the length of its line, nor the cost of a name with its depth.
func TestLargeFaultyFiles(t *testing.T) {
	tests := []struct{ name, text string }{
		{"one line of faults", "x = {" + strings.Repeat("a=1,", 20_000) + "b=1}"},
		{"a fault in each line", "[host]\n" + strings.Repeat("a=1\n", 20_000)},
		{"a deep key", "a" + strings.Repeat(".a", 100_000) + "=1"},
		{"deep headers", strings.Repeat("["+strings.Repeat("a.", 1000)+"a]\n", 100)},
		{"a deep list", "x = " + strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000)},
		{"deep groups", "x = " + strings.Repeat("{a=", 9_000) + "1" + strings.Repeat("}", 9_000)},
	}
	for _, tt := range tests {
		_, err := config.Parse("large.toml", []byte(tt.text))
		if err == nil {
			t.Errorf("%s: Parse finds no fault", tt.name)
			continue
		}
		if n := strings.Count(err.Error(), "\n"); n > 400 {
			t.Errorf("%s: the answer has %d lines, want at most 400", tt.name, n)
		}
		if !strings.Contains(err.Error(), "nothing was started") {
			t.Errorf("%s: the answer has no summary", tt.name)
		}
	}
}
