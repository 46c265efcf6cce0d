package cli

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Fifty reloads around them: each reading of a device and each value of an agent that follows it arrive,
// and nothing of either is set up anew.
func TestReloadLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const fast = "[device.fast]\ndriver = \"reload-count\"\nevery = \"10ms\"\n[agent.\"/fast\"]\nkind = \"reload-follow\"\nsensor = \"/device/fast\"\n"
		const other = "[device.other]\ndriver = \"reload-count\"\nevery = \"%dms\"\nstep = %d\n[agent.\"/other\"]\nkind = \"reload-follow\"\nsensor = \"/device/%s\"\nmark = %d\n" +
			"[uplink.things]\nkind = \"reload-things\"\nmark = %d\nnodes = [\"/thing\"]\n"
		b := newReloadBench(t, fast)
		readings, values := b.follow("/device/fast", "n"), b.follow("/fast", "n")
		for i := range 50 {
			text := fast
			if i%5 > 0 {
				text += fmt.Sprintf(other, 10+i%3, 1+i%2, []string{"fast", "other"}[i%2], i, i%7)
			}
			if said := b.with(text); !strings.HasPrefix(said, "reloaded FILE: ") || !strings.Contains(said, "unchanged") && i > 0 {
				t.Fatal(said)
			}
			time.Sleep(23 * time.Millisecond)
			synctest.Wait()
		}
		for _, s := range []*seen{readings, values} {
			s.mu.Lock()
			if len(s.got) < 50*23/10 {
				t.Errorf("%d values", len(s.got))
			}
			first := 0
			for i, body := range s.got {
				n := 0
				if _, rest, is := strings.Cut(body, "{value:"); is {
					body, _, _ = strings.Cut(rest, ",")
				}
				if _, err := fmt.Sscan(body, &n); err != nil {
					t.Fatal(err)
				}
				if i == 0 {
					first = n
				}
				if n != first+i {
					t.Fatalf("after %d values comes %s, want %d", i, body, first+i)
				}
			}
			s.mu.Unlock()
		}
		b.want("/fast", "setups", "1")
		b.stop()
	})
}

