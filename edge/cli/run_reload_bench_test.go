package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

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
