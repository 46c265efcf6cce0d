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

func TestCheckNodeAt(t *testing.T) {
	said := ""
	note := func(key, problem, remedy string) { said = key + "; " + problem + "; " + remedy }
	if CheckNodeAt(note, "from", "/device/air", "to follow", "/device/air"); said != "" {
		t.Errorf("of a good one: %s", said)
	}
	CheckNodeAt(note, "from.attic", "air", "to follow", "/device/air")
	if want := `from.attic; attic "air": it names no agent; give the node URI to follow, such as "/device/air", or "warp://HOST:PORT/device/air" on another host`; said != want {
		t.Errorf("said %s\nwant %s", said, want)
	}
}

func TestCheckValueAt(t *testing.T) {
	for v, want := range map[any]string{
		nil: "", true: "", int64(21): "", 21.5: "", "home": "", "two words": "", "{": "", "": "", "21 °C": "",
		"true": "leave out the quotes: value = true", "false": "leave out the quotes: value = false",
		"21.0": "leave out the quotes: value = 21.0", "-1e3": "leave out the quotes: value = -1e3",
	} {
		said := ""
		CheckValueAt(func(_, _, remedy string) { said = remedy }, "value", v)
		if said != want {
			t.Errorf("%#v: %q, want %q", v, said, want)
		}
	}
}
