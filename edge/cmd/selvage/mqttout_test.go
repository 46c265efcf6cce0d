package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// heard is what a mosquitto_sub has heard: lines of a topic and a payload.
type heard struct {
	mu    sync.Mutex
	lines []string
}

// hear is for a broker that logs all.
func hear(t *testing.T, m *mosquitto, broker *program, filter string) *heard {
	t.Helper()
	c := exec.Command(mosquittoProgram(t, "mosquitto_sub"), "-p", port(m.address), "-q", "2", "-t", filter, "-v")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	h, ended := &heard{}, make(chan struct{})
	go func() {
		defer close(ended)
		for s := bufio.NewScanner(out); s.Scan(); {
			h.mu.Lock()
			h.lines = append(h.lines, s.Text())
			h.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		c.Process.Kill()
		<-ended
		c.Wait()
	})
	broker.err.wait(t, broker, filter+" (QoS 2)")
	return h
}

func (h *heard) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.lines)
}

func (h *heard) wait(t *testing.T, what string, is func([]string) bool) []string {
	t.Helper()
	end := time.Now().Add(20 * time.Second)
	for {
		all := h.all()
		if is(all) {
			return all
		}
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s; heard %q", what, all[max(0, len(all)-10):])
		}
		<-time.After(10 * time.Millisecond)
	}
}

// A host that is killed again and again publishes every value that it keeps, in order; what it had not confirmed comes
// once more.
func TestKillWhileItPublishes(t *testing.T) {
	m := newMosquitto(t, "log_type all")
	broker := m.start(t)
	f := folderWith(t, fmt.Sprintf(`[host]
data = "./var"
listen = "127.0.0.1:0"
[history."/device/*/n"]
keep = "1d"
[device.count]
driver = "counter"
every = "10ms"
[uplink.broker]
kind = "mqtt"
url = "mqtt://%s"
[uplink.broker.publish."all/{name}"]
lanes = ["/device/*/n"]
payload = "value"
history = true
`, m.address))
	out := hear(t, m, broker, "all/#")
	var h *program
	for range 1 + kills(t)/4 {
		if h != nil {
			h.cmd.Process.Kill()
			<-h.ended
		}
		h = f.host(t)
		before := len(out.all())
		out.wait(t, "more values", func(all []string) bool { return len(all) > before+50 })
		<-time.After(rand.N(500 * time.Millisecond))
	}
	if code := h.stop(t, syscall.SIGTERM, 5*time.Second); code != 0 {
		t.Errorf("exit %d", code)
	}
	f.edit(t, `"10ms"`, `"1h"`) // it is asked once more, which ends the history
	h = f.host(t)
	kept := points(t, h, "count")
	last := strconv.FormatInt(kept[len(kept)-1], 10)
	lines := out.wait(t, last, func(all []string) bool { return slices.Contains(all, "all/count "+last) })

	var got []int64 // each number when it came first
	seen, again := map[int64]bool{}, 0
	for _, line := range lines {
		n, err := strconv.ParseInt(strings.TrimPrefix(line, "all/count "), 10, 64)
		if err != nil {
			t.Fatal(line)
		}
		if seen[n] {
			again++
			continue
		}
		seen[n] = true
		got = append(got, n)
	}
	begin := slices.Index(kept, got[0]) // what was kept before the first connect is no news
	if begin < 0 || !slices.Equal(got[:min(len(got), len(kept)-begin)], kept[begin:]) {
		t.Errorf("%d values came of %d that are kept, in another order or with gaps", len(got), len(kept)-max(begin, 0))
	}
	t.Logf("%d values, %d came again", len(got), again)
}

// Who commands through a broker may do what the policy lets the uplink, from the next reload on.
func TestPolicyOfUplink(t *testing.T) {
	m := newMosquitto(t, "log_type all")
	broker := m.start(t)
	f := folderWith(t, fmt.Sprintf(`[host]
data = "./var"
listen = "127.0.0.1:0"
[device.lamp]
driver = "gpio-out"
pin = "sim:attic/GPIO17"
safe = "off"
[policy]
[uplink.broker]
kind = "mqtt"
url = "mqtt://%s"
[uplink.broker.command."home/{name}/set"]
node = "/device/{name}"
[uplink.broker.publish."home/{name}/{lane}"]
lanes = ["/device/*/state"]
payload = "text"
`, m.address))
	h := f.host(t)
	out := hear(t, m, broker, "home/+/state")
	has := func(line string) func([]string) bool {
		return func(all []string) bool { return slices.Contains(all, line) }
	}
	out.wait(t, "the state", has("home/lamp/state OFF"))
	conditions := follow(t, h, "/host", "conditions")
	switchOn := func() {
		t.Helper()
		if text, err := exec.Command(mosquittoProgram(t, "mosquitto_pub"), "-p", port(m.address), "-t", "home/lamp/set", "-m", "ON").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
	}
	switchOn()
	conditions.wait(t, "the policy lets the uplink broker send no commands to the lane set of /device/lamp")
	f.edit(t, "[policy]\n", "[policy]\n[policy.uplink.broker]\nroles = [\"switch\"]\n[policy.role.switch]\ncommand = [\"/device/*/set\"]\n")
	h.hangUp(t, &h.out, "reloaded selvage.toml: ")
	switchOn()
	out.wait(t, "the lamp to be on", has("home/lamp/state ON"))
}
