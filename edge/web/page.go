package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"
)

//go:embed page
var pageFiles embed.FS

// pagePolicy lets the page use this host only, and nothing in it that is not in a file of its own: what
// agents say can never become script.
const pagePolicy = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

// A pageFile is one file of the page, as it is and packed.
type pageFile struct {
	kind          string
	plain, packed []byte
}

// pages holds the files by the path they are served at, and a tag that changes with any of them. Packing
// them takes some milliseconds, which a host nobody looks at need not spend.
var pages = sync.OnceValues(func() (map[string]pageFile, string) {
	files, sum := map[string]pageFile{}, sha256.New()
	entries, err := pageFiles.ReadDir("page")
	if err != nil {
		panic(err) // the folder is part of this binary
	}
	for _, e := range entries {
		text, err := pageFiles.ReadFile("page/" + e.Name())
		if err != nil {
			panic(err)
		}
		var packed bytes.Buffer
		w, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression)
		w.Write(text)
		w.Close()
		at := "/page/" + e.Name()
		if e.Name() == "index.html" {
			at = "/"
		}
		files[at] = pageFile{pageType(e.Name()), text, packed.Bytes()}
		fmt.Fprintf(sum, "%s %d\n%s", at, len(text), text)
	}
	return files, hex.EncodeToString(sum.Sum(nil)[:12])
})

// pageType does not ask the system's tables, which differ.
func pageType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	}
	return "image/svg+xml"
}

func wantsPage(r *http.Request) bool {
	return r.URL.Path == "/" || strings.HasPrefix(r.URL.Path, "/page/")
}

// page serves a file of the page. Browsers keep it, but ask each time whether it is still the one of
// this binary.
func (s *Server) page(w http.ResponseWriter, r *http.Request, v visitor) {
	files, tag := pages()
	file, ok := files[r.URL.Path]
	if !ok {
		say(w, http.StatusNotFound, fmt.Sprintf("there is no file %s; the page is at /", r.URL.EscapedPath()))
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		say(w, http.StatusMethodNotAllowed, fmt.Sprintf("%s is read with GET; a command goes to /NODE?lane=NAME", r.URL.Path))
		return
	}
	h := w.Header()
	if r.URL.Path == "/" && !v.who.Known() {
		s.turnAway(w, r, v)
		return
	}
	if name := v.who.Name(); name != "" {
		h.Set("Selvage-User", name)
	}
	h.Set("Content-Type", file.kind)
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-cache")
	h.Set("Vary", "Accept-Encoding")
	body := file.plain
	if packs(r) {
		body, tag = file.packed, tag+"-gzip"
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("ETag", `"`+tag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// turnAway sends a browser to the login. The other files of the page are the same for everybody.
func (s *Server) turnAway(w http.ResponseWriter, r *http.Request, v visitor) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	switch {
	case !s.gate.Policy().HasUsers() || r.Method != http.MethodGet || !strings.Contains(r.Header.Get("Accept"), "text/html"):
		s.askLogin(w, v) // there is nothing to see yet, so nobody was refused it
	case r.Header.Get("Sec-Fetch-Site") == "cross-site":
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", pagePolicy)
		io.WriteString(w, bounce)
	default:
		http.Redirect(w, r, "/login", http.StatusSeeOther)
	}
}

// packs tells whether a client takes gzip.
func packs(r *http.Request) bool {
	for _, one := range strings.Split(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		kind, params, _ := mime.ParseMediaType(one)
		if kind == "gzip" && params["q"] != "0" {
			return true
		}
	}
	return false
}
