package route

import "testing"

func TestAnywhere(t *testing.T) {
	for _, c := range []struct {
		ref  string
		node NodeURI
		host string
	}{
		{"/unit/1", "/unit/1", ""},
		{"unit/1", "/unit/1", ""},
		{"swim:meta:host", "swim:meta:host", ""},
		{"warp://Hub.example:9001/unit/%31?x#y", "warp://hub.example:9001/unit/1", "warp://hub.example:9001"},
		{"warps://hub/a/../b", "warps://hub/b", "warps://hub"},
		{"warp://hub", "warp://hub/", "warp://hub"},
		{"swim://hub/a", "warp://hub/a", "warp://hub"},
		{"ws://hub/a", "warp://hub/a", "warp://hub"},
		{"SWIMS://hub/a", "warps://hub/a", "warps://hub"},
		{"wss://hub/a", "warps://hub/a", "warps://hub"},
	} {
		node, host, err := Anywhere(c.ref)
		if err != nil || node != c.node || host != c.host {
			t.Errorf("Anywhere(%s) = %s, %s, %v, want %s, %s", c.ref, node, host, err, c.node, c.host)
		}
		if node.IsFar() != (host != "") {
			t.Errorf("%s: far %v with host %q", node, node.IsFar(), host)
		}
		if h, rest := node.Cut(); host != "" && (h != host || NodeURI(h)+rest != node) {
			t.Errorf("%s is cut into %s and %s", node, h, rest)
		}
	}
	for _, bad := range []string{"//hub/unit", "warp:///unit", "warp://h h/x", "/a b", "http://hub/a", "warp://me@hub/a", "warp://me:secret@hub/a"} {
		if node, host, err := Anywhere(bad); err == nil {
			t.Errorf("Anywhere(%s) = %s, %s, want an error", bad, node, host)
		}
	}
	// What comes on the wire never names a node of another host.
	for _, ref := range []string{"warp://hub/unit/1", "swim:warp://hub/x", "/warp://hub/x", "warp:%2f%2fhub", "swim:%2f%2fhub/x"} {
		if node, _, err := Node("/", ref); err == nil && node.IsFar() {
			t.Errorf("%s reaches %s", ref, node)
		}
	}
}
