package web

import (
	"net/http"
	"strings"
	"testing"
)

// A command is answered with 200 only when what it changed is on disk.
func TestDurable(t *testing.T) {
	b := start(t, Options{})
	tests := []struct {
		path, body string
		code       int
		want       string
	}{
		{"/box/1?lane=level", "2", http.StatusOK, "ok"},
		{"/box/1?lane=level&durable", "3", http.StatusOK, "ok"},
		{"/box/1?lane=passing", "3", http.StatusOK, "ok"},
		{"/box/1?lane=passing&durable", "4", http.StatusInsufficientStorage, "done, but not on disk: /box/1 passing is not remembered over a restart"},
		{"/box/1?lane=level&durable", "500", http.StatusBadRequest, "more than 100 does not fit"},
	}
	for _, tt := range tests {
		code, body, _ := b.do(t, "POST", tt.path, tt.body)
		if code != tt.code || !strings.HasSuffix(strings.TrimSpace(body), tt.want) {
			t.Errorf("POST %s: %d %q, want %d %q", tt.path, code, body, tt.code, tt.want)
		}
	}
	lanes, err := b.Host.Store.Load("/box/1")
	if err != nil || len(lanes) != 1 || string(lanes[0].Value) != "3" {
		t.Errorf("on disk: %+v, %v", lanes, err)
	}

	if err := b.Host.Store.Close(); err != nil { // from now on nothing can be saved
		t.Fatal(err)
	}
	for _, path := range []string{"/box/1?lane=level", "/box/1?lane=level&durable"} {
		code, body, _ := b.do(t, "POST", path, "5")
		if code != http.StatusInsufficientStorage || !strings.Contains(body, "done, but not saved yet") {
			t.Errorf("POST %s: %d %q while nothing can be saved", path, code, body)
		}
	}
}
