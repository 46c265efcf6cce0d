package browsertest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"selvage/edge/leaktest"
)

const trial = `<!doctype html><title>trial</title><link rel="icon" href="data:,">
<input id="field" value="before"><button id="button">click</button><p id="said"></p><script src="/script.js"></script>`

const script = `
const said = document.getElementById("said");
document.getElementById("button").addEventListener("click", (e) => said.textContent = "clicked " + e.isTrusted);
document.getElementById("field").addEventListener("keydown", (e) => { if (e.key === "Enter") said.textContent = e.target.value; });
`

func serve(t *testing.T) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'self'; img-src data:")
		switch r.URL.Path {
		case "/":
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, trial)
		case "/script.js":
			w.Header().Set("Content-Type", "text/javascript")
			fmt.Fprint(w, script)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestPage(t *testing.T) {
	leaktest.Check(t)
	url := serve(t)
	b := Start(t)
	first, p := b.Open(url), b.Open(url)
	p.Click("#button")
	p.Wait(`said.textContent === "clicked true"`)
	p.Type("#field", "grüße")
	p.Press("Enter")
	p.Wait(`said.textContent === "grüße"`)
	first.Wait(`said.textContent === ""`) // though another tab is in front of it
	p.Size(360, 640)
	p.Scheme("dark")
	var got struct {
		Width int
		Dark  bool
	}
	p.Eval(`Promise.resolve({width: innerWidth, dark: matchMedia("(prefers-color-scheme: dark)").matches})`, &got)
	if got.Width != 360 || !got.Dark {
		t.Errorf("the window is %+v, want 360 wide and dark", got)
	}
	if title := p.Text("document.title"); title != "trial" {
		t.Errorf("the title is %q", title)
	}
	p.Screenshot(t.TempDir()+"/trial.png", true)
}

// What goes wrong in a page is found.
func TestFaults(t *testing.T) {
	leaktest.Check(t)
	url := serve(t)
	b := Start(t)
	p := b.Open(url)
	p.Eval(`document.body.insertAdjacentHTML("beforeend", "<p style='color: red'>")`, nil)
	p.Eval(`new Promise((done) => { setTimeout(() => { done(); null.x; }); })`, nil)
	p.Eval(`console.error("said by the page")`, nil)
	p.Eval(`fetch("/none")`, nil)
	for len(p.Faults()) < 4 && t.Context().Err() == nil {
		p.Eval(`new Promise(requestAnimationFrame)`, nil) // the browser tells of some a little later
	}
	all := strings.Join(p.Faults(), "\n")
	for _, want := range []string{"Content Security Policy", "TypeError", "said by the page", "404"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not among the faults:\n%s", want, all)
		}
	}
	p.Allow("404")
	if left := strings.Join(p.Faults(), "\n"); left == "" || strings.Contains(left, "404") {
		t.Errorf("without the one allowed the faults are:\n%s", left)
	}
	p.Allow("") // all of them
	if err := p.eval("null.x", nil); err == nil || !strings.Contains(err.Error(), "TypeError") {
		t.Errorf("eval of null.x = %v", err)
	}
}
