package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"selvage/edge/peer"
)

// freePort returns an address on which nobody listens, for a host that has to be found there again.
func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func get(t testing.TB, h *program, node, lane string) string {
	t.Helper()
	resp, err := http.Get("http" + h.url[len("warp"):] + node + "?lane=" + lane)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s %s: %s %v %s", node, lane, resp.Status, err, b)
	}
	return strings.TrimSpace(string(b))
}

func post(t testing.TB, h *program, node, lane, body string) {
	t.Helper()
	resp, err := http.Post("http"+h.url[len("warp"):]+node+"?lane="+lane, "application/recon", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("POST %s %s: %s %v %s", node, lane, resp.Status, err, b)
	}
}

// events is what comes from a lane, over a connection of its own.
type events struct {
	body chan string
	last string
}

func (e *events) Event(body []byte) { e.body <- string(body) }
func (e *events) Synced()           {}
func (e *events) Ended(error)       { close(e.body) }

func follow(t *testing.T, h *program, node, lane string) *events {
	t.Helper()
	c, err := peer.Dial(t.Context(), h.url, peer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	e := &events{body: make(chan string, 1000)}
	if _, err := c.Follow(node, lane, true, e); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(1000, "") })
	return e
}

// wait waits until the newest event has all parts, and returns when.
func (e *events) wait(t *testing.T, parts ...string) time.Time {
	t.Helper()
	missing := func(p string) bool { return !strings.Contains(e.last, p) }
	for deadline := time.After(patience); slices.ContainsFunc(parts, missing); {
		select {
		case b, ok := <-e.body:
			if !ok {
				t.Fatalf("the link ended before %q", parts)
			}
			e.last = b
		case <-deadline:
			t.Fatalf("%q did not come; last was %s", parts, e.last)
		}
	}
	return time.Now()
}

// An edge and a hub that are killed in turn: the hub's lanes are right again each time, by themselves.
func TestHubAndEdgeKilled(t *testing.T) {
	at := freePort(t)
	site := folderWith(t, fmt.Sprintf("[host]\nname = \"hub\"\ndata = \"./var\"\nlisten = %q\n[hub]\n", at))
	outpost := folderWith(t, fmt.Sprintf(`[host]
name = "out"
data = "./var"
listen = "127.0.0.1:0"
[agent."/tally/:id"]
kind = "tally"
[agent."/note/:id"]
kind = "note"
[uplink.hub]
kind = "warp"
url = "warp://%s"
send = ["/tally/*/*", "/note/*/*"]
`, at))
	hub, edge := site.host(t), outpost.host(t)
	var slowest time.Duration
	for round := range 20 { // ten kills of each
		// What changes meanwhile: a number, and a map that loses an entry and gets another.
		change := func() {
			post(t, edge, "/tally/1", "n", fmt.Sprint(round+1))
			post(t, edge, "/note/1", "notes", fmt.Sprintf("@update(key:n%d) round", round))
			post(t, edge, "/note/1", "notes", fmt.Sprintf("@remove(key:n%d)", round-1))
		}
		if round%2 == 0 {
			hub.cmd.Process.Kill()
			<-hub.ended
			change()
			hub = site.host(t)
		} else {
			status := follow(t, hub, "/edge/out", "status")
			edge.cmd.Process.Kill()
			<-edge.ended
			status.wait(t, "state:away")
			if got := get(t, hub, "/edge/out/tally/1", "mirror"); !strings.Contains(got, "state:stale") {
				t.Errorf("with its edge away, the copy of /tally/1 says %s", got)
			}
			if got := get(t, hub, "/edge/out/tally/1", "n"); got != fmt.Sprint(round) {
				t.Errorf("with its edge away, the copy of /tally/1 is %s, want %d", got, round)
			}
			edge = outpost.host(t)
			change()
		}
		follow(t, hub, "swim:meta:host", "nodes").wait(t, `"/edge/out"`) // a hub killed at once knows no edge yet
		status := follow(t, hub, "/edge/out", "status")
		connected := status.wait(t, "state:connected")
		if complete := status.wait(t, "complete:true"); complete.Sub(connected) > slowest {
			slowest = complete.Sub(connected)
		}
		for _, node := range []string{"/edge/out/tally/1", "/edge/out/note/1"} {
			get(t, hub, node, "mirror") // there already
		}
		follow(t, hub, "/edge/out/tally/1", "n").wait(t, fmt.Sprint(round+1))
		follow(t, hub, "/edge/out/note/1", "notes").wait(t, fmt.Sprintf("@update(key:n%d) round", round))
		if got, want := get(t, hub, "/edge/out/note/1", "notes"), get(t, edge, "/note/1", "notes"); got != want {
			t.Errorf("round %d: the hub has %s, the edge %s", round, got, want)
		}
		if got := get(t, hub, "/edge/out/tally/1", "mirror"); !strings.Contains(got, "state:live") {
			t.Errorf("round %d: the copy of /tally/1 says %s", round, got)
		}
	}
	t.Logf("from the connection to all lanes right: at most %v in 20 kills", slowest.Round(time.Millisecond))
}
