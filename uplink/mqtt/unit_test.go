package mqtt

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"selvage/edge/route"
)

func TestTopic(t *testing.T) {
	for _, c := range []struct {
		template, topic string
		want            parts // nil for none
	}{
		{"shed/{name}", "shed/temp", parts{"name": "temp"}},
		{"shed/{name}", "shed/", nil},
		{"shed/{name}", "shed", nil},
		{"shed/{name}", "shed/a/b", nil},
		{"shed/{name}", "Shed/a", nil},
		{"{a}/x/{b}", "1/x/2", parts{"a": "1", "b": "2"}},
		{"{a}/x", "$SYS/x", nil},
		{"$SYS/{a}", "$SYS/uptime", parts{"a": "uptime"}},
		{"shed/sensor_{id}", "shed/sensor_7", parts{"id": "7"}},
		{"shed/sensor_{id}", "shed/sensor_", nil},
		{"shed/{id}_t", "shed/_t", nil},
		{"shed/{id}_t", "shed/a_t_t", parts{"id": "a_t"}},
		{"shed/ab{id}ba", "shed/aba", nil},
		{"/a//{b}", "/a//c", parts{"b": "c"}},
		{"a/b", "a/b", parts{}},
	} {
		tt, err := parseTopic(c.template)
		if err != nil {
			t.Errorf("parseTopic(%q): %v", c.template, err)
			continue
		}
		got, ok := tt.match(c.topic)
		if ok != (c.want != nil) || ok && !maps.Equal(got, c.want) {
			t.Errorf("%q.match(%q) = %v, %v, want %v", c.template, c.topic, got, ok, c.want)
		}
	}
	for _, bad := range []string{"", "a/+", "#", "a/{", "a/}", "a/{}", "a/{x y}", "{a}{b}", "{a}/{a}", "a/{{b}}", "}{", "$share/g/a", "a\x00", strings.Repeat("a", 65536)} {
		if _, err := parseTopic(bad); err == nil {
			t.Errorf("parseTopic(%.20q) has no error", bad)
		}
	}
}

func TestFilters(t *testing.T) {
	all, err := compile(map[string]Map{
		"shed/{name}":       {Device: "/device/{name}", Online: &Online{Topic: "shed/{name}/online"}},
		"shed/temp":         {Device: "/device/temp"},
		"shed/s_{id}":       {Device: "/device/{id}"},
		"{a}/b/c":           {Device: "/device/{a}"},
		"$SYS/b/c":          {Device: "/device/sys"},
		"shed/{name}/deep":  {Device: "/device/{name}"},
		"other/{x}/{y}/end": {Device: "/device/{x}/{y}"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"$SYS/b/c", "+/b/c", "other/+/+/end", "shed/+", "shed/+/deep", "shed/+/online"}
	if got := only(filters(all)); !slices.Equal(got, want) {
		t.Errorf("filters = %q, want %q", got, want)
	}
}

func FuzzTopic(f *testing.F) {
	for _, s := range []string{"shed/{name}|shed/temp", "a/s_{id}x/{b}|a/s_1x/%2e", "{a}/b|../b", "/|/"} {
		template, topic, _ := strings.Cut(s, "|")
		f.Add(template, topic)
	}
	f.Fuzz(func(t *testing.T, template, topic string) {
		tt, err := parseTopic(template)
		if err != nil {
			return
		}
		p, ok := tt.match(topic)
		if !ok {
			return
		}
		if got := tt.fill(p, asIs); got != topic {
			t.Errorf("%q filled with %v is %q, not %q", template, p, got, topic)
		}
		if !covers(tt.filter(), tt.filter()) {
			t.Errorf("%q does not cover itself", tt.filter())
		}
		var node []string
		for _, name := range tt.names() {
			node = append(node, "{"+name+"}")
		}
		m := &mapping{topic: tt}
		if m.node, err = parseTemplate("/device/" + strings.Join(node, "/")); err != nil {
			t.Fatal(err)
		}
		uri, ok := m.nodeFor(p)
		if !ok {
			return
		}
		if !route.IsPlain(uri) && !strings.Contains(string(uri), "%") {
			t.Errorf("%v makes %q", p, uri)
		}
		if back, ok := m.partsOf(uri); !ok || !maps.Equal(back, p) {
			t.Errorf("%v makes %q, which is of %v", p, uri, back)
		}
	})
}
