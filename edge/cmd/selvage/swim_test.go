package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"selvage/edge/leaktest"
	"selvage/edge/web/browsertest"
)

// @swim/client, a WARP client that we did not write, in Node.
func TestSwimClient(t *testing.T) {
	s := newSwim(t)
	c := exec.Command("node", "peer.mjs", s.host.url, s.line.url, s.control.URL+"/line")
	c.Dir = s.folder
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s.ends(t, string(out))
}

// The same in a browser.
func TestSwimClientInBrowser(t *testing.T) {
	s := newSwim(t)
	p := browsertest.Start(t).Open(s.control.URL + "/page.html?line=" + url.QueryEscape(s.line.url))
	p.Allow(s.line.url[len("warp://"):]) // what the browser says of connections that the suite cuts
	passed := false
	p.Eval("window.passed", &passed)
	report := p.Text(`document.getElementById("report").textContent`)
	if !passed {
		t.Fatal(report)
	}
	s.ends(t, report)
}

// A swim is a host and what the suite of scripts/js needs besides.
type swim struct {
	folder  string // of scripts/js, with its packages
	host    *program
	line    *line
	control *httptest.Server // with the suite itself; WARP goes on to the host, so that it is its origin
}

func newSwim(t *testing.T) *swim {
	t.Helper()
	leaktest.Check(t)
	s := &swim{folder: needs(t, "SELVAGE_JS", "the folder of scripts/js with its packages installed")}
	s.host = newFolder(t, swims).host(t)
	mux := http.NewServeMux()
	s.control = httptest.NewServer(mux)
	t.Cleanup(s.control.Close)
	s.line = newLine(t, s.host.url, s.control.Listener.Addr().String())
	mux.Handle("/line/", s.line)
	files, host := http.FileServer(http.Dir(s.folder)), handOn(t, s.host.url, "")
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			host.ServeHTTP(w, r)
			return
		}
		files.ServeHTTP(w, r)
	})
	return s
}

// ends looks at how the suite has left the host.
func (s *swim) ends(t *testing.T, report string) {
	t.Helper()
	t.Logf("%d checks passed", strings.Count("\n"+report, "\nok "))
	if code := s.host.stop(t, syscall.SIGTERM, stopTime); code != 0 {
		t.Errorf("exit %d after SIGTERM, want 0", code)
	}
}
