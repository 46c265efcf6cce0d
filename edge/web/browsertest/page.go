package browsertest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// Page is one tab. Its methods fail the test when the page does not do as told.
type Page struct {
	t       testing.TB
	conn    *conn
	session string

	mu     sync.Mutex
	faults []string
	allow  []string
}

// in names the parameters of a call.
type in map[string]any

// Open opens a URL in a new tab and waits until it has loaded. At the test's end the page's errors fail
// the test, but for those with a part that was given to Allow.
func (b *Browser) Open(url string) *Page {
	b.t.Helper()
	p := &Page{t: b.t, conn: b.conn}
	var target struct{ TargetID string }
	p.must(b.conn.call("", "Target.createTarget", in{"url": "about:blank"}, &target))
	var attached struct{ SessionID string }
	p.must(b.conn.call("", "Target.attachToTarget", in{"targetId": target.TargetID, "flatten": true}, &attached))
	p.session = attached.SessionID
	b.conn.mu.Lock()
	b.conn.pages[p.session] = p
	b.conn.mu.Unlock()
	b.t.Cleanup(func() {
		b.t.Helper()
		for _, fault := range p.Faults() {
			b.t.Errorf("%s: %s", url, fault)
		}
	})
	for _, domain := range []string{"Page", "Runtime", "Log"} {
		p.call(domain+".enable", nil, nil)
	}
	p.Navigate(url)
	return p
}

// Navigate goes to a URL and waits until it has loaded.
func (p *Page) Navigate(url string) {
	p.t.Helper()
	var went struct{ ErrorText string }
	p.call("Page.navigate", in{"url": url}, &went)
	if went.ErrorText != "" {
		p.t.Fatalf("open %s: %s", url, went.ErrorText)
	}
	p.Wait(`document.readyState === "complete" && location.href !== "about:blank"`)
}

// Allow excuses errors that contain text, such as those of connections that a test breaks.
func (p *Page) Allow(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.allow = append(p.allow, text)
}

// Faults returns the errors of the page so far: exceptions, errors on its console, requests that failed
// and what its Content-Security-Policy refused.
func (p *Page) Faults() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var left []string
next:
	for _, fault := range p.faults {
		for _, text := range p.allow {
			if strings.Contains(fault, text) {
				continue next
			}
		}
		left = append(left, fault)
	}
	return left
}

// take looks for errors in what the browser tells.
func (p *Page) take(e event) {
	var told struct {
		Type             string
		Args             []struct{ Value, Description any }
		Entry            struct{ Level, Text, URL string }
		ExceptionDetails exception
	}
	json.Unmarshal(e.Params, &told)
	fault := ""
	switch e.Method {
	case "Runtime.exceptionThrown":
		fault = told.ExceptionDetails.String()
	case "Runtime.consoleAPICalled":
		if told.Type == "error" || told.Type == "assert" || told.Type == "warning" {
			fault = "console:"
			for _, a := range told.Args {
				fault += fmt.Sprint(" ", a.Value, a.Description)
			}
		}
	case "Log.entryAdded":
		if told.Entry.Level == "error" {
			fault = told.Entry.Text + " " + told.Entry.URL
		}
	}
	if fault != "" {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.faults = append(p.faults, fault)
	}
}

type exception struct {
	Text      string
	Exception struct{ Description string }
	URL       string
	Line      int `json:"lineNumber"`
}

func (e exception) String() string {
	return fmt.Sprintf("%s %s (%s:%d)", e.Text, e.Exception.Description, e.URL, e.Line+1)
}

func (p *Page) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *Page) call(method string, params, out any) {
	p.t.Helper()
	p.must(p.conn.call(p.session, method, params, out))
}

// front makes this tab the one that is seen: the others draw no frames.
func (p *Page) front() error {
	p.conn.mu.Lock()
	is := p.conn.front == p
	p.conn.front = p
	p.conn.mu.Unlock()
	if is {
		return nil
	}
	return p.conn.call(p.session, "Page.bringToFront", nil, nil)
}

