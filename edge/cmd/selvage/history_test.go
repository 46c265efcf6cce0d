package main

import (
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What a lane held is there after a kill -9, on the terminal and over HTTP.
func TestHistory(t *testing.T) {
	f := newFolder(t, "")
	h := f.host(t)
	watch := start(t, f.command("--host", h.url, "watch", "/device/air", "temperature"))
	for deadline := time.After(patience); strings.Count(watch.out.text(), "\n") < 3; {
		select {
		case <-watch.out.news:
		case <-deadline:
			t.Fatal("no three readings came")
		}
	}
	post(t, h, "/room/air", "target", "22") // is answered after the commit
	before := f.run(t, "--host", h.url, "history", "/device/air", "temperature", "--csv")
	if n := strings.Count(before.out, "\n"); before.code != 0 || n < 3 || !strings.HasPrefix(before.out, "at,value,unit,quality\n") {
		t.Fatalf("%d lines of CSV, exit %d: %s%s", n, before.code, before.out, before.err)
	}
	if code := h.stop(t, syscall.SIGKILL, 10*time.Second); code != -1 {
		t.Fatalf("a host that was killed ended with %d", code)
	}

	h = f.host(t)
	after := f.run(t, "--host", h.url, "history", "/device/air", "temperature", "--csv")
	if !strings.HasPrefix(after.out, before.out) { // what was shown was committed
		t.Errorf("before the kill\n%s\nafter it\n%s%s", before.out, after.out, after.err)
	}
	plot := f.run(t, "--host", h.url, "history", "/device/air", "temperature", "--since", "1h", "--plot")
	if !strings.Contains(plot.out, "/device/air temperature in °C") || !strings.Contains(plot.out, "┤") {
		t.Errorf("the plot is\n%s%s", plot.out, plot.err)
	}
	for query, want := range map[string][]string{
		"lane=temperature&from=-1h":                     {`"quality":"good"`, `"unit":"Cel"`},
		"lane=temperature&from=-1h&step=24h":            {`"count":`, `"mean":`},
		"lane=temperature&from=-1h&step=24h&format=csv": {"at,count,min,mean,max\n"},
		"lane=temperature&from=yesterday":               {"from=yesterday is no time"},
		"lane=humidity&from=1&to=2":                     {"[]"},
		"lane=nothing&from=-1h":                         {"no lane nothing"},
	} {
		if got := fetch(t, "http"+h.url[len("warp"):]+"/device/air?"+query); !containsAll(got, want) {
			t.Errorf("GET /device/air?%s answers\n%swant %q in it", query, got, want)
		}
	}
	none := f.run(t, "--host", h.url, "history", "/room/air", "target")
	if want := "there are no values of /room/air target in that time"; none.code == 0 || !strings.Contains(none.err, want) {
		t.Errorf("the history of a lane that has none: exit %d, %s, want %q", none.code, none.err, want)
	}
}

func fetch(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func containsAll(text string, want []string) bool {
	for _, w := range want {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}