func TestReload(t *testing.T) {
	const air = "[device.air]\ndriver = \"reload-count\"\nevery = \"1s\"\n"
	const room = "[agent.\"/room\"]\nkind = \"reload-follow\"\nsensor = \"/device/air\"\nmark = 1\n"
	const rooms = "[agent.\"/rooms/:id\"]\nkind = \"reload-follow\"\nmark = 1\n"
	const out = "[uplink.out]\nkind = \"reload-things\"\nmark = 1\nnodes = [\"/thing/1\", \"/device/thing\"]\n"
	synctest.Test(t, func(t *testing.T) {
		b := newReloadBench(t, air+room+rooms+out)
		b.want("/rooms/a", "mark", "1")
		linked, thing := b.follow("/room", "mark"), b.follow("/thing/1", "mark")

		steps := []struct {
			text, said string
			look       func()
		}{
			{text: air + room + rooms + out, said: "reloaded FILE: nothing has changed\n"},
			{text: strings.Replace(air, "1s", "100ms", 1) + room + rooms + out, said: "reloaded FILE: device air changed, 3 unchanged\n", look: func() {
				at := b.follow("/device/air", "n")
				time.Sleep(time.Second)
				synctest.Wait()
				if n := len(at.got); n < 9 || n > 11 {
					t.Errorf("%d readings in a second, want 10", n)
				}
				b.want("/room", "setups", "1")
			}},
			{text: air + "step = 7\n" + room + rooms + out, said: "reloaded FILE: device air changed, 3 unchanged\n", look: func() {
				time.Sleep(time.Second)
				if info := b.get("/device/air", "info"); !strings.Contains(info, "serial:7") && !strings.Contains(info, `serial:"7"`) {
					t.Errorf("the device was not opened anew: %s", info)
				}
			}},
			{text: air + strings.Replace(room, "mark = 1", "mark = 2", 1) + rooms + out, said: "reloaded FILE: device air changed, agent /room restarted, 2 unchanged\n", look: func() {
				b.want("/room", "mark", "2")
				b.want("/room", "setups", "2")
				if got := strings.Join(linked.got, " "); got != "2" {
					t.Errorf("a link to the agent saw %q, want 2", got)
				}
			}},
			{text: air + rooms + out, said: "reloaded FILE: agent /room removed, 3 unchanged\n", look: func() { b.want("/room", "mark", "") }},
			{text: air + room + rooms + out, said: "reloaded FILE: agent /room added, 3 unchanged\n", look: func() { b.want("/room", "setups", "3") }},
			{text: air + room + strings.Replace(rooms, "mark = 1", "mark = 2", 1) + out, said: "reloaded FILE: agent /rooms/:id restarted, 3 unchanged\n", look: func() {
				b.want("/rooms/a", "mark", "2")
				b.want("/rooms/b", "mark", "2")
			}},
			{text: air + room + rooms + out + strings.NewReplacer(":id", "a", "mark = 1", "mark = 3").Replace(rooms),
				said: "reloaded FILE: agent /rooms/:id restarted, agent /rooms/a added, 3 unchanged\n", look: func() { b.want("/rooms/a", "mark", "3") }},
			{text: air + room + rooms + out, said: "reloaded FILE: agent /rooms/a removed, 4 unchanged\n", look: func() { b.want("/rooms/a", "mark", "1") }},
			{text: air + room + out, said: "reloaded FILE: agent /rooms/:id removed, 3 unchanged\n", look: func() { b.want("/rooms/a", "mark", "") }},
			{text: air + room + strings.Replace(out, "mark = 1", "mark = 2", 1), said: "reloaded FILE: uplink out restarted, 2 unchanged\n", look: func() {
				b.want("/uplink/out", "mark", "2")
				b.want("/device/thing", "mark", "2")
				if got := strings.Join(thing.got, " "); got != "2" {
					t.Errorf("a link to what the uplink made saw %q, want 2", got)
				}
			}},
			{text: air + room + strings.Replace(out, `"/thing/1", `, "", 1), said: "reloaded FILE: uplink out restarted, 2 unchanged\n", look: func() {
				b.want("/thing/1", "mark", "")
				b.want("/device/thing", "mark", "1")
			}},
			{text: air + room + out + strings.Replace(air, "air", "thing", 1), said: "reloaded FILE: device thing added, uplink out restarted, 2 unchanged\n", look: func() {
				if b.get("/device/thing", "n") == "" {
					t.Error("the uplink did not make way for a device of the same node")
				}
			}},
			{text: strings.Replace(room, "/device/air", "", 1), said: "reloaded FILE: device air removed, device thing removed, agent /room restarted, uplink out removed, 0 unchanged\n", look: func() {
				if got, want := strings.Join(b.nodes(), ", "), "/room reload-follow"; got != want {
					t.Errorf("agents are %s, want %s", got, want)
				}
			}},
		}
		for _, s := range steps {
			if said := b.with(s.text); said != s.said {
				t.Errorf("said %q, want %q", said, s.said)
			}
			if s.look != nil {
				s.look()
			}
			synctest.Wait()
			if c := b.conditions(); len(c) > 0 {
				t.Errorf("after %q: conditions %v", s.said, c)
			}
		}
		b.stop()
	})
}

// A file with faults changes nothing and says why, until one without is read.
func TestReloadBad(t *testing.T) {
	const good = "[device.air]\ndriver = \"reload-count\"\nevery = \"1s\"\n[agent.\"/room\"]\nkind = \"reload-follow\"\n"
	synctest.Test(t, func(t *testing.T) {
		b := newReloadBench(t, good)
		before := b.nodes()
		for _, bad := range []string{
			strings.Replace(good, `"reload-count"`, `"reload-cont"`, 1) + "[agent.\"/new\"]\nkind = \"reload-follow\"\nmarc = 1\n",
			"[device.air", strings.Repeat("x", 2<<20), "", "# nothing\n", "[host]\nname = \"x\"\n[policy]\n",
		} {
			said := b.with(bad)
			if !strings.HasSuffix(said, "; nothing was changed.\n") || !strings.HasPrefix(said, "FILE:") {
				t.Errorf("%.20s: said %s", bad, said)
			}
			if got := b.conditions(); !slices.Equal(got, []string{"config.reload"}) {
				t.Errorf("conditions %v", got)
			}
			if !slices.Equal(b.nodes(), before) || b.loaded.Load().Outcome != refused {
				t.Errorf("%v are there, want %v", b.nodes(), before)
			}
		}
		os.Remove(b.path)
		b.reload(t.Context(), "", false)
		if c := b.host.Health.Active(); len(c) != 1 || !strings.Contains(c[0].Text, "there is no such file") {
			t.Errorf("conditions %v", c)
		}
		if said := b.with(good); said != "reloaded FILE: nothing has changed\n" || len(b.conditions()) > 0 {
			t.Errorf("said %s, conditions %v", said, b.conditions())
		}
		b.want("/room", "setups", "1")
		b.stop()
	})
}

