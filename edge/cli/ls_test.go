package cli

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"selvage/edge/agent"
	"selvage/edge/clock"
	"selvage/edge/health"
	"selvage/edge/host"
	"selvage/edge/leaktest"
	"selvage/edge/meta"
	"selvage/edge/peer"
	"selvage/edge/route"
	"selvage/edge/store"
)

// synced closes when a link has had the lane's state.
type synced chan struct{}

func (synced) Event([]byte) {}
func (s synced) Synced()    { close(s) }
func (synced) Ended(error)  {}

// ls says how many links there are to a lane, its own apart.
func TestLsLinks(t *testing.T) {
	leaktest.Check(t)
	kept, err := store.Open(store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	kept.SetRules(func(_ route.NodeURI, lane route.LaneName) (store.Keep, bool) { return store.Keep{}, lane == "level" })
	h := host.New(host.Options{Clock: clock.System(), Health: health.NewBoard(), Log: slog.New(slog.DiscardHandler), Store: kept})
	_, err = h.Add("/box", host.Agents, agent.NewKind("box", struct{}{}, func(a *agent.Agent, _ struct{}) error {
		agent.Value(a, "level", 1.5)
		agent.Command(a, "go", func(int) error { return nil })
		return nil
	}), nil)
	if err == nil {
		err = meta.Add(h, meta.Info{})
	}
	if err != nil {
		t.Fatal(err)
	}
	url := serveWARP(t, h)
	c, err := peer.Dial(t.Context(), url, peer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(closeNormal, "")
	linked := make(synced)
	if _, err := c.Follow("/box", "level", true, linked); err != nil {
		t.Fatal(err)
	}
	<-linked
	var out, errs bytes.Buffer
	want := "go             command\nlevel          value    1.5                   1 link\nlevel/history  map      (all that level was)\n"
	if code := Main([]string{"ls", "/box", "--host", url}, &out, &errs); code != 0 || out.String() != want {
		t.Errorf("ls: exit %d, %q, %q; want %q", code, out.String(), errs.String(), want)
	}

	// What it lists can be read, but is not there while nobody does.
	if box, _ := h.Node("/box"); box.Lane("level/history") != nil {
		t.Error("to be listed a history was made a lane")
	}
	if err := h.Do(t.Context(), "/box", "level", []byte("2.5")); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	if code := Main([]string{"get", "/box", "level/history", "--host", url}, &out, &errs); code != 0 || !strings.HasSuffix(out.String(), " 2.5\n") {
		t.Errorf("get: exit %d, %q, %q", code, out.String(), errs.String())
	}
}
