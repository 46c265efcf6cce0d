package web_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"selvage/edge/agent"
	"selvage/edge/clock"
	"selvage/edge/health"
	"selvage/edge/host"
	"selvage/edge/leaktest"
	"selvage/edge/meta"
	"selvage/edge/peer"
	"selvage/edge/recon"
	"selvage/edge/route"
	"selvage/edge/warp"
	"selvage/edge/web"
	"selvage/edge/web/browsertest"
)

// A stage is a server that a browser looks at. Its agents show what a test gives them.
type stage struct {
	*host.Host
	t       *testing.T
	health  *health.Board
	server  *web.Server
	address string

	mu    sync.Mutex
	links map[string]bool // lanes that were asked for, as "node lane"
}

// show starts a server with these agents; each has the lanes of setup.
func show(t *testing.T, nodes ...string) *stage {
	t.Helper()
	leaktest.Check(t)
	s := &stage{t: t, health: health.NewBoard(), links: map[string]bool{}}
	s.Host = host.New(host.Options{Clock: clock.System(), Health: s.health, Log: slog.New(slog.DiscardHandler)})
	if err := meta.Add(s.Host, meta.Info{Name: "stage", Version: "1.2", Started: time.Now(), URI: "warp://stage"}); err != nil {
		t.Fatal(err)
	}
	for _, node := range nodes {
		if _, err := s.Add(route.NodeURI(node), host.Things, agent.NewKind("prop", struct{}{}, setup), nil); err != nil {
			t.Fatal(err)
		}
	}
	s.serve("127.0.0.1:0")
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := errors.Join(s.server.Stop(ctx), s.Stop(ctx)); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *stage) serve(address string) {
	s.t.Helper()
	l, err := web.Listen(address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.address = l.Addr().String()
	s.server = web.Start(l, web.Options{Host: s.Host, Peer: peer.Options{Server: counted{s}}, Version: "1.2", Log: slog.New(slog.DiscardHandler)})
}

// counted notes the lanes that are linked to.
type counted struct{ *stage }

func (c counted) Request(l *peer.Link, e *warp.Envelope) {
	c.mu.Lock()
	c.links[fmt.Sprintf("%s %s", l.Node(), l.Lane())] = true
	c.mu.Unlock()
	c.Host.Request(l, e)
}

func setup(a *agent.Agent, _ struct{}) error {
	agent.Value(a, "reading", recon.Value{})
	agent.Value(a, "target", 21.5).OnSet(func(_, now float64) error {
		if now > 100 {
			return errors.New("a target of more than 100 is too hot")
		}
		return nil
	})
	if strings.HasPrefix(string(a.URI()), "/many/") {
		return nil
	}
	on := agent.Value(a, "on", false).ReadOnly()
	agent.Command(a, "set", func(now bool) error { on.Set(now); return nil })
	agent.Value(a, "any", recon.Value{})
	agent.Value(a, "status", recon.Value{})
	agent.Map[string, recon.Value](a, "stock")
	agent.List[recon.Value](a, "queue")
	if strings.HasPrefix(string(a.URI()), "/edge/") {
		agent.Value(a, "mirror", recon.Value{})
	}
	return nil
}

// set gives a lane a value.
func (s *stage) set(node, lane, body string) {
	s.t.Helper()
	if err := s.Do(s.t.Context(), route.NodeURI(node), route.LaneName(lane), []byte(body)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) open(b *browsertest.Browser) *browsertest.Page {
	s.t.Helper()
	return b.Open("http://" + s.address + "/")
}

// row is a selector of something in the row of a lane.
func row(node, lane, rest string) string {
	return fmt.Sprintf(`[data-node="%s"] [data-lane="%s"] %s`, node, lane, rest)
}

// says is an expression that is true while an element has a text.
func says(selector, text string) string {
	return fmt.Sprintf("document.querySelector(%q)?.textContent === %q", selector, text)
}

func holds(selector, text string) string {
	return fmt.Sprintf("document.querySelector(%q)?.textContent.includes(%q)", selector, text)
}

func TestPageShowsAndSets(t *testing.T) {
	s := show(t, "/device/air")
	b := browsertest.Start(t)
	s.set("/device/air", "reading", fmt.Sprintf("{value:21.50,unit:Cel,at:%d,quality:good}", time.Now().UnixMilli()))
	p := s.open(b)
	p.Wait(says("#state", "Live"))
	p.Wait(says("#name", "stage"))
	p.Wait(says("h3", "air"))
	p.Wait(says(row("/device/air", "reading", ".value"), "21.5\u00a0°C"))
	p.Wait(fmt.Sprintf(`/^\d+ s$/.test(document.querySelector(%q).textContent)`, row("/device/air", "reading", ".age")))

	s.set("/device/air", "reading", fmt.Sprintf("{value:-3,unit:Cel,at:%d,quality:uncertain,reason:\"below its range\",trusted:false}", time.Now().Add(-3*time.Minute).UnixMilli()))
	p.Wait(says(row("/device/air", "reading", ".value"), "-3\u00a0°C"))
	p.Wait(says(row("/device/air", "reading", ".age"), "about 3 min"))
	p.Wait(says(row("/device/air", "reading", ".doubt"), "uncertain: below its range"))
	p.Wait(holds(`[data-node="/device/air"]`, "the clock was not set"))

	p.Click(row("/device/air", "reading", ".spark"))
	p.Wait(holds(row("/device/air", "reading", "figure"), "°C"))
	p.Wait(holds(row("/device/air", "reading", "figure"), "began to follow"))

	p.Click(row("/device/air", "target", ".set"))
	p.Wait(says(row("/device/air", "target", ".sends"), "sends 21.5"))
	p.Type(row("/device/air", "target", "input"), "23.25")
	p.Press("Enter")
	p.Wait(says(row("/device/air", "target", ".answer"), "accepted"))
	p.Wait(says(row("/device/air", "target", ".value"), "23.25"))

	p.Allow("status of 400") // the browser notes refusals on its console
	p.Type(row("/device/air", "target", "input"), "101")
	p.Click(row("/device/air", "target", "form button:not([type])"))
	p.Wait(says(row("/device/air", "target", ".answer"), "/device/air target: a target of more than 100 is too hot"))
	p.Wait(says(row("/device/air", "target", ".value"), "23.25"))

	p.Click(row("/device/air", "set", ".set"))
	p.Click(row("/device/air", "set", "form button")) // the first is true
	p.Wait(says(row("/device/air", "on", ".value"), "true"))
	p.Wait(says(row("/device/air", "set", ".value"), "last true"))
	p.Wait("document.querySelector(" + strconv.Quote(row("/device/air", "on", ".set")) + ").hidden") // only its agent sets it

	p.Click(row("/device/air", "stock", ".set"))
	p.Type(row("/device/air", "stock", "[name=key]"), "two words")
	p.Type(row("/device/air", "stock", "[name=value]"), "7")
	p.Wait(says(row("/device/air", "stock", ".sends"), `sends @update(key:"two words") 7`))
	p.Press("Enter")
	p.Wait(says(row("/device/air", "stock", ".value"), "1 entry"))
	p.Wait(says(row("/device/air", "stock", "dt"), "two words"))
	p.Click(row("/device/air", "stock", "form button:nth-of-type(2)"))
	p.Wait(says(row("/device/air", "stock", ".value"), "no entries"))
}

func TestPageValues(t *testing.T) {
	s := show(t, "/a/1", "/edge/pi/a/1")
	b := browsertest.Start(t)
	p := s.open(b)
	p.Wait(says(row("/a/1", "any", ".value"), "empty"))
	hostile := `<img src=x onerror=document.title="caught"><script>document.title="caught"</script>`
	value := row("/a/1", "any", ".value")
	for _, tt := range []struct{ recon, want string }{
		{"9223372036854775807", "9223372036854775807"},
		{"-9007199254740993", "-9007199254740993"},
		{"0.1", "0.1"},
		{"1.0E-6", "0.000001"},
		{"1.23456789E7", "12345678.9"},
		{"0x000000ff", "255"},
		{"false", "false"},
		{`""`, "empty text"},
		{`"two words"`, "two words"},
		{string(recon.Append(nil, recon.String(hostile))), hostile},
		{"{a:1,b:{c:d}}", "a 1 b {c:d}"},
		{"@tag(1) 2", "@tag(1) 2"},
		{"%AAAA", "3 bytes"},
		{"$key", "$key"}, // an expression, which the page does not read
		{`{value:true,quality:good}`, "on"},
		{`{value:5,unit:"[degF]",quality:good}`, "5\u00a0°F"},
		{`{quality:bad,reason:"no answer"}`, "no answer"},
		{`{since:1600000000000,state:ok}`, "since 2020"},
	} {
		s.set("/a/1", "any", tt.recon)
		p.Wait(fmt.Sprintf("document.querySelector(%q).textContent.startsWith(%q)", value, tt.want))
	}
	if title := p.Text("document.title"); title != "stage – Selvage" {
		t.Errorf("the title is %q: what an agent said was run", title)
	}

	for _, tt := range []struct{ op, want string }{
		{"@update(key:c) 3", "c3"},
		{"@update(key:a){value:1,unit:W,quality:good}", "c3a1\u00a0W"},
		{"@update(key:b)", "c3a1\u00a0Wbempty"},
		{"@drop(1)", "c3bempty"},
		{"@take(1)", "bempty"},
		{"@clear", ""},
	} {
		s.set("/a/1", "stock", tt.op)
		if tt.want == "" {
			p.Wait(says(row("/a/1", "stock", ".value"), "no entries"))
			continue
		}
		p.Wait(says(row("/a/1", "stock", "dl"), tt.want))
	}

	s.set("/a/1", "status", `{state:lost,reason:"no answer at 0x44",since:1600000000000}`)
	p.Wait(says(`[data-node="/a/1"] .chip`, "lost"))
	p.Wait(holds(`[data-node="/a/1"] .note`, "no answer at 0x44; for "))

	mirrored := `[data-node="/edge/pi/a/1"]`
	s.set("/edge/pi/a/1", "status", `{state:ok}`)
	p.Wait(says(mirrored+" .chip", "ok"))
	s.set("/edge/pi/a/1", "mirror", fmt.Sprintf(`{state:stale,since:%d,of:"/edge/pi"}`, time.Now().Add(-5*time.Minute).UnixMilli()))
	p.Wait(says(mirrored+" .chip", "stale"))
	p.Wait(says(mirrored+" .note", "as of 5 min ago; edge away"))
	s.set("/edge/pi/a/1", "mirror", `{state:live,of:"/edge/pi"}`)
	p.Wait(says(mirrored+" .chip", "ok"))

	s.health.Raise(health.Condition{Code: "store.commit", Text: "the disk is full", Remedy: "make room", Severity: health.Failure})
	p.Wait(holds("#conditions h2", "Needs attention (1)"))
	p.Wait(holds("#conditions li.bad", "the disk is full") + "&&" + holds("#conditions li", "make room"))
	s.health.Clear("store.commit")
	p.Wait(says("#conditions h2", "Nothing needs attention"))

	p.Type("#filter", "edge pi")
	p.Wait(says("#count", "1 of 3 agents"))
	p.Wait(`getComputedStyle(document.querySelector('[data-node="/a/1"]')).display === "none"`)
}

// A list shows its elements in order, each at its index, whoever changes it and however.
func TestPageList(t *testing.T) {
	s := show(t, "/a/1")
	b := browsertest.Start(t)
	s.set("/a/1", "queue", "@update(index:0,key:b) b")
	s.set("/a/1", "queue", "@update(index:0,key:a) a")
	p := s.open(b)
	p.Wait(says(row("/a/1", "queue", "dl"), "0a1b"))
	p.Wait(says(row("/a/1", "queue", ".value"), "2 entries"))
	for _, tt := range []struct{ op, want string }{
		{"@update(index:2,key:c){value:1,unit:W,quality:good}", "0a1b2c"},
		{"@update(index:0,key:{x:1})", "0empty1a2b3c"},
		{"@move(from:0,to:3,key:{x:1})", "0a1b2c3empty"},
		{"@move(from:1,to:0,key:c)", "0c1a2b3empty"}, // the key tells
		{"@update(index:3,key:a) A", "0c1A2b3empty"},
		{"@remove(index:9,key:b)", "0c1A2empty"},
		{"@update(index:1,key:e) $key", "0c1$key2A3empty"}, // an expression, which the page does not read
		{"@take(3)", "0c1$key2A"},
		{"@drop(1)", "0$key1A"},
		{"@remove(index:0)", "0A"},
		{"@update(index:1,key:b) two words", ""},
		{"@clear", "none"},
	} {
		switch tt.want {
		case "": // no Recon
			if err := s.Do(t.Context(), "/a/1", "queue", []byte(tt.op)); err == nil {
				t.Errorf("%s was taken", tt.op)
			}
		case "none":
			s.set("/a/1", "queue", tt.op)
			p.Wait(says(row("/a/1", "queue", ".value"), "no entries"))
		default:
			s.set("/a/1", "queue", tt.op)
			p.Wait(says(row("/a/1", "queue", "dl"), strings.ReplaceAll(tt.want, "c", "1\u00a0W")))
		}
	}

	field := func(name string) string { return row("/a/1", "queue", "[name="+name+"]") }
	button := func(i int) string { return row("/a/1", "queue", fmt.Sprintf("form button:nth-of-type(%d)", i)) }
	sends := func(command string) {
		t.Helper()
		p.Wait(fmt.Sprintf(`document.querySelector(%q)?.textContent.replace(/%%[A-Za-z0-9+/]{8}/, "KEY") === %q`, row("/a/1", "queue", ".sends"), "sends "+command))
	}
	shows := func(want string) { // once the answer is there as well: until then the form sends nothing more
		t.Helper()
		p.Wait(says(row("/a/1", "queue", "dl"), want) + "&&" + says(row("/a/1", "queue", ".answer"), "accepted"))
	}
	p.Click(row("/a/1", "queue", ".set"))
	sends("@update(index:0,key:KEY) ")
	shown := ""
	for i, value := range []string{"one", "two", "three"} {
		p.Type(field("value"), value)
		sends(fmt.Sprintf("@update(index:%d,key:KEY) %s", i, value))
		p.Press("Enter")
		shown += strconv.Itoa(i) + value
		shows(shown)
	}
	p.Type(field("index"), "1")
	p.Type(field("value"), "TWO")
	sends("@update(index:1,key:KEY) TWO")
	p.Press("Enter")
	shows("0one1TWO2three")
	p.Type(field("value"), "new")
	p.Click(button(2)) // Insert
	shows("0one1new2TWO3three")
	p.Click(button(4)) // Up
	shows("0new1one2TWO3three")
	p.Wait(fmt.Sprintf(`document.querySelector(%q).disabled`, button(4)))
	p.Click(button(5)) // Down
	shows("0one1new2TWO3three")
	p.Click(button(3)) // Remove
	shows("0one1TWO2three")

	p.Allow("status of 400")
	p.Type(field("index"), "9")
	p.Press("Enter")
	p.Wait(holds(row("/a/1", "queue", ".answer"), "index 9 is beyond the end"))
	p.Wait(says(row("/a/1", "queue", "dl"), "0one1TWO2three"))
}

// A long list is folded, and shows what it can.
func TestPageLongList(t *testing.T) {
	s := show(t, "/a/1")
	b := browsertest.Start(t)
	p := s.open(b)
	for i := range 250 {
		s.set("/a/1", "queue", fmt.Sprintf("@update(index:%d) %d", i, i))
	}
	p.Wait(says(row("/a/1", "queue", ".value"), "250 entries"))
	p.Wait("document.querySelector(" + strconv.Quote(row("/a/1", "queue", ".entries")) + ").hidden")
	p.Click(row("/a/1", "queue", ".value button"))
	last := row("/a/1", "queue", "dd:last-of-type")
	p.Wait(says(last, "199"))
	p.Wait(says(row("/a/1", "queue", ".entries > p"), "and 50 more"))
	s.set("/a/1", "queue", "@drop(20)")
	p.Wait(says(last, "219"))
	p.Wait(says(row("/a/1", "queue", "dt:last-of-type"), "199"))
	s.set("/a/1", "queue", "@update(index:0) first")
	s.set("/a/1", "queue", "@update(index:0,key:new) newest")
	p.Wait(says(last, "218"))
	p.Wait(says(row("/a/1", "queue", "dd"), "newest"))
}

func TestPageReconnects(t *testing.T) {
	s := show(t, "/a/1")
	b := browsertest.Start(t)
	p := s.open(b)
	p.Size(1280, 1600) // all of it on screen: what is not is linked no more
	p.Wait(says(row("/a/1", "target", ".value"), "21.5"))
	s.set("/a/1", "stock", "@update(key:a) 1")
	s.set("/a/1", "stock", "@update(key:b) 2")
	p.Wait(says(row("/a/1", "stock", ".value"), "2 entries"))
	for i, v := range []string{"a", "b", "c"} {
		s.set("/a/1", "queue", fmt.Sprintf("@update(index:%d,key:%s) %s", i, v, v))
	}
	p.Wait(says(row("/a/1", "queue", "dl"), "0a1b2c"))
	p.Allow("WebSocket connection to")
	p.Allow("ERR_CONNECTION_REFUSED")

	if err := s.server.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.Wait(`document.body.classList.contains("off")`)
	p.Wait(holds("#state", "Not live: the connection was lost at ") + "&&" + says(`[data-node="/a/1"] .chip`, "not live"))
	p.Wait(holds("#wait", "again"))
	p.Wait(`document.title.startsWith("(not live)")`)
	p.Wait(says(row("/a/1", "target", ".value"), "21.5"))
	p.Wait(`document.querySelector('[data-lane="target"].old')`)
	p.Wait(says(row("/a/1", "stock", ".value"), "2 entries"))
	p.Wait(holds("#conditions h2", "as last heard"))
	s.set("/a/1", "target", "25")
	s.set("/a/1", "stock", "@remove(key:a)")
	s.set("/a/1", "queue", "@move(from:0,to:2,key:a)")
	s.set("/a/1", "queue", "@remove(index:0,key:b)")
	p.Wait(says(row("/a/1", "queue", "dl"), "0a1b2c"))

	s.serve(s.address)
	p.Wait(says("#state", "Live"))
	p.Wait(says(row("/a/1", "target", ".value"), "25"))
	p.Wait(says(row("/a/1", "stock", "dl"), "b2"))
	p.Wait(says(row("/a/1", "queue", "dl"), "0c1a"))
	p.Wait(`!document.body.classList.contains("off") && !document.querySelector(".old")`)
	s.set("/a/1", "target", "26")
	p.Wait(says(row("/a/1", "target", ".value"), "26"))
}

// Only what is on screen is linked, however many agents there are.
func TestPageOfManyAgents(t *testing.T) {
	const many = 1000
	nodes := make([]string, many)
	for i := range nodes {
		nodes[i] = fmt.Sprintf("/many/%04d", i)
	}
	s := show(t, nodes...)
	b := browsertest.Start(t)
	p := s.open(b)
	p.Size(1280, 900)
	p.Wait(says("#count", "1,001 agents"))
	p.Wait(says(row("/many/0000", "target", ".value"), "21.5"))
	p.Eval(`document.querySelector('[data-node="/many/0999"]').scrollIntoView()`, nil)
	p.Wait(says(row("/many/0999", "target", ".value"), "21.5"))
	s.set("/many/0999", "target", "30")
	p.Wait(says(row("/many/0999", "target", ".value"), "30"))
	p.Type("#filter", "0500")
	p.Wait(says("#count", "1 of 1,001 agents"))
	p.Wait(says(row("/many/0500", "target", ".value"), "21.5"))

	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.links); n > 300 { // 136 measured: 3 for each card that was on screen, of 3,000
		t.Errorf("%d lanes were linked to", n)
	}
}

// The page names nodes and shows numbers and times as the host does.
func TestPageModules(t *testing.T) {
	s := show(t)
	b := browsertest.Start(t)
	p := s.open(b)
	call := func(module, expression string, args ...any) (got string) {
		t.Helper()
		p.Eval(fmt.Sprintf("import(%q).then((m) => %s)", "/page/"+module, fmt.Sprintf(expression, args...)), &got)
		return got
	}
	for _, text := range []string{"/device/air", "/ä b/%2f", "/!$&'()*+,;=:@~", "/a?b#c[d]", `/"<>\^{|}`} {
		if got, want := call("names.js", "m.segment(%q)", text), route.Escape(text); got != want {
			t.Errorf("segment(%q) = %s, want %s", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"1": "1", "-0.50": "-0.50", "1.5E3": "1500", "1.25e+1": "12.5", "-1.0E-3": "-0.001", "1e21": "1e21",
		"0xffffffffffffffff": "18446744073709551615", "123456789012345678901234567890": "123456789012345678901234567890",
	} {
		if got := call("show.js", "m.digits({text: %q})", text); got != want {
			t.Errorf("digits of %s = %s, want %s", text, got, want)
		}
	}
	for ms, want := range map[int]string{0: "0 s", 59_999: "59 s", 60_000: "1 min", 3_600_000: "1 h", 172_800_000: "2 d", -1000: "0 s", -90_000: "1 min ahead"} {
		if got := call("show.js", "m.ago(%d)", ms); got != want {
			t.Errorf("ago(%d) = %s, want %s", ms, got, want)
		}
	}
	for typed, want := range map[string]string{"21.5": "21.5", " true ": "true", "two words": `"two words"`, "a:1": "{a:1}", "0.50": "0.50", "{": `"{"`, "": "", "it's": `"it's"`} {
		if got := call("command.js", "m.bodyOf(%q)", typed); got != want {
			t.Errorf("bodyOf(%q) = %s, want %s", typed, got, want)
		}
	}
	for _, ahead := range []int{3_600_000, -3_600_000, 0} { // ms; the last is for what follows
		want := strconv.Itoa(ahead / 60_000)
		if got := call("clock.js", "(m.learn(new Date(Date.now() + %d).toUTCString(), Date.now()), String(Math.round((m.now() - Date.now()) / 60000)))", ahead); got != want {
			t.Errorf("beside a host whose clock is %d ms ahead the page is %s min off its browser, want %s", ahead, got, want)
		}
	}
	// A break in what was measured is a gap; what is not measured holds until the next. The times are
	// seconds of a chart of 60 s that began 30 s before.
	for _, tt := range []struct{ samples, measured, want string }{
		{"[]", "true", ""},
		{"[1,2,3,4,5]", "true", "5"},
		{"[1,2,3,4,20,21]", "true", "4 2"},
		{"[-65,-55,-45,-35,-25,20,25]", "true", "2 2"},
		{"[1,20]", "false", "4"},
	} {
		got := call("history.js", `(() => { const h = new m.History(), from = Date.now() - 30000;
			h.measured = %s;
			for (const s of %s) h.add(s, from + s * 1000);
			return h.runs(60000).map((r) => r.length).join(" "); })()`, tt.measured, tt.samples)
		if got != tt.want {
			t.Errorf("the runs of numbers at %s (measured: %s) have %s samples, want %s", tt.samples, tt.measured, got, tt.want)
		}
	}
}
