package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

const notes = "\n[agent.\"/note/:id\"]\nkind = \"note\"\n"

const stopTime = 2 * time.Second

// The first hour with the program: start, look, set, stop, start again.
func TestStory(t *testing.T) {
	f := newFolder(t, notes)
	h := f.host(t)

	greeting := h.out.text()
	if n := strings.Count(greeting, "\n"); n > 15 {
		t.Errorf("the greeting has %d lines, want at most 15", n)
	}
	broker := regexp.MustCompile(`mqtt://([0-9.:]+)`).FindStringSubmatch(greeting)[1]
	golden(t, "greeting", greeting, h.url[len("warp://"):], "ADDRESS", broker, "BROKER")

	ask := func(args ...string) string {
		t.Helper()
		r := f.run(t, append(args, "--host", h.url)...)
		if r.code != 0 || r.err != "" {
			t.Errorf("selvage %s: exit %d, %s", strings.Join(args, " "), r.code, r.err)
		}
		return strings.TrimSuffix(r.out, "\n")
	}
	match := func(got, want string) {
		t.Helper()
		if !regexp.MustCompile("^(?:" + want + ")$").MatchString(got) {
			t.Errorf("got\n%s\nwant it like\n%s", got, want)
		}
	}

	match(ask("get", "/device/air", "temperature"), `[0-9.]+ °C`)
	match(ask("get", "/device/air", "temperature", "--json"),
		`\{"node":"/device/air","lane":"temperature","value":\{"value":[0-9.]+,"unit":"Cel","at":\d+,"quality":"good".*\}\}`)
	match(ask("get", "/device/air", "info"), "(?s)driver +sht4x\nwire +sim:room\naddress +0x44\n.*")
	match(ask("get", "/room/air", "target"), "21")
	match(ask("set", "/room/air", "target", "22.5"), "")
	match(ask("get", "/room/air", "target"), "22.5")
	match(ask("set", "/room/air", "target", "-5", "--json"), `\{"node":"/room/air","lane":"target","done":true\}`)
	match(ask("get", "/room/air", "target", "--json"), `\{"node":"/room/air","lane":"target","value":-5\}`)
	match(ask("set", "/note/1", "notes", `@update(key: milk) "two litres"`), "")
	match(ask("set", "/note/1", "notes", "@update(key: bread, x: 1) one"), "")
	match(ask("get", "/note/1", "notes"), "bread  one\nmilk   two litres")
	match(ask("get", h.url+"/note/1", "notes", "--json"), `\{"node":"/note/1","lane":"notes","value":\{"bread":"one","milk":"two litres"\}\}`)
	match(ask("get", "/note/2", "notes"), `\(empty\)`)
	match(ask("ls"), "/broker +broker\n/device/air +twin\n/device/heater +twin\n/device/machine +twin\n/host +host\n/host/wear +wear\n/note/1 +note\n/note/2 +note\n/room/air +climate\n/uplink/broker +uplink")
	match(ask("ls", "--json"), `(?s).*\{"node":"/uplink/broker","agents":\["uplink"\]\}`)
	match(ask("ls", "/room/air"), `(?s)heating +value +(true|false)\ntarget +value +-5\ntemperature +value +[0-9.]+ °C`)
	match(ask("ls", "/note/1"), "notes  map  2 entries")
	match(ask("ls", "/device/heater", "--json"), `(?s).*\{"node":"/device/heater","lane":"set","type":"command"\}.*`)

	refused := f.run(t, "set", "/room/air", "target", "500", "--host", h.url)
	golden(t, "refused", refused.err)
	if refused.code != 1 {
		t.Errorf("a refused value: exit %d, want 1", refused.code)
	}

	hints := []struct{ uri, lane, value, want string }{
		{"/room/air", "target", "", `  the value is empty; an empty text is '""'`},
		{"/device/heater", "set", "warm", "  write true or false"},
	}
	for _, tt := range hints {
		if r := f.run(t, "set", tt.uri, tt.lane, tt.value, "--host", h.url); r.code != 1 || !strings.HasSuffix(r.err, tt.want+"\n") {
			t.Errorf("set %s %s %q: exit %d, %s", tt.uri, tt.lane, tt.value, r.code, r.err)
		}
	}
	match(ask("get", "/host", "conditions"), `(?s).*lane\./room/air\.target +text: lane target of /room/air.*`) // what a flood of them points to

	w := start(t, f.command("watch", "/device/air", "temperature", "--json", "--host", h.url))
	two := regexp.MustCompile(`(?m)^\{"time":"[^"]+","node":"/device/air","lane":"temperature","value":\{"value":[^\n]*\n\{"time"`)
	for !two.MatchString(w.out.text()) {
		select {
		case <-w.out.news:
		case <-time.After(patience):
			t.Fatal("two readings did not come")
		}
	}
	if code := w.stop(t, os.Interrupt, stopTime); code != 0 {
		t.Errorf("watch after Ctrl-C: exit %d, want 0", code)
	}
	for line := range strings.Lines(w.out.text()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("this is not JSON: %s", line)
		}
	}

	if code := h.stop(t, syscall.SIGTERM, stopTime); code != 0 {
		t.Errorf("the host after SIGTERM: exit %d, want 0", code)
	}
	h = f.host(t)
	match(ask("get", "/room/air", "target"), "-5")
	match(ask("get", "/note/1", "notes"), "bread  one\nmilk   two litres")
	if code := h.stop(t, os.Interrupt, stopTime); code != 0 {
		t.Errorf("the host after Ctrl-C: exit %d, want 0", code)
	}
}

