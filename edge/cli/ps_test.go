package cli

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"selvage/edge/agent"
	"selvage/edge/clock"
	"selvage/edge/health"
	"selvage/edge/host"
	"selvage/edge/leaktest"
	"selvage/edge/meta"
	"selvage/edge/route"
)

func TestPsTable(t *testing.T) {
	start := time.UnixMilli(1_800_000_000_000)
	now := meta.Activities{At: start.Add(100 * time.Second), Total: 3, Agents: []meta.Activity{
		{URI: "/device/air", Kind: "twin", State: "idle", Busy: int64(50 * time.Millisecond), Since: start, Up: 2},
		{URI: "/room/air", Kind: "climate", State: "running", Turn: int64(75 * time.Second), Busy: int64(20 * time.Second), Since: start, Mail: 412, MailBytes: 29_800, Down: 1},
		{URI: "/x\x1b[2J", Kind: "rule", State: "restarting", Restarts: 12, Since: start.Add(101 * time.Second)},
	}}
	var out bytes.Buffer
	p := ps{env: &env{out: &out}}
	look := func(want string) {
		t.Helper()
		if err := printTable(&out, p.table(now)); err != nil {
			t.Fatal(err)
		}
		if out.String() != want {
			t.Errorf("it prints\n%swant\n%s", out.String(), want)
		}
		out.Reset()
	}
	look(`AGENT        KIND     STATE           BUSY   TURNS        MAIL  IN  OUT  RESTARTS     UP
/device/air  twin     idle            0.1%  50.0ms           -   2    -         -  1m40s
/room/air    climate  running 1m15s  20.0%   20.0s  412 29.8kB   -    1         -  1m40s
/x�[2J       rule     restarting         -       -           -   -    -        12     0s
`)
	now.At = now.At.Add(2 * time.Second)
	now.Agents = now.Agents[:2]
	now.Agents[0].Busy += int64(time.Second)
	now.Agents[1] = meta.Activity{URI: "/room/air", Kind: "climate", State: "idle", Busy: int64(time.Second), Since: now.At.Add(-2 * time.Second)} // another one now
	look(`AGENT        KIND     STATE   BUSY  TURNS  MAIL  IN  OUT  RESTARTS     UP
/device/air  twin     idle   50.0%   1.1s     -   2    -         -  1m42s
/room/air    climate  idle   50.0%   1.0s     -   -    -         -     2s
`)
}

func TestAge(t *testing.T) {
	for _, tt := range []struct {
		d         time.Duration
		age, took string
	}{
		{0, "0s", "-"},
		{1500 * time.Nanosecond, "0s", "1µs"},
		{9_940 * time.Microsecond, "0s", "9.9ms"},
		{59 * time.Second, "59s", "59.0s"},
		{time.Minute, "1m00s", "1m00s"},
		{3*time.Hour + 7*time.Minute, "3h07m", "3h07m"},
		{9*24*time.Hour + 90*time.Minute, "9d01h", "9d01h"},
	} {
		if a, s := age(tt.d), spent(tt.d); a != tt.age || s != tt.took {
			t.Errorf("age(%v) = %s, spent = %s, want %s, %s", tt.d, a, s, tt.age, tt.took)
		}
	}
}

// psHost is a host with three agents that do nothing.
func psHost(t *testing.T) (url string) {
	t.Helper()
	leaktest.Check(t)
	h := host.New(host.Options{Clock: clock.System(), Health: health.NewBoard(), Log: slog.New(slog.DiscardHandler)})
	if err := meta.Add(h, meta.Info{}); err != nil {
		t.Fatal(err)
	}
	for _, uri := range []route.NodeURI{"/box/1", "/box/2"} {
		if _, err := h.Add(uri, host.Agents, agent.NewKind("box", struct{}{}, func(a *agent.Agent, _ struct{}) error {
			agent.Value(a, "level", 1.5)
			return nil
		}), nil); err != nil {
			t.Fatal(err)
		}
	}
	return serveWARP(t, h)
}

func TestPs(t *testing.T) {
	url := psHost(t)
	tests := []struct {
		args string
		code int
		out  []string // what begins each line
		err  string   // the beginning
	}{
		{args: "ps", out: []string{"AGENT ", "/box/1 ", "/box/2 ", "/host "}},
		{args: "ps /box/*", out: []string{"AGENT ", "/box/1 ", "/box/2 "}},
		{args: "ps " + url + "/box/2", out: []string{"AGENT ", "/box/2 "}},
		{args: "ps --limit 1", out: []string{"AGENT ", "/box/1 "}, err: "and 2 more; see others with --limit, --sort or a PATTERN\n"},
		{args: "ps /box/* --json", out: []string{`{"node":"/box/1","kind":"box","state":"idle","busy":`, `{"node":"/box/2",`}},
		{args: "ps /none", code: 1, err: "selvage: no agent matches /none\n"},
		{args: "ps box", code: 2, err: `selvage: "box" is not a glob`},
		{args: "ps --limit 0", code: 2, err: "selvage: --limit is from 1 to 3000, got 0\n"},
		{args: "ps --sort color", code: 2, err: "selvage: agents are not sorted by \"color\"\n  they are by uri, busy, mail, restarts\n"},
	}
	for _, tt := range tests {
		var out, errs bytes.Buffer
		code := Main(append(strings.Fields(tt.args), "--host", url), &out, &errs)
		lines := strings.SplitAfter(out.String(), "\n")
		right := len(lines) == len(tt.out)+1
		for i := range tt.out {
			right = right && strings.HasPrefix(lines[i], tt.out[i])
		}
		if code != tt.code || !right || !strings.HasPrefix(errs.String(), tt.err) {
			t.Errorf("selvage %s: exit %d, %q, %q; want %d, %q…, %q", tt.args, code, out.String(), errs.String(), tt.code, tt.out, tt.err)
		}
	}
}
