package httppoll

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/clock"
	"selvage/edge/device"
)

func TestCheck(t *testing.T) {
	plain := place("hunter2")
	for _, c := range []struct {
		config Config
		want   []string
	}{
		{asks("http://meter"), nil},
		{asks(""), []string{"url"}},
		{asks("ftp://meter"), []string{"url"}},
		{asks("http:///x"), []string{"url"}},
		{asks("http://anna:hunter2@meter"), []string{"url"}},
		{asks("http://[::1/hunter2"), []string{"url"}},
		{Config{URL: "http://meter", Method: "HEAD"}, []string{"method", "channel"}},
		{Config{URL: "http://meter", Method: "GET", Body: "x", CA: "x", Password: plain, Token: plain, Auth: "hidden", Channel: channels{"Power": {}}},
			[]string{"ca", "body", "password", "token", "password", "auth", "channel.Power"}},
		{Config{URL: "http://meter", Method: "GET", User: "anna", Token: place("env:X"), Header: map[string]string{"cookie": "hunter2"}, TLSName: "x", Channel: channels{"a": {}}},
			[]string{"tls-name", "header.cookie", "token"}},
		{Config{URL: "http://meter", Method: "GET", Auth: "header X Y", Header: map[string]string{"a b": ""}, Channel: channels{"a": {}}}, []string{"header.a b", "auth"}},
		{Config{URL: "http://meter", Method: "GET", Header: map[string]string{"a": "x\r\nHost: y"}, Channel: channels{"a": {}}}, []string{"header.a"}},
	} {
		var got []string
		c.config.Check(func(key, problem, remedy string) {
			if got = append(got, key); problem == "" || remedy == "" || strings.Contains(problem+remedy, "hunter2") {
				t.Errorf("fault at %s: %q, %q", key, problem, remedy)
			}
		})
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: faults at %q, want %q", c.config.URL, got, c.want)
		}
	}
}

// One that hangs keeps no other waiting: each has an owner of its own.
func TestHangingKeepsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/hangs" {
				<-r.Context().Done()
				return
			}
			fmt.Fprint(w, `{"power": 1}`)
		})
		var mu sync.Mutex
		good, failed := 0, ""
		m := device.NewManager(device.Options{
			Clock: clock.New("boot", func() bool { return true }), Log: slog.New(slog.DiscardHandler),
			Report: func(r device.Report) {
				mu.Lock()
				defer mu.Unlock()
				switch {
				case r.Device == "hangs":
					failed = r.Err.Error()
				case r.Err != nil:
					t.Error(r.Err)
				default:
					good += len(r.Readings)
				}
			},
		})
		for name, path := range map[string]string{"hangs": "/hangs", "works": "/"} {
			if err := m.Add(device.Spec{Name: name, Driver: "http-poll", Every: time.Second, Config: asks("http://meter" + path)}); err != nil {
				t.Fatal(err)
			}
		}
		m.Start()
		time.Sleep(time.Minute)
		mu.Lock()
		if good < 59 || failed != "meter did not answer in time" {
			t.Errorf("%d good readings in a minute; the other: %s", good, failed)
		}
		mu.Unlock()
		began := time.Now()
		if err := m.Stop(t.Context()); err != nil || time.Since(began) > 0 {
			t.Errorf("it stopped within %v: %v", time.Since(began), err)
		}
	})
}

// What is packed counts as what it is unpacked.
func TestPacked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bomb := packed(t, strings.Repeat(" ", 4<<20)+`{"power": 1}`)
		small := packed(t, `{"power": 1}`)
		memory(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			if r.URL.Path == "/bomb" {
				_, _ = w.Write(bomb)
			} else {
				_, _ = w.Write(small)
			}
		})
		wants(t, "packed", open(t, asks("http://meter/")), "power 1")
		wants(t, "a bomb", open(t, asks("http://meter/bomb")), "what http://HOST/bomb answers is longer")
	})
}

func packed(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
