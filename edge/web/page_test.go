package web

import (
	"compress/gzip"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

func TestPageFiles(t *testing.T) {
	b := start(t, Options{})
	get := func(path string, headers ...string) (*http.Response, string) {
		t.Helper()
		req, err := http.NewRequest("GET", b.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		resp, err := (&http.Transport{DisableCompression: true, DisableKeepAlives: true}).RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var from io.Reader = resp.Body
		if resp.Header.Get("Content-Encoding") == "gzip" {
			if from, err = gzip.NewReader(resp.Body); err != nil {
				t.Fatal(err)
			}
		}
		text, err := io.ReadAll(from)
		if err != nil {
			t.Fatal(err)
		}
		return resp, string(text)
	}

	index, text := get("/")
	for name, want := range map[string]string{
		"Content-Type":                 "text/html; charset=utf-8",
		"Content-Security-Policy":      "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
		"Referrer-Policy":              "no-referrer",
		"X-Content-Type-Options":       "nosniff",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Cache-Control":                "no-cache",
		"Content-Encoding":             "",
	} {
		if got := index.Header.Get(name); got != want {
			t.Errorf("GET /: %s: %q, want %q", name, got, want)
		}
	}
	if again, _ := get("/", "If-None-Match", index.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
		t.Errorf("the page is sent again to who has it: %d, want 304", again.StatusCode)
	}
	packed, same := get("/", "Accept-Encoding", "br, gzip;q=0.5")
	if packed.Header.Get("Content-Encoding") != "gzip" || same != text {
		t.Errorf("the page is not packed, or another: %v", packed.Header)
	}
	if packed.Header.Get("ETag") == index.Header.Get("ETag") {
		t.Error("the packed page has the tag of the plain one")
	}
	if refused, _ := get("/", "Accept-Encoding", "gzip;q=0"); refused.Header.Get("Content-Encoding") != "" {
		t.Error("the page is packed for a client that refuses it")
	}

	// Every file that a file names is served, with its type, and nothing is named that is elsewhere.
	named := regexp.MustCompile(`(?:href|src)="([^"]*)"|(?m:^import .* from )"\.(/[^"]*)"`)
	seen, total := map[string]bool{"/": true}, len(text)
	for queue := []string{text}; len(queue) > 0; queue = queue[1:] {
		for _, m := range named.FindAllStringSubmatch(queue[0], -1) {
			path := m[1]
			if m[2] != "" {
				path = "/page" + m[2]
			}
			if seen[path] {
				continue
			}
			seen[path] = true
			resp, text := get(path)
			if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Security-Policy") == "" || strings.Contains(text, "\r") {
				t.Errorf("GET %s = %d %v", path, resp.StatusCode, resp.Header)
			}
			if kind := resp.Header.Get("Content-Type"); strings.HasSuffix(path, ".js") != strings.HasPrefix(kind, "text/javascript") {
				t.Errorf("GET %s: Content-Type: %s", path, kind)
			}
			queue, total = append(queue, text), total+len(text)
		}
	}
	files, _ := pages()
	if len(seen) != len(files) {
		t.Errorf("%d files are served, %d are named by others", len(files), len(seen))
	}
	if total > 86_000 { // measured 79 kB
		t.Errorf("the page has %d bytes", total)
	}

	for path, want := range map[string]string{"/page/none.js": "404", "/page/": "404", "/page/../page/main.js": "404"} {
		if got, _ := b.raw(t, "GET "+path+" HTTP/1.1\nHost: 127.0.0.1\n"); got != want {
			t.Errorf("GET %s = %s, want %s", path, got, want)
		}
	}
	if code, _, header := b.do(t, "POST", "/", "1"); code != http.StatusMethodNotAllowed || header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST / = %d %v", code, header)
	}
	if code, body, header := b.do(t, "HEAD", "/", ""); code != http.StatusOK || body != "" || header.Get("ETag") == "" || header.Get("Date") == "" {
		t.Errorf("HEAD / = %d %q %v", code, body, header)
	}
}

// The page and the host show the same symbols for units.
func TestPageUnits(t *testing.T) {
	row := regexp.MustCompile(`(?m)^\s+("[^"]+"):\s+("[^"]*"),$`)
	table := func(file string) map[string]string {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		units := map[string]string{}
		for _, m := range row.FindAllStringSubmatch(string(text), -1) {
			units[m[1]] = m[2]
		}
		return units
	}
	ours, hosts := table("page/units.js"), table("../device/unit.go")
	if len(ours) < 20 || len(ours) != len(hosts) {
		t.Errorf("the page knows %d units, the host %d", len(ours), len(hosts))
	}
	for unit, symbol := range hosts {
		if ours[unit] != symbol {
			t.Errorf("unit %s: the page shows %s, want %s", unit, ours[unit], symbol)
		}
	}
}

// The page's parser reads what SwimOS prints, and refuses what it refuses.
func TestPageRecon(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	out, err := exec.Command(node, "testdata/recon.mjs", "../conformance/testdata/recon.json", "../conformance/testdata/recon-print.json").CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
