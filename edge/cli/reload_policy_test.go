package cli

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// A file that is watched may be seen without its rules; only who asks for it takes them away.
func TestReloadKeepsPolicy(t *testing.T) {
	const room = "[agent.\"/room\"]\nkind = \"reload-follow\"\nmark = 1\n"
	const rules = "[policy]\nloopback = \"all\"\n"
	synctest.Test(t, func(t *testing.T) {
		b := newReloadBench(t, rules+room)
		b.write(b.path, strings.Replace(room, "1", "2", 1))
		for range 2 {
			b.reload(t.Context(), "", true)
			synctest.Wait()
			b.want("/room", "mark", "2")
			l := b.loaded.Load()
			if b.plan.Policy == nil || l.Outcome != partly || !strings.Contains(l.Said, "[policy] is not there any more; its rules stay") {
				t.Errorf("policy %v, said %s", b.plan.Policy, l.Said)
			}
			if got := b.conditions(); !slices.Equal(got, []string{"config.reload"}) {
				t.Errorf("conditions %v", got)
			}
		}
		if said := b.with(rules + room); said != "reloaded FILE: agent /room restarted, 0 unchanged\n" || len(b.conditions()) > 0 {
			t.Errorf("said %s, conditions %v", said, b.conditions())
		}
		b.stop()
	})
}