// What cannot be done is named at its table, all else is done, and the next reload tries again.
func TestReloadPartly(t *testing.T) {
	const bad = "[uplink.out]\nkind = \"reload-things\"\nnodes = [\"/thing\"]\nbad = true\n"
	good := strings.Replace(bad, "true", "false", 1)
	const room = "[agent.\"/room\"]\nkind = \"reload-follow\"\n"
	synctest.Test(t, func(t *testing.T) {
		b := newReloadBench(t, good)
		said := b.with(bad + room)
		for _, want := range []string{"FILE:1:1: it does not open", "1 fault; all else was done: reloaded FILE: agent /room added, uplink out restarted"} {
			if !strings.Contains(said, want) {
				t.Errorf("said %s, want in it %s", said, want)
			}
		}
		if got := strings.Join(b.nodes(), ", "); got != "/room reload-follow" {
			t.Errorf("agents are %s", got)
		}
		if got := b.conditions(); !slices.Equal(got, []string{"config.reload"}) || b.loaded.Load().Outcome != partly {
			t.Errorf("conditions %v", got)
		}
		if said := b.with(good + room); said != "reloaded FILE: uplink out added, 1 unchanged\n" || len(b.conditions()) > 0 {
			t.Errorf("said %s, conditions %v", said, b.conditions())
		}
		b.want("/thing", "mark", "0")
		b.stop()
	})
}

// What takes a restart is named until it is as it was, and the rest is done.
func TestReloadFixed(t *testing.T) {
	const room = "[agent.\"/room\"]\nkind = \"reload-follow\"\nmark = 1\n"
	synctest.Test(t, func(t *testing.T) {
		b := newReloadBench(t, room)
		for range 2 {
			said := b.with("[host]\ncommit = \"1s\"\n[host.warp]\nlinks = 7\n[hub]\n" + strings.Replace(room, "1", "2", 1))
			if !strings.HasSuffix(said, "; only a restart changes host.commit, host.warp.links, hub\n") {
				t.Errorf("said %s", said)
			}
			b.want("/room", "mark", "2")
			if c := b.host.Health.Active(); len(c) != 1 || !strings.Contains(c[0].Text, "host.commit, host.warp.links, hub") {
				t.Errorf("conditions %v", c)
			}
		}
		if said := b.with(room); said != "reloaded FILE: agent /room restarted, 0 unchanged\n" || len(b.conditions()) > 0 {
			t.Errorf("said %s, conditions %v", said, b.conditions())
		}
		b.stop()
	})
}

// However a host came to a config, what runs is what a host that starts with it runs.
func TestReloadIsLikeStart(t *testing.T) {
	for seed := range uint64(30) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 2))
			text := randomConfig(r)
			b := newReloadBench(t, text)
			texts := []string{text}
			for range 4 {
				text = randomConfig(r)
				texts = append(texts, text)
				if said := b.with(text); !strings.HasPrefix(said, "reloaded ") {
					t.Fatalf("seed %d: %s", seed, said)
				}
			}
			fresh := newReloadBench(t, text)
			time.Sleep(3 * time.Second)
			synctest.Wait()
			if got, want := b.picture(), fresh.picture(); got != want {
				t.Errorf("seed %d: after\n%s\nthere is\n%s\nwant\n%s", seed, strings.Join(texts, "\n---\n"), got, want)
			}
			b.stop()
			fresh.stop()
		})
	}
}

// picture is all that runs, and how.
func (b *reloadBench) picture() string {
	var all []string
	for _, node := range b.nodes() {
		uri, _, _ := strings.Cut(node, " ")
		info := b.get(uri, "info")
		all = append(all, fmt.Sprintf("%s mark %s info %s", node, b.get(uri, "mark"), info))
	}
	for i := range 3 { // agents by pattern are made when they are touched
		all = append(all, fmt.Sprintf("/%d/x mark %s", i, b.get(fmt.Sprintf("/%d/x", i), "mark")))
	}
	all = append(all, b.conditions()...)
	return strings.Join(all, "\n")
}

func randomConfig(r *rand.Rand) string {
	var b strings.Builder
	add := func(format string, args ...any) {
		if r.IntN(3) > 0 {
			fmt.Fprintf(&b, format, args...)
		}
	}
	for i := range 3 {
		add("[device.d%d]\ndriver = \"reload-count\"\nstep = %d\nevery = \"%ds\"\n", i, 1+r.IntN(2), 1+r.IntN(2))
		add("[agent.\"/a/%d\"]\nkind = \"reload-follow\"\nmark = %d\n", i, r.IntN(2))
		add("[agent.\"/%d/:id\"]\nkind = \"reload-follow\"\nmark = %d\n", i, r.IntN(2))
		add("[uplink.u%d]\nkind = \"reload-things\"\nmark = %d\nnodes = [\"/%d/thing\", \"/u/%d\"]\n", i, r.IntN(2), i, i+3*r.IntN(2))
	}
	return b.String()
}
