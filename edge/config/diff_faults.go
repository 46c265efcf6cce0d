package config

import (
	"fmt"
	"strings"
)

// Tell is Error with other words about what became of it.
func (fs Faults) Tell(outcome string) string {
	var b strings.Builder
	for _, f := range fs {
		f.print(&b)
	}
	noun := "faults"
	if len(fs) == 1 {
		noun = "fault"
	}
	fmt.Fprintf(&b, "%d %s; %s", len(fs), noun, outcome)
	return b.String()
}
