package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"selvage/edge/agent"
)

func init() {
	// noisy logs what it is told, and falls when it is told to.
	agent.Register("noisy", struct{}{}, func(a *agent.Agent, _ struct{}) error {
		agent.Command(a, "say", func(text string) error {
			a.Log().Debug("told to say something", "letters", len(text))
			a.Log().Warn(text, "part", "pump")
			return nil
		})
		agent.Command(a, "fall", func(why string) error { panic(why) })
		return nil
	})
}

const noisyHost = `[host]
name = "noisy"
data = "./var"
listen = "127.0.0.1:0"
[agent."/noise/1"]
kind = "noisy"
[agent."/noise/2"]
kind = "noisy"
`

// What agents log is seen by whoever follows it, with the place of a panic, and ps shows how they do.
func TestOperator(t *testing.T) {
	f := folderWith(t, noisyHost)
	h := f.host(t)
	all := start(t, f.command("--host", h.url, "log", "--level", "debug"))
	one := start(t, f.command("--host", h.url, "log", "/noise/2", "-n", "2", "--json"))
	all.err.wait(t, all, fmt.Sprintf("what the agents of %s log from now on, debug and above; Ctrl-C ends\n", h.url))
	one.err.wait(t, one, "what /noise/2 logs from now on, info and above; Ctrl-C ends\n")

	for _, args := range [][]string{{"/noise/1", "say", "no water"}, {"/noise/2", "say", "no power"}} {
		if r := f.run(t, append([]string{"--host", h.url, "set"}, args...)...); r.code != 0 {
			t.Fatalf("set %q: exit %d, %s", args, r.code, r.err)
		}
	}
	all.out.wait(t, all, "  debug  /noise/1  told to say something  letters=8\n")
	all.out.wait(t, all, "  warn   /noise/1  no water  part=pump\n")
	all.out.wait(t, all, "  warn   /noise/2  no power  part=pump\n")
	if r := f.run(t, "--host", h.url, "set", "/noise/2", "fall", "overboard"); r.code == 0 {
		t.Error("a command whose agent panics is answered with success")
	}
	all.out.wait(t, all, "  fail   /noise/2  panic: overboard\n    selvage/edge/cmd/selvage.")
	all.out.wait(t, all, "operator_test.go:")
	if code := all.stop(t, os.Interrupt, 5*time.Second); code != 0 {
		t.Errorf("after Ctrl-C log ended with %d", code)
	}
	<-one.ended
	got := one.out.text()
	for i, want := range []string{`"level":"warn","node":"/noise/2","text":"no power","attrs":{"part":"pump"}}`, `"level":"fail","node":"/noise/2","text":"panic: overboard","stack":[{`} {
		if line, _, _ := strings.Cut(got, "\n"); !json.Valid([]byte(line)) || !strings.Contains(line, want) {
			t.Errorf("record %d is %s, want %s", i+1, line, want)
		}
		_, got, _ = strings.Cut(got, "\n")
	}
	if got != "" || one.cmd.ProcessState.ExitCode() != 0 {
		t.Errorf("after -n 2 came %q, exit %d", got, one.cmd.ProcessState.ExitCode())
	}

	type row struct {
		Node, Kind         string
		Commands, Restarts int
	}
	var rows []row
	for line := range strings.Lines(f.run(t, "--host", h.url, "ps", "/noise/*", "--sort", "restarts", "--json").out) {
		var is row
		if err := json.Unmarshal([]byte(line), &is); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		rows = append(rows, is)
	}
	if want := []row{{"/noise/2", "noisy", 2, 1}, {"/noise/1", "noisy", 1, 0}}; !slices.Equal(rows, want) {
		t.Errorf("ps shows %+v, want %+v", rows, want)
	}

	watch := start(t, f.command("--host", h.url, "ps", "--watch"))
	watch.out.wait(t, watch, "AGENT ")
	watch.out.wait(t, watch, "\n/noise/2 ")
	if code := h.stop(t, os.Interrupt, 10*time.Second); code != 0 {
		t.Errorf("the host ended with %d", code)
	}
	watch.err.wait(t, watch, "! connection to "+h.url+" lost: ")
	if code := watch.stop(t, os.Interrupt, 5*time.Second); code != 0 {
		t.Errorf("after Ctrl-C ps --watch ended with %d", code)
	}
}

func TestConfigDoc(t *testing.T) {
	f := folder(t.TempDir())
	for name, args := range map[string][]string{
		"config-doc":          {"config", "doc", "sht4x"},
		"config-doc-toml":     {"config", "doc", "--toml", "hub"},
		"config-doc-markdown": {"config", "doc", "--markdown", "broker"},
	} {
		r := f.run(t, args...)
		if r.code != 0 || r.err != "" {
			t.Errorf("%q: exit %d, %s", args, r.code, r.err)
		}
		golden(t, name, r.out)
	}
	if r := f.run(t, "config", "doc", "sht44x"); r.code != 2 {
		t.Errorf("exit %d", r.code)
	} else {
		golden(t, "config-doc-unknown", r.err)
	}
	r := f.run(t, "config", "doc", "--json", "climate")
	if line, _, _ := strings.Cut(r.out, "\n"); line != `{"table":"agent.\"/URI\"","key":"kind","type":"text","doc":"what the agent does: `+strings.Join(agent.Kinds(), ", ")+`"}` {
		t.Errorf("as JSON it begins with %s", line)
	}
}
