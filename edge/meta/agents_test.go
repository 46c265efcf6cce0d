package meta

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/agent"
	"selvage/edge/host"
	"selvage/edge/recon"
	"selvage/edge/route"
)

// addWorker makes an agent that is busy for as long as it is told.
func addWorker(t *testing.T, h *host.Host, uri route.NodeURI) {
	t.Helper()
	_, err := h.Add(uri, host.Agents, agent.NewKind("worker", 0, func(a *agent.Agent, _ int) error {
		agent.Command(a, "work", func(ms int) error { time.Sleep(time.Duration(ms) * time.Millisecond); return nil })
		agent.Command(a, "fall", func(int) error { panic("told to") })
		return nil
	}), nil)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
}

func uris(all Activities) string {
	var names []string
	for _, a := range all.Agents {
		names = append(names, a.URI)
	}
	return strings.Join(names, " ")
}

func TestAgentsAsked(t *testing.T) {
	withWorkers(t, 4, func(t *testing.T, h *host.Host) {
		for _, uri := range []route.NodeURI{"/w/1", "/w/2", "/w/3"} {
			addWorker(t, h, uri)
		}
		c := dial(t, h)
		c.send(`@command(node:"/w/2",lane:work) 300`, `@command(node:"/w/3",lane:work) 100`)
		synctest.Wait()
		c.send(`@command(node:"/w/3",lane:fall) 1`)
		synctest.Wait() // it is in a turn still, so this waits
		busy := Asking{Sort: "mail", Limit: 1, Glob: "/w/*"}
		if all := asks(t, h, busy); uris(all) != "/w/3" || all.Agents[0].State != "running" || all.Agents[0].Mail != 1 || all.Agents[0].MailBytes == 0 {
			t.Errorf("with mail: %+v", all)
		}
		time.Sleep(time.Second)
		for _, tt := range []struct {
			ask   Asking
			want  string
			total int
		}{
			{Asking{Sort: "uri", Limit: 10}, "/host /unit/1 /w/1 /w/2 /w/3", 5},
			{Asking{Sort: "uri", Limit: 2}, "/host /unit/1", 5},
			{Asking{Sort: "uri", Limit: 10, Glob: "/w/*"}, "/w/1 /w/2 /w/3", 3},
			{Asking{Sort: "uri", Limit: 10, Glob: "/w/2"}, "/w/2", 1},
			{Asking{Sort: "restarts", Limit: 2}, "/w/3 /host", 5},
			{Asking{Sort: "mail", Limit: 1}, "/host", 5},
			{Asking{Sort: "uri", Limit: 10, Glob: "/none/*"}, "", 0},
		} {
			all := asks(t, h, tt.ask)
			if uris(all) != tt.want || all.Total != tt.total {
				t.Errorf("%+v: %s of %d, want %s of %d", tt.ask, uris(all), all.Total, tt.want, tt.total)
			}
		}
		of := asks(t, h, Asking{Sort: "uri", Limit: 10, Glob: "/w/*"}).Agents
		if of[1].Commands != 1 || of[1].State != "idle" || of[1].Kind != "worker" ||
			of[2].Restarts != 1 || of[2].Commands != 2 || of[1].Since.UnixMilli() != 946684800000 {
			t.Errorf("they are %+v", of)
		}
	})
}

// asks reads the lane over a link, as ps does.
func asks(t *testing.T, h *host.Host, q Asking) (all Activities) {
	t.Helper()
	c := dial(t, h)
	defer c.close()
	c.send(address("sync", q.Node(), "agents"))
	for _, frame := range c.take() {
		if body, ok := strings.CutPrefix(frame, address("event", q.Node(), "agents")); ok {
			if err := recon.Unmarshal([]byte(body), &all); err != nil {
				t.Fatal(err)
			}
			return all
		}
	}
	t.Fatalf("%s has no answer", q.Node())
	return all
}

