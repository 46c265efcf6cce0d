package cli

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"selvage/edge/agent"
	"selvage/edge/clock"
	"selvage/edge/health"
	"selvage/edge/host"
	"selvage/edge/leaktest"
	"selvage/edge/meta"
	"selvage/edge/peer"
)

const panicked = `@fail(time:1800000000000,node:"/room/air")@exception("index out of range [3]"){` +
	`@at(class:"selvage/agents/climate",method:"setup.func1",file:"climate.go",line:62),@at(class:"selvage/edge/host",method:"(*cell).run",file:"cell.go",line:7)}`

func TestLogPrint(t *testing.T) {
	was := time.Local
	time.Local = time.UTC
	defer func() { time.Local = was }()
	said := []string{
		`@info(time:1800000000123,node:"/room/air") "target is 21 °C"`,
		`@warn(time:1800000000456,node:"/x"){"no answer",part:pump,"at.tries":3,wet:true,err:"broken \"pipe\"",none:""}`,
		`@error(time:1800000000456) "12 records were dropped here"`,
		panicked,
		`@debug(time:1800000000456,node:"/device/a-very-long-name/of-an-agent") "two\nlines\u001b[2J"`,
		`plain`, // of a host that tells no time
	}
	tests := []struct {
		name string
		p    logPrinter
		of   string
		want string
	}{
		{"of a host", logPrinter{env: &env{}}, "", `08:00:00.123  info   /room/air  target is 21 °C
08:00:00.456  warn   /x         no answer  part=pump  at.tries=3  wet=true  err="broken \"pipe\""  none=""
08:00:00.456  error             12 records were dropped here
08:00:00.000  fail   /room/air  panic: index out of range [3]
    selvage/agents/climate.setup.func1  climate.go:62
    selvage/edge/host.(*cell).run  cell.go:7
08:00:00.456  debug  /device/a-very-long-name/of-an-agent  two
    lines�[2J
NOW  plain
`},
		{"of one", logPrinter{env: &env{}}, "/x", `08:00:00.123  info   target is 21 °C
08:00:00.456  warn   no answer  part=pump  at.tries=3  wet=true  err="broken \"pipe\""  none=""
08:00:00.456  error  12 records were dropped here
08:00:00.000  fail   panic: index out of range [3]
    selvage/agents/climate.setup.func1  climate.go:62
    selvage/edge/host.(*cell).run  cell.go:7
08:00:00.456  debug  two
    lines�[2J
NOW  plain
`},
		{"on a terminal", logPrinter{env: &env{}, colored: true}, "/x", "08:00:00.123  info   target is 21 °C\n" +
			"08:00:00.456  \x1b[33mwarn \x1b[0m  no answer  \x1b[2mpart=\x1b[0mpump  \x1b[2mat.tries=\x1b[0m3"},
		{"for tools", logPrinter{env: &env{json: true}}, "/x", `{"time":"2027-01-15T08:00:00.123Z","level":"info","node":"/room/air","text":"target is 21 °C"}
{"time":"2027-01-15T08:00:00.456Z","level":"warn","node":"/x","text":"no answer","attrs":{"part":"pump","at.tries":3,"wet":true,"err":"broken \"pipe\"","none":""}}
{"time":"2027-01-15T08:00:00.456Z","level":"error","node":"/x","text":"12 records were dropped here"}
{"time":"2027-01-15T08:00:00Z","level":"fail","node":"/room/air","text":"panic: index out of range [3]","stack":[{"class":"selvage/agents/climate","method":"setup.func1","file":"climate.go","line":62},{"class":"selvage/edge/host","method":"(*cell).run","file":"cell.go","line":7}]}
`},
	}
	for _, tt := range tests {
		var out bytes.Buffer
		tt.p.out = &out
		for _, s := range said {
			if err := tt.p.print([]byte(s), tt.of); err != nil {
				t.Fatalf("%s: %s: %v", tt.name, s, err)
			}
		}
		got := regexp.MustCompile(`(?m)^\S+  +plain$`).ReplaceAllString(out.String(), "NOW  plain")
		if !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s:\n%q\nwant\n%q", tt.name, got, tt.want)
		}
	}
}

// restartable is a host that can be stopped, and started again at the same address.
type restartable struct {
	t      *testing.T
	at     string
	server *http.Server
	host   *host.Host
	ends   sync.WaitGroup
}

