package peer

import (
	"testing"

	"selvage/edge/warp"
)

// A late wake-up of a link that was given up leaves the one that took its place alone.
func TestForgetLeavesSuccessor(t *testing.T) {
	at := target{node: "/n", lane: "l"}
	c := &Conn{links: map[target]*Link{}}
	old := &Link{conn: c, target: at, up: *warp.NewUplink("/n", "l")}
	next := &Link{conn: c, target: at, up: *warp.NewUplink("/n", "l")}
	c.links[at] = next
	c.forget(old)
	if c.links[at] != next {
		t.Error("the successor was forgotten")
	}
	c.forget(next)
	if len(c.links) != 0 {
		t.Error("a link of which nothing is left is kept")
	}
}
