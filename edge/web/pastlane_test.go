package web

import (
	"bufio"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"selvage/edge/clock"
	"selvage/edge/route"
	"selvage/edge/store"
)

// A history is a map lane over a real socket: whole, in part, and what follows; who does not read costs little.
func TestHistoryLane(t *testing.T) {
	b := start(t, Options{})
	s := b.Host.Store
	s.SetRules(func(_ route.NodeURI, lane route.LaneName) (store.Keep, bool) { return store.Keep{}, lane == "level" })
	const n, day = 100_000, 1_700_006_400_000 // ms since 1970
	for from := 0; from < n; from += 1000 {
		s.Mark(saver(func(batch *store.Batch) {
			level := s.Lane("/box/1", "level", "value")
			for i := from; i < from+1000; i++ {
				at := clock.Stamp{Boot: "b", Mono: time.Duration(i+1) * time.Second, Wall: (day + int64(i)*1000) * 1e6, Trusted: true}
				batch.Point(level, fmt.Appendf(nil, "{value:%d,unit:cm,at:1}", i), at, false)
			}
		}))
		if err := s.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	const link = `(node:"/box/1",lane:"level/history")`
	event := func(i int) string {
		at := day + int64(i)*1000
		return fmt.Sprintf("@event%s@update(key:%d){at:%d,value:%d,unit:cm}", link, at, at, i)
	}
	dial := func() *websocket.Conn {
		ws, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(b.url, "http"), nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ws.Close() })
		return ws
	}
	ws := dial()
	linked, synced, unlinked := "@linked"+link, "@synced"+link, "@unlinked"+link
	expect(t, ws, "@sync"+link+"@take(2)", linked+"@take(2)", event(0), event(1), synced)
	expect(t, ws, "@sync"+link+"@take(-2)", event(n-2), event(n-1), synced)
	expect(t, ws, "@sync"+link+fmt.Sprintf("@drop(%d)", n-1), event(n-1), synced)
	expect(t, ws, "@sync"+link+"@take(0)", synced)
	expect(t, ws, "@unlink"+link, unlinked)
	expect(t, ws, "@sync"+link+"@take(many)", unlinked+"@unsupported")
	expect(t, ws, `@link(node:"/box/1",lane:"any/history")`, `@unlinked(node:"/box/1",lane:"any/history")@laneNotFound`)
	expect(t, ws, "@command"+link+"@clear") // is of no effect

	// Twenty who do not read take what is read ahead for them.
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	var lazy []*websocket.Conn
	for range 20 {
		one := dial()
		expect(t, one, "@sync"+link, linked, event(0))
		lazy = append(lazy, one)
	}
	if grown := heap() - before; grown > 20<<20 {
		t.Errorf("readers of whom %d do not read take %d kB each", len(lazy), grown/int64(len(lazy))>>10)
	} else {
		t.Logf("who does not read takes %d kB", grown/int64(len(lazy))>>10)
	}
	expect(t, ws, "@sync"+link, linked)
	for i := range n {
		ws.SetReadDeadline(time.Now().Add(10 * time.Second))
		_, got, err := ws.ReadMessage()
		if err != nil || string(got) != event(i) {
			t.Fatalf("got %s, want %s; %v", got, event(i), err)
		}
	}
	expect(t, ws, `@link(node:"/box/1",lane:stock)`, synced, `@linked(node:"/box/1",lane:stock)`)
	if code, text, _ := b.do(t, "POST", "/box/1?lane=level", "7"); code != 200 {
		t.Fatal(code, text)
	}
	_, got, err := ws.ReadMessage()
	if !strings.HasPrefix(string(got), "@event"+link+"@update(key:") || !strings.HasSuffix(string(got), ") 7") || err != nil {
		t.Errorf("then comes %s; %v", got, err)
	}

	// HTTP streams it, too.
	resp, err := http.Get(b.url + "/box/1?lane=level/history")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := 0
	for each := bufio.NewScanner(resp.Body); each.Scan(); lines++ {
		if want := fmt.Sprintf(`{"at":%d,"value":%d,"unit":"cm"},`, day+int64(lines)*1000, lines); lines < n && strings.TrimPrefix(each.Text(), "[") != want {
			t.Fatalf("line %d is %s, want %s", lines, each.Text(), want)
		}
	}
	if lines != n+1 || resp.StatusCode != 200 {
		t.Errorf("%d lines", lines)
	}
	for _, tt := range []struct {
		method, path string
		code         int
		want         string
	}{
		{"GET", "/box/1?lane=level/history&from=1700006400000&to=1700006401000", 200, `[{"at":1700006400000,"value":0,"unit":"cm"}]`},
		{"GET", "/box/1?lane=any/history", 404, "there is no history of /box/1 any; a table [history] of the config says what is kept"},
		{"POST", "/box/1?lane=level/history", 403, "/box/1 level/history: this lane shows what the agent knows; it is not set from outside"},
	} {
		if code, body, _ := b.do(t, tt.method, tt.path, ""); code != tt.code || body != tt.want {
			t.Errorf("%s %s: %d %s", tt.method, tt.path, code, body)
		}
	}
}
