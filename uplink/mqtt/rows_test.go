package mqtt

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"selvage/edge/agent"
	"selvage/edge/device"
	"selvage/edge/leaktest"
	"selvage/edge/recon"
	"selvage/edge/route"
	"selvage/uplink"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// row is a message as a real device, or the convention of its maker, has it: see ../shared/data/README.md.
type row struct {
	Topic    string `json:"topic"`
	Payload  string `json:"payload"`
	Encoding string `json:"encoding"`
	Retained bool   `json:"retained"`
	Note     string `json:"note"`
}

func (r row) bytes(t *testing.T) []byte {
	if r.Encoding != "base64" {
		return []byte(r.Payload)
	}
	raw, err := base64.StdEncoding.DecodeString(r.Payload)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func readRows(t *testing.T, file string) (all []row) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for dec := json.NewDecoder(bytes.NewReader(text)); dec.More(); {
		var r row
		if err := dec.Decode(&r); err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

// TestRows publishes each row by mosquitto_pub through a Mosquitto, with all families at once, and compares what each
// changes with a file that was read by people.
func TestRows(t *testing.T) {
	files, _ := filepath.Glob("../../../shared/data/mqtt/*.jsonl")
	if len(files) == 0 {
		t.Skip("there are no recorded messages here: ../shared/data/mqtt")
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".jsonl")
		t.Run(name, func(t *testing.T) {
			leaktest.Check(t)
			got := published(t, readRows(t, file))
			golden := filepath.Join("testdata", "rows", name+".golden")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s is now\n%s", golden, got)
			}
		})
	}
}

// published tells what rows change, one after the other.
func published(t *testing.T, rows []row) string {
	b := startBroker(t)
	e := newEdge(t, t.TempDir())
	posts := &posts{Host: e.seen}
	e.seen = posts
	l, err := uplink.Open(e.seen, uplink.Spec{Name: "broker", Kind: "mqtt under test", Config: Config{
		URL: b.url(), QoS: 1, Devices: 1000, Discover: slices.Sorted(maps.Keys(families)),
		Map: map[string]Map{"barrier": {Device: "/device/barrier", Channel: map[string]Channel{"n": {}}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	e.lines = append(e.lines, l)
	l.Start()
	e.connected(l)
	bridge := opened
	var out strings.Builder
	before := map[string]string{}
	for i, r := range rows {
		args := []string{"-p", b.port, "-t", r.Topic, "-q", "1", "-s"}
		if r.Payload == "" {
			args[len(args)-1] = "-n"
		}
		if r.Retained {
			args = append(args, "-r")
		}
		b.client("mosquitto_pub", bytes.NewReader(r.bytes(t)), args...)
		b.pub("barrier", fmt.Sprint(i))
		e.has("/device/barrier", "n", fmt.Sprintf("value:%d", i))
		until(t, "the subscriptions", func() bool { return slices.Equal(bridge.asked(t), slices.Sorted(maps.Keys(bridge.subscriptions()))) })
		posts.wait(t)
		fmt.Fprintf(&out, "%s %s\n", r.Topic, shorten(r.bytes(t)))
		now := e.lanes(t)
		for _, lane := range slices.Sorted(maps.Keys(now)) {
			if now[lane] != before[lane] {
				fmt.Fprintf(&out, "\t%s  %s\n", lane, now[lane])
			}
		}
		for _, lane := range slices.Sorted(maps.Keys(before)) {
			if _, still := now[lane]; !still {
				fmt.Fprintf(&out, "\t%s  is gone\n", lane)
			}
		}
		before = now
	}
	return out.String()
}

// asked are the subscriptions that the broker's session has.
func (b *bridge) asked(t *testing.T) (all []string) {
	done := make(chan struct{})
	if err := b.line.Do(t.Context(), func() { all = b.filters.Get(); close(done) }); err != nil {
		t.Fatal(err)
	}
	<-done
	return all
}

// lanes are all lanes of all things, and all conditions, as people would read them.
func (e *edge) lanes(t *testing.T) map[string]string {
	all := map[string]string{}
	for a := range e.host.Nodes() {
		if !strings.HasPrefix(string(a.URI()), prefix) || a.URI() == "/device/barrier" {
			continue
		}
		for _, l := range a.Lanes() {
			if l.Name() != "desired" && !strings.HasPrefix(string(l.Name()), "calibrat") {
				all[fmt.Sprintf("%s %s", a.URI(), l.Name())] = e.show(t, a, l)
			}
		}
	}
	for _, c := range e.health.Active() {
		all["condition "+c.Code] = c.Text
	}
	return all
}

func (e *edge) show(t *testing.T, a *agent.Agent, l *agent.Lane) string {
	if k := l.Kind(); k != agent.ValueKind {
		return k.String()
	}
	text := e.get(string(a.URI()), string(l.Name()))
	v, err := recon.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var r device.Reading
	switch l.Name() {
	case "status":
		state, _ := v.Get("state").Text()
		reason, _ := v.Get("reason").Text()
		return strings.TrimSpace(state + " " + reason)
	case "info":
		return regexp.MustCompile(`wire:"[^"]*",`).ReplaceAllString(text, "")
	}
	if err := r.LoadRecon(v); err != nil || r.IsZero() {
		return text
	}
	shown := fmt.Sprintf("%s %s", r.Form, r)
	if r.Unit != "" {
		shown += " (" + string(r.Unit) + ")"
	}
	if r.Quality != device.Good {
		shown += fmt.Sprintf(" %s: %s", r.Quality, r.Reason)
	}
	if time.Since(r.At.Time()) > time.Hour { // it says itself when it was
		shown += " at " + r.At.Time().UTC().Format("2006-01-02T15:04:05.000Z")
	}
	return shown
}

// posts is a host whose agents' turns can be waited for.
type posts struct {
	uplink.Host
	mu  sync.Mutex
	all map[route.NodeURI]uplink.Agent
}

func (p *posts) Add(node route.NodeURI, k agent.Kind) (uplink.Agent, error) {
	a, err := p.Host.Add(node, k)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all == nil {
		p.all = map[route.NodeURI]uplink.Agent{}
	}
	p.all[node] = a
	return a, err
}

func (p *posts) Remove(ctx context.Context, node route.NodeURI) error {
	p.mu.Lock()
	delete(p.all, node)
	p.mu.Unlock()
	return p.Host.Remove(ctx, node)
}

// wait returns when all turns have ended that were asked for before.
func (p *posts) wait(t *testing.T) {
	p.mu.Lock()
	all := maps.Clone(p.all)
	p.mu.Unlock()
	for _, a := range all {
		done := make(chan error, 1)
		if err := a.Post(t.Context(), func() {}, func(err error) { done <- err }); err != nil {
			t.Fatal(err)
		}
		<-done
	}
}