func (p *Page) eval(expression string, out any) error {
	if err := p.front(); err != nil {
		return err
	}
	var got struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *exception
	}
	err := p.conn.call(p.session, "Runtime.evaluate", in{"expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true}, &got)
	if err != nil {
		return err
	}
	if got.ExceptionDetails != nil {
		return fmt.Errorf("%s\n%s", expression, got.ExceptionDetails)
	}
	if out == nil || got.Result.Value == nil {
		return nil
	}
	return json.Unmarshal(got.Result.Value, out)
}

// Eval evaluates an expression, awaits it if it is a promise, and decodes its value into out, if that is not nil.
func (p *Page) Eval(expression string, out any) {
	p.t.Helper()
	p.must(p.eval(expression, out))
}

// Text evaluates an expression to a string.
func (p *Page) Text(expression string) string {
	p.t.Helper()
	var s string
	p.Eval("String("+expression+")", &s)
	return s
}

// Wait waits until an expression is true, looking at it in each frame.
func (p *Page) Wait(expression string) {
	p.t.Helper()
	err := p.eval(fmt.Sprintf(`new Promise((done, fail) => {
		const end = performance.now() + %d;
		const look = () => {
			let is;
			try { is = (%s); } catch (e) { is = false; if (performance.now() > end) return fail(e); }
			if (is) return done(true);
			if (performance.now() > end) return fail(new Error("not so in time"));
			requestAnimationFrame(look);
		};
		look();
	})`, (patience/2)/time.Millisecond, expression), nil)
	if err != nil && (strings.Contains(err.Error(), "context was destroyed") || strings.Contains(err.Error(), "navigated")) {
		p.Wait(expression) // the page was just being replaced
		return
	}
	if err != nil {
		seen := ""
		p.eval("document.body.innerText", &seen)
		p.t.Fatalf("%v\nthe page shows:\n%s", err, seen)
	}
}

// place returns where the element that a selector finds can be clicked, in CSS pixels of the window,
// once it is in the same place in two frames.
func (p *Page) place(selector string) (x, y float64) {
	p.t.Helper()
	quoted, _ := json.Marshal(selector)
	p.Wait(fmt.Sprintf("document.querySelector(%s)?.getClientRects().length > 0", quoted))
	var at [2]float64
	p.Eval(fmt.Sprintf(`new Promise((done) => {
		let was = "";
		const look = () => {
			const e = document.querySelector(%s);
			e?.scrollIntoView({block: "center", behavior: "instant"});
			const r = e?.getBoundingClientRect(), is = JSON.stringify(r);
			if (r && is === was) return done([r.x + r.width / 2, r.y + r.height / 2]);
			was = is;
			requestAnimationFrame(look);
		};
		look();
	})`, quoted), &at)
	return at[0], at[1]
}

// Click clicks the middle of the element that a CSS selector finds, with the mouse.
func (p *Page) Click(selector string) {
	p.t.Helper()
	x, y := p.place(selector)
	p.call("Input.dispatchMouseEvent", in{"type": "mouseMoved", "x": x, "y": y}, nil)
	for _, kind := range []string{"mousePressed", "mouseReleased"} {
		p.call("Input.dispatchMouseEvent", in{"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1}, nil)
	}
}

// Type clicks a field and replaces what is in it by a text.
func (p *Page) Type(selector, text string) {
	p.t.Helper()
	p.Click(selector)
	p.Eval("document.activeElement.select()", nil)
	if text == "" {
		p.Press("Delete")
		return
	}
	p.call("Input.insertText", in{"text": text}, nil)
}

// Press presses a key by its name: "Enter", "Tab", "Escape", "Delete".
func (p *Page) Press(key string) {
	p.t.Helper()
	keys := map[string]in{
		"Enter":  {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"},
		"Tab":    {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9},
		"Escape": {"key": "Escape", "code": "Escape", "windowsVirtualKeyCode": 27},
		"Delete": {"key": "Delete", "code": "Delete", "windowsVirtualKeyCode": 46},
	}
	for _, kind := range []string{"keyDown", "keyUp"} {
		params := in{"type": kind}
		for name, v := range keys[key] {
			if kind == "keyDown" || name != "text" {
				params[name] = v
			}
		}
		p.call("Input.dispatchKeyEvent", params, nil)
	}
}

// Size sets the size of the window's inside, in CSS pixels.
func (p *Page) Size(width, height int) {
	p.t.Helper()
	p.call("Emulation.setDeviceMetricsOverride", in{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}, nil)
}

// Scheme sets what prefers-color-scheme says: "light" or "dark".
func (p *Page) Scheme(name string) {
	p.t.Helper()
	p.call("Emulation.setEmulatedMedia", in{"features": []in{{"name": "prefers-color-scheme", "value": name}}}, nil)
}

// Screenshot writes what the window shows, or the whole page, as a PNG file.
func (p *Page) Screenshot(file string, whole bool) {
	p.t.Helper()
	var shot struct{ Data string }
	p.call("Page.captureScreenshot", in{"format": "png", "captureBeyondViewport": whole}, &shot)
	png, err := base64.StdEncoding.DecodeString(shot.Data)
	if err == nil {
		err = os.WriteFile(file, png, 0o644)
	}
	p.must(err)
}
