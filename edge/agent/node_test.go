package agent

import "testing"

func TestCheckNode(t *testing.T) {
	for _, good := range []string{"/device/air", "/a", "warp://hub:9001/device/air", "warps://hub/a/b"} {
		if err := CheckNode(good); err != nil {
			t.Errorf("CheckNode(%s): %v", good, err)
		}
	}
	for _, bad := range []string{"", "air", "device/air", "warp://hub", "warp://hub/", "http://hub/a", "//hub/a", "warp:///a", "/a b"} {
		if CheckNode(bad) == nil {
			t.Errorf("CheckNode(%q) found nothing", bad)
		}
	}
}
