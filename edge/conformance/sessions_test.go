package conformance_test

import (
	"strings"
	"testing"

	"selvage/edge/conformance"
	"selvage/edge/route"
)

// leftOut are the sessions that are not replayed, and why.
var leftOut = map[string]string{
	"meta-host": metas,
	"meta-lane": metas,
	"meta-node": metas,
	"meta-tree": metas,

	"idle-timeout":        idle,
	"idle-server-traffic": idle,
}

const (
	metas = "TestMetaSessions has them, in virtual time"
	idle  = "TestIdleSessions has them, in virtual time"
)

// before is what lanes were set to when a session began, by sessions recorded earlier.
var before = map[string][]struct {
	node route.NodeURI
	lane route.LaneName
	body string
}{
	"server-direction":      {{"/unit/t-control", "value", "1"}},
	"deflate-offered-plain": {{"/unit/t-deflate", "value", longText}},
	"auth-denied-command":   {{"/unit/t-guard", "text", "late"}},
}

var longText = strings.Repeat("abc", 50)

// A difference that no test looks at would stay on the list for ever.
func TestDifferences(t *testing.T) {
	checked := map[string]bool{"sessions/*": true}
	for _, file := range []string{"recon.json", "recon-print.json", "recon-order.json", "uri.json", "warp.json", "http.json"} {
		checked[file] = true
	}
	for _, s := range conformance.Sessions(t) {
		checked["sessions/"+s.Name] = leftOut[s.Name] == "" || leftOut[s.Name] == idle || leftOut[s.Name] == metas
	}
	for _, d := range conformance.Differences {
		if !checked[d.File] {
			t.Errorf("%s %s: no test checks that file", d.File, d.ID)
		}
		if d.Why == "" || d.Ours == d.Reference {
			t.Errorf("%s %s: say what differs and why", d.File, d.ID)
		}
	}
}

func TestSessions(t *testing.T) {
	closes := conformance.New(t, "sessions/*", conformance.Differences)
	known, replayed := map[string]bool{}, 0
	for _, s := range conformance.Sessions(t) {
		known[s.Name] = true
		if leftOut[s.Name] != "" {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			replayed++
			w := serve(t, listeners[s.Listener])
			for _, b := range before[s.Name] {
				if err := w.Do(t.Context(), b.node, b.lane, []byte(b.body)); err != nil {
					t.Fatal(err)
				}
			}
			r := replay{t: t, w: w, session: s, closes: closes, check: conformance.Check(t, "sessions/"+s.Name)}
			r.run()
		})
	}
	if replayed == len(known)-len(leftOut) { // none was left to -run
		closes.Complete()
	}
	for name := range leftOut {
		if !known[name] {
			t.Errorf("leftOut names %s, which is no session", name)
		}
	}
}
