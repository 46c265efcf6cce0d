package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/agent"
	"selvage/edge/clock"
	"selvage/edge/config"
	"selvage/edge/device"
	"selvage/edge/health"
	"selvage/edge/host"
	"selvage/edge/meta"
	"selvage/edge/route"
	"selvage/edge/store"
	"selvage/uplink"
)

func init() {
	device.Register("reload-count", reloadCount{Step: 1}, func(_ context.Context, c reloadCount) (*counting, error) {
		return &counting{reloadCount: c}, nil
	})
	agent.Register("reload-follow", reloadFollow{}, setupFollow)
	uplink.Register("reload-things", reloadThings{}, func(l *uplink.Line, c reloadThings) (uplink.Uplink, error) {
		if c.Bad {
			return nil, errors.New("it does not open")
		}
		return &things{line: l, reloadThings: c}, nil
	})
}

// reloadCount is a device that counts its measurements since it was opened.
type reloadCount struct{ Step int }

type counting struct {
	reloadCount
	n int
}

func (c *counting) Info() device.Info          { return device.Info{Serial: fmt.Sprint(c.Step)} }
func (c *counting) Close() error               { return nil }
func (c *counting) Channels() []device.Channel { return []device.Channel{{Name: "n"}} }
func (c *counting) Read(context.Context) (device.Sample, error) {
	c.n += c.Step
	return device.Sample{{Channel: "n", Value: float64(c.n)}}, nil
}

// reloadFollow is an agent that keeps what it saw of a device, and how often it was set up.
type reloadFollow struct {
	Sensor string
	Mark   int
}

func setupFollow(a *agent.Agent, c reloadFollow) error {
	agent.Value(a, "mark", c.Mark).Transient().ReadOnly()
	setups := agent.Value(a, "setups", 0)
	setups.Set(setups.Get() + 1)
	n := agent.Value(a, "n", 0)
	if c.Sensor != "" {
		agent.Link(a, c.Sensor, "n", func(r device.Reading) { n.Set(int(r.Value)) })
	}
	return nil
}

// reloadThings is an uplink with twins of its own.
type reloadThings struct {
	Mark  int
	Nodes []string
	Bad   bool
}

type things struct {
	reloadThings
	line *uplink.Line
}

func (u *things) Peer() string { return "nowhere" }
func (u *things) Setup(a *agent.Agent) error {
	agent.Value(a, "mark", u.Mark).Transient().ReadOnly()
	for _, node := range u.Nodes {
		// An agent that is there already is another's.
		_, _ = u.line.Host.Add(route.NodeURI(node), agent.NewKind("thing", struct{}{}, func(a *agent.Agent, _ struct{}) error {
			agent.Value(a, "mark", u.Mark).Transient().ReadOnly()
			return nil
		}))
	}
	return nil
}
func (u *things) Run(ctx context.Context) error {
	u.line.Up()
	<-ctx.Done()
	return nil
}

// reloadBench is a host that runs by a config, without its doors.
type reloadBench struct {
	*running
	t    *testing.T
	out  bytes.Buffer
	err  bytes.Buffer
	kept *store.Store
}

func newReloadBench(t *testing.T, text string) *reloadBench {
	t.Helper()
	b := &reloadBench{t: t}
	path := filepath.Join(t.TempDir(), "selvage.toml")
	b.write(path, text)
	plan, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	clk, board, log := clock.New("test", func() bool { return true }), health.NewBoard(), slog.New(slog.DiscardHandler)
	if b.kept, err = store.Open(store.Options{Dir: t.TempDir(), Clock: clk, Health: board, Log: log}); err != nil {
		t.Fatal(err)
	}
	h := host.New(host.Options{Clock: clk, Health: board, Log: log, Store: b.kept})
	d := &devices{host: h, twins: map[string]*twinHandle{}, first: make(chan device.Report, len(plan.Devices)), ctx: context.Background()}
	d.manager = device.NewManager(device.Options{Clock: clk, Health: board, Log: log, Report: d.report})
	b.running = newRunning(&env{out: &b.out, err: &b.err}, path, plan, h, d)
	for _, err := range []error{d.add(plan.Devices), b.addAgents(plan.Agents), meta.Add(h, meta.Info{}, b.lanes), b.uplinks.openAll(plan.Uplinks)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	d.manager.Start()
	for _, w := range b.uplinks.all() {
		w.Start()
	}
	synctest.Wait()
	return b
}

func (b *reloadBench) write(path, text string) {
	b.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// with has the host run by another text and returns what it says.
func (b *reloadBench) with(text string) string {
	b.t.Helper()
	b.write(b.path, text)
	b.out.Reset()
	b.err.Reset()
	b.reload(b.t.Context(), "", false)
	synctest.Wait()
	return strings.ReplaceAll(b.out.String()+b.err.String(), b.path, "FILE")
}

func (b *reloadBench) stop() {
	b.t.Helper()
	ctx := context.Background()
	for _, err := range []error{b.uplinks.stop(ctx), b.host.Stop(ctx), b.devices.manager.Stop(ctx), b.kept.Close()} {
		if err != nil {
			b.t.Error(err)
		}
	}
}

// get returns a lane's value as text, "" if there is none.
func (b *reloadBench) get(node, lane string) string {
	s, err := b.host.Read(b.t.Context(), route.NodeURI(node), route.LaneName(lane))
	if err != nil || len(s.Events) == 0 {
		return ""
	}
	return string(s.Events[0])
}

func (b *reloadBench) want(node, lane, want string) {
	b.t.Helper()
	if got := b.get(node, lane); got != want {
		b.t.Errorf("%s %s is %q, want %q", node, lane, got, want)
	}
}

// nodes lists the agents that the config asks for, and those its uplinks made.
func (b *reloadBench) nodes() (all []string) {
	for a := range b.host.Nodes() {
		if a.URI() != "/host" {
			all = append(all, string(a.URI())+" "+a.KindName())
		}
	}
	slices.Sort(all)
	return all
}

func (b *reloadBench) conditions() (codes []string) {
	for _, c := range b.host.Health.Active() {
		codes = append(codes, c.Code)
	}
	return codes
}

// seen keeps all that a lane publishes.
type seen struct {
	mu   sync.Mutex
	tail *agent.Tail
	got  []string
}

func (s *seen) Wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.tail != nil {
		body, ok := s.tail.Next()
		if !ok {
			return
		}
		s.got = append(s.got, string(body))
	}
}

// follow reads a lane from now on.
func (b *reloadBench) follow(node, lane string) *seen {
	b.t.Helper()
	a, ok := b.host.Node(route.NodeURI(node))
	if !ok {
		b.t.Fatalf("there is no agent %s", node)
	}
	s := &seen{}
	tail := a.Lane(route.LaneName(lane)).Open(s)
	s.mu.Lock()
	s.tail = tail
	s.mu.Unlock()
	return s
}

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