// What is listed is the beginning of all, sorted, in whatever order they come.
func TestFirstOfAll(t *testing.T) {
	all := []Activity{
		{URI: "/stuck", Turn: 5, Busy: 1}, {URI: "/a", Busy: 9}, {URI: "/b", Busy: 7, Mail: 1, MailBytes: 100}, {URI: "/c", Busy: 7, Mail: 2},
		{URI: "/d", Busy: 2, Mail: 1, MailBytes: 200}, {URI: "/e", Restarts: 1},
	}
	for sort, want := range map[string]string{
		"uri": "/a /b /c /d /e /stuck", "busy": "/stuck /a /b /c /d /e", "mail": "/c /d /b /a /e /stuck", "restarts": "/e /a /b /c /d /stuck",
	} {
		for limit := range len(all) + 1 {
			rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			best := activities{before: orders[sort], limit: limit + 1}
			for _, a := range all {
				best.take(&a)
			}
			if got := uris(Activities{Agents: best.sorted()}); got != strings.Join(strings.Fields(want)[:min(limit+1, len(all))], " ") {
				t.Errorf("the first %d by %s are %s, want those of %s", limit+1, sort, got, want)
			}
		}
	}
}

// Who keeps looking is told about once a second; when nobody looks there is no view.
func TestAgentsFollowed(t *testing.T) {
	within(t, func(t *testing.T, h *host.Host) {
		c := dial(t, h)
		node := Asking{Sort: "uri", Limit: 10, Glob: "/unit/*"}.Node()
		c.send(address("link", node, "agents"), address("sync", node, "agents"))
		c.take()
		addUnit(t, h, "/unit/2")
		time.Sleep(1500 * time.Millisecond)
		got := strings.Join(c.take(), "\n")
		if n := strings.Count(got, "@event"); n != 1 || !strings.Contains(got, `uri:"/unit/2"`) || !strings.Contains(got, "total:2") {
			t.Errorf("in a second and a half came %s", got)
		}
		views(t, h, 1)
		c.close()
		time.Sleep(2 * time.Second)
		views(t, h, 0)
	})
}

func TestAsked(t *testing.T) {
	for _, q := range []Asking{{"uri", 1, ""}, {"busy", MostAsked, "/a/*"}, {"mail", 7, "/a%2fb/*/c"}, {"restarts", 2, "swim:a/*"}} {
		node, _, err := route.Node("/", q.Node())
		if err != nil {
			t.Fatal(err)
		}
		if got, _, ok := asked(node); !ok || got != q {
			t.Errorf("%s asks for %+v, %v, want %+v", node, got, ok, q)
		}
	}
	for _, uri := range []route.NodeURI{"swim:meta:ps", "swim:meta:ps/uri/1", "swim:meta:ps/uri/0/", "swim:meta:ps/uri/3001/", "swim:meta:ps/uri/x/",
		"swim:meta:ps/color/1/", "swim:meta:ps/uri/1/a", "swim:meta:ps/uri/1/%2fa**", "swim:meta:ps/uri/1/%2fa/b", "swim:meta:ps/uri/1//"} {
		if q, _, ok := asked(uri); ok {
			t.Errorf("%s asks for %+v", uri, q)
		}
	}
}

// However much is asked for, the answer fits a message.
func TestAgentsFitAMessage(t *testing.T) {
	within(t, func(t *testing.T, h *host.Host) {
		long := strings.Repeat("x", 2000)
		const many = 500
		for i := range many {
			addUnit(t, h, route.NodeURI(fmt.Sprintf("/unit/%s/%d", long, i)))
		}
		s, err := h.Read(t.Context(), route.NodeURI(Asking{Sort: "busy", Limit: MostAsked, Glob: "/unit/*/*"}.Node()), "agents")
		if err != nil || len(s.Events) != 1 {
			t.Fatalf("%d events, %v", len(s.Events), err)
		}
		body := s.Events[0]
		if n := len(regexp.MustCompile(`uri:`).FindAll(body, -1)); len(body) > 1<<20 || n < many/2 || n >= many || !strings.Contains(string(body), "total:500") {
			t.Errorf("%d of %d in %d bytes", n, many, len(body))
		}
	})
}