// watch outlives the host it watches: what changed meanwhile is told, and nothing twice.
func TestWatchReconnects(t *testing.T) {
	f := newFolder(t, notes)
	h := f.host(t)
	set := func(op string) {
		t.Helper()
		if r := f.run(t, "set", "/note/1", "notes", op, "--host", h.url); r.code != 0 {
			t.Fatal(r.err)
		}
	}
	set("@update(key: milk) one")
	set("@update(key: bread) one")
	w := start(t, f.command("watch", "/note/1", "notes", "--host", h.url))
	w.out.wait(t, w, "milk  one\n")

	config, err := os.ReadFile(filepath.Join(string(f), "selvage.toml"))
	if err != nil {
		t.Fatal(err)
	}
	f.write(t, "selvage.toml", replace(t, string(config), "127.0.0.1:0", h.url[len("warp://"):])) // for w to find it again
	h.stop(t, syscall.SIGTERM, stopTime)
	w.err.wait(t, w, "! connection to "+h.url+" lost")
	h = f.host(t)
	w.err.wait(t, w, "+ connected again\n")
	set("@remove(key: milk)")
	set("@update(key: salt) one")
	w.out.wait(t, w, "salt  one\n")
	got := regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d`).ReplaceAllString(w.out.text(), "TIME")
	if want := "TIME  bread  one\nTIME  milk  one\nTIME  milk  (removed)\nTIME  salt  one\n"; got != want {
		t.Errorf("watch printed\n%swant\n%s", got, want)
	}
	if code := w.stop(t, syscall.SIGTERM, stopTime); code != 0 {
		t.Errorf("watch after SIGTERM: exit %d, want 0", code)
	}
}

// The first reading, as anything that speaks WebSocket gets it.
func TestFirstReading(t *testing.T) {
	f := newFolder(t, "")
	began := time.Now()
	h := f.host(t)
	ws, _, err := websocket.DefaultDialer.Dial("ws"+h.url[len("warp"):]+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	ws.SetReadDeadline(time.Now().Add(patience))
	if err := ws.WriteMessage(websocket.TextMessage, []byte(`@sync(node:"/device/air",lane:temperature)`)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`@linked\(node:"/device/air",lane:temperature\)`,
		`@event\(node:"/device/air",lane:temperature\)\{value:[0-9.]+,unit:Cel,at:\d+,quality:good.*\}`,
		`@synced\(node:"/device/air",lane:temperature\)`,
	} {
		_, got, err := ws.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile("^" + want + "$").Match(got) {
			t.Errorf("got %s, want it like %s", got, want)
		}
	}
	t.Logf("the first reading came %v after the start", time.Since(began).Round(time.Millisecond))
}