func (r *restartable) start() {
	r.t.Helper()
	l, err := net.Listen("tcp", r.at)
	if err != nil {
		r.t.Fatal(err)
	}
	r.at = l.Addr().String()
	r.host = host.New(host.Options{Clock: clock.System(), Health: health.NewBoard(), Log: slog.New(slog.DiscardHandler)})
	_, err = r.host.Add("/box", host.Agents, agent.NewKind("box", 0, func(a *agent.Agent, _ int) error {
		agent.Command(a, "say", func(text string) error {
			a.Log().Debug("quiet: " + text)
			a.Log().Warn(text)
			return nil
		})
		return nil
	}), nil)
	if err := errors.Join(err, meta.Add(r.host, meta.Info{})); err != nil {
		r.t.Fatal(err)
	}
	h := r.host
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if !websocket.IsWebSocketUpgrade(q) {
			http.NotFound(w, q)
			return
		}
		if c, err := peer.Upgrade(w, q, nil, peer.Options{Server: h}); err == nil {
			r.ends.Go(func() { c.Serve(); c.Close(closeNormal, "") })
			s := r.server
			s.RegisterOnShutdown(func() { c.Close(closeNormal, "") })
		}
	})}
	r.server = s
	r.ends.Go(func() { s.Serve(l) })
}

func (r *restartable) stop() {
	r.server.Shutdown(context.Background())
	r.host.Stop(context.Background())
	r.ends.Wait()
}

// spoken is what a command writes, for those who wait for it.
type spoken struct {
	mu   sync.Mutex
	text strings.Builder
	news chan struct{}
}

func (s *spoken) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.news <- struct{}{}:
	default:
	}
	return s.text.Write(b)
}

func (s *spoken) wait(t *testing.T, words string) string {
	t.Helper()
	for {
		s.mu.Lock()
		got := s.text.String()
		s.mu.Unlock()
		if strings.Contains(got, words) {
			return got
		}
		select {
		case <-s.news:
		case <-t.Context().Done():
			t.Fatalf("%q did not come: %q", words, got)
		}
	}
}

// A log is followed over the end of its host and the start of the next one.
func TestLogFollows(t *testing.T) {
	leaktest.Check(t)
	r := &restartable{t: t, at: "127.0.0.1:0"}
	r.start()
	ctx, cancel := context.WithCancel(t.Context())
	out, errs := &spoken{news: make(chan struct{}, 1)}, &spoken{news: make(chan struct{}, 1)}
	e := &env{out: out, err: errs, host: "warp://" + r.at}
	ended := make(chan error, 1)
	go func() { ended <- e.log(ctx, "/box", logLevels[2:], 0) }()
	say := func(text string) {
		t.Helper()
		if code := Main([]string{"set", "/box", "say", text, "--host", e.host}, errs, errs); code != exitOK {
			t.Fatalf("set: exit %d, %s", code, errs.text.String())
		}
	}
	errs.wait(t, "+ what /box logs from now on, info and above; Ctrl-C ends\n")
	say("one")
	out.wait(t, "warn   one\n")
	r.stop()
	errs.wait(t, "! connection to "+e.host+" lost: ")
	r.start()
	errs.wait(t, "+ connected again; what was logged meanwhile is not here\n")
	say("two")
	if got := out.wait(t, "warn   two\n"); strings.Contains(got, "quiet") || strings.Count(got, "\n") != 2 {
		t.Errorf("it printed %q", got)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
	r.stop()
}

func TestLogEnds(t *testing.T) {
	url := psHost(t)
	for _, tt := range []struct {
		args []string
		code int
		err  string
	}{
		{[]string{"log", "/none"}, 1, "selvage: there is no agent /none\n  see what agents there are: selvage ls\n"},
		{[]string{"log", "--level", "loud"}, 2, "selvage: there is no level \"loud\"\n  the levels are trace, debug, info, warn, error, fail\n"},
		{[]string{"log", "-n", "-1"}, 2, ""},
		{[]string{"log", ""}, 2, "selvage: the URI is empty\n"},
		{[]string{"log", "--host", "warp://127.0.0.1:1"}, 1, "selvage: no host answers at warp://127.0.0.1:1: connection refused\n"},
	} {
		var out, errs bytes.Buffer
		code := Main(append([]string{tt.args[0], "--host", url}, tt.args[1:]...), &out, &errs)
		if code != tt.code || !strings.HasPrefix(strings.ReplaceAll(errs.String(), program(), "selvage"), tt.err) {
			t.Errorf("selvage %s: exit %d, %q; want %d, %q", strings.Join(tt.args, " "), code, errs.String(), tt.code, tt.err)
		}
	}
}
