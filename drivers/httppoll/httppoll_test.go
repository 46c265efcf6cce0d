package httppoll

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"selvage/drivers/fields"
	"selvage/edge/device"
	"selvage/edge/device/drivertest"
	"selvage/edge/leaktest"
	"selvage/edge/secret"
)

type channels = map[string]fields.Channel

// memory has connections of this test made in memory, to a server that answers as the handler does. It returns how many
// were made.
func memory(t *testing.T, h http.HandlerFunc) *atomic.Int32 {
	t.Helper()
	var n atomic.Int32
	before := dial
	t.Cleanup(func() { dial = before })
	dial = func(context.Context, string, string) (net.Conn, error) {
		n.Add(1)
		ours, theirs := net.Pipe()
		_ = (&http.Server{Handler: h}).Serve(&single{conn: theirs}) // returns at once; the connection goes on
		return ours, nil
	}
	return &n
}

// single is a listener with one connection.
type single struct{ conn net.Conn }

func (l *single) Accept() (c net.Conn, err error) {
	if c, l.conn = l.conn, nil; c == nil {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (*single) Close() error   { return nil }
func (*single) Addr() net.Addr { return &net.UnixAddr{Name: "memory"} }

// asks is a config that polls a URL for the member power.
func asks(url string) Config {
	return Config{URL: url, Method: "GET", Auth: bearer, Channel: channels{"power": {Unit: "W"}}}
}

func open(t *testing.T, c Config) *Dev {
	t.Helper()
	c.Check(func(key, problem, remedy string) { t.Errorf("%s: %s; %s", key, problem, remedy) })
	d, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// wants reads once, and wants a value or a fault that begins so.
func wants(t *testing.T, name string, d *Dev, want string) {
	t.Helper()
	s, err := d.Read(t.Context())
	if len(s) > 0 && err == nil && s[0].Err != nil {
		err = s[0].Err
	}
	got := ""
	var f *device.Fault
	switch {
	case errors.As(err, &f) && f.Remedy == "":
		t.Errorf("%s: %v has no remedy", name, err)
	case err == nil:
		got = fmt.Sprintf("%s %g", s[0].Channel, s[0].Value)
	}
	if err != nil {
		got = err.Error()
	}
	if strings.Contains(got+fmt.Sprintf("%+v", f), "hunter2") {
		t.Errorf("%s: a secret is in %v", name, err)
	}
	got = strings.NewReplacer(d.url.Host, "HOST").Replace(got)
	if !strings.HasPrefix(got, want) || want == "" {
		t.Errorf("%s: %s, want %s", name, got, want)
	}
}

func TestDriver(t *testing.T) {
	memory(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"power": 412.5}`) })
	drivertest.Run(t, drivertest.Case{Driver: "http-poll", Config: asks("http://meter/status")})
}

func TestAnswers(t *testing.T) {
	leaktest.Check(t)
	var body string
	var status int
	var header http.Header
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, values := range header {
			w.Header()[name] = values
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	defer server.Close()
	d := open(t, asks(server.URL+"/status?key=hunter2"))
	for _, c := range []struct {
		status int
		body   string
		want   string
	}{
		{200, `{"power": 412.5}`, "power 412.5"},
		{201, `{"power": "7"}`, "power 7"},
		{200, "  -3.5e2 \n", "power -350"},
		{200, `{"x": 1}`, `what http://HOST/status?… answers has no power: {"x": 1}`},
		{200, `{"power": null}`, "what http://HOST/status?… answers has null for power"},
		{200, `<html>`, `what http://HOST/status?… answers has something else for power: "<html>" is no number`},
		{200, "", "what http://HOST/status?… answers is empty"},
		{200, strings.Repeat(" ", longest+1), "what http://HOST/status?… answers is longer than 1048576 bytes"},
		{400, "", "http://HOST/status?… answers 400 Bad Request"},
		{401, "", "http://HOST/status?… lets nobody in without a password: 401 Unauthorized"},
		{403, "", "http://HOST/status?… does not let us in: 403 Forbidden"},
		{404, strings.Repeat("x", 1<<20), "there is no http://HOST/status?…: 404 Not Found"},
		{405, "", "http://HOST/status?… does not take GET: 405 Method Not Allowed"},
		{429, "", "http://HOST/status?… was asked too often: 429 Too Many Requests"},
		{503, "", "http://HOST/status?… is in trouble: 503 Service Unavailable"},
		{799, "", "http://HOST/status?… is in trouble: 799"},
		{200, `{"power": 1}`, "power 1"},
	} {
		status, body = c.status, c.body
		wants(t, fmt.Sprint(c.status, " ", fields.Shorten([]byte(c.body))), d, c.want)
	}
	header, status = http.Header{"Allow": {"POST, PUT"}}, 405
	var f *device.Fault
	if _, err := d.Read(t.Context()); !errors.As(err, &f) || !strings.Contains(f.Remedy, "POST, PUT") {
		t.Errorf("another method: %v", err)
	}
	header, status, body = http.Header{"Content-Length": {"100"}}, 200, `{"power"`
	wants(t, "cut", d, "HOST closed the connection before its answer was complete")
}

// One channel that is missing does not take the others away.
func TestOneMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"a": 1, "b": null}`) })
		c := asks("http://meter/")
		c.Channel = channels{"a": {}, "b": {}, "c": {}}
		s, err := open(t, c).Read(t.Context())
		if err != nil || len(s) != 3 || s[0].Err != nil || s[0].Value != 1 || s[1].Err == nil || s[2].Err == nil {
			t.Errorf("%+v, %v", s, err)
		}
	})
}

func place(text string) (p secret.Place) {
	_ = p.UnmarshalText([]byte(text))
	return p
}

func TestRequest(t *testing.T) {
	t.Setenv("METER", "hunter2")
	t.Setenv("LINES", "hunter2\nx")
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var got *http.Request
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		fmt.Fprint(w, `{"power": 1}`)
	}))
	defer server.Close()
	for _, c := range []struct {
		name   string
		config func(*Config)
		right  func() bool
	}{
		{"as it is", func(c *Config) {}, func() bool {
			_, auth := got.Header["Authorization"]
			return got.Method == "GET" && got.UserAgent() == "selvage" && strings.HasPrefix(got.Header.Get("Accept"), "application/json") && !auth && len(body) == 0
		}},
		{"a user", func(c *Config) { c.User, c.Password = "anna", place("env:METER") }, func() bool {
			user, password, ok := got.BasicAuth()
			return ok && user == "anna" && password == "hunter2"
		}},
		{"a bearer", func(c *Config) { c.Token = place("file:" + file) }, func() bool { return got.Header.Get("Authorization") == "Bearer hunter2" }},
		{"a key in a header", func(c *Config) { c.Token, c.Auth, c.User = place("env:METER"), "header X-Api-Key", "anna" }, func() bool {
			user, _, _ := got.BasicAuth()
			return got.Header.Get("X-Api-Key") == "hunter2" && user == "anna"
		}},
		{"a key in the query", func(c *Config) { c.URL += "?q=1"; c.Token, c.Auth = place("env:METER"), "query appid" }, func() bool {
			return got.URL.Query().Get("appid") == "hunter2" && got.URL.Query().Get("q") == "1"
		}},
		{"a body", func(c *Config) {
			c.Method, c.Body = "POST", `{"cmd": 1}`
			c.Header = map[string]string{"Content-Type": "application/json", "Host": "inverter.lan", "accept": "text/csv"}
		}, func() bool {
			return got.Method == "POST" && string(body) == `{"cmd": 1}` && got.Header.Get("Content-Type") == "application/json" &&
				got.Host == "inverter.lan" && got.Header.Get("Accept") == "text/csv"
		}},
		{"a pattern", func(c *Config) { c.Match = `"power": (?P<power>\d+)` }, func() bool { return got.Header.Get("Accept") == "" }},
	} {
		config := asks(server.URL)
		c.config(&config)
		wants(t, c.name, open(t, config), "power 1")
		if !c.right() {
			t.Errorf("%s: it asked %+v with %q", c.name, got, body)
		}
	}
	for name, config := range map[string]Config{
		"a missing password": {User: "anna", Password: place("file:/no/such/file")},
		"a missing token":    {Token: place("env:NO_SUCH_VARIABLE_HERE")},
		"a token of lines":   {Token: place("env:LINES"), Auth: "query key"},
	} {
		c := asks(server.URL)
		c.User, c.Password, c.Token, c.Auth = config.User, config.Password, config.Token, config.Auth
		wants(t, name, open(t, c), "its ")
	}
}

func TestRedirects(t *testing.T) {
	t.Setenv("METER", "hunter2")
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		elsewhere.Add(1)
		fmt.Fprint(w, `{"power": 666}`)
	}))
	defer other.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to := map[string]string{
			"/old": "/new", "/loop": "/loop", "/away": other.URL + "/x?hunter2", "/user": "http://anna:hunter2@" + r.Host + "/new",
		}[r.URL.Path]
		switch {
		case r.URL.Path == "/new" && r.Header.Get("X-Key") == "hunter2":
			fmt.Fprint(w, `{"power": 1}`)
		case r.Method == "POST":
			http.Redirect(w, r, "/new", http.StatusFound)
		default:
			http.Redirect(w, r, to, http.StatusMovedPermanently)
		}
	}))
	defer server.Close()
	for path, want := range map[string]string{
		"/old":  "power 1",
		"/loop": "http://HOST/loop is redirected again and again",
		"/away": "http://HOST/away is redirected to " + other.URL + "/x?…",
		"/user": "http://HOST/user is redirected to http://HOST/new",
		"/post": "http://HOST/post redirects a POST to http://HOST/new",
	} {
		c := asks(server.URL + path)
		c.Token, c.Auth = place("env:METER"), "header X-Key"
		if path == "/post" {
			c.Method = "POST"
		}
		wants(t, path, open(t, c), want)
	}
	if n := elsewhere.Load(); n > 0 {
		t.Errorf("another host was asked %d times", n)
	}
}

// The connection is kept, and one that the other end has closed meanwhile is no failure.
func TestKeepsConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var conns []net.Conn
		n := memory(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"power": 1}`) })
		inner := dial
		dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := inner(ctx, network, address)
			conns = append(conns, c)
			return c, err
		}
		d := open(t, asks("http://meter/"))
		for range 5 {
			wants(t, "kept", d, "power 1")
			time.Sleep(10 * time.Second)
		}
		if n.Load() != 1 {
			t.Errorf("%d connections for five polls", n.Load())
		}
		_ = conns[0].Close()
		wants(t, "closed meanwhile", d, "power 1")
		time.Sleep(time.Hour)
		wants(t, "long after", d, "power 1")
		_ = d.Close()
		if _, err := d.Read(t.Context()); !errors.Is(err, errClosed) {
			t.Errorf("closed: %v", err)
		}
	})
}

// A server that hangs, before its answer or within it, is left when the context ends.
func TestHanging(t *testing.T) {
	for _, path := range []string{"/before", "/within"} {
		t.Run(path, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				memory(t, func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/within" {
						fmt.Fprint(w, `{"power": 1`)
						w.(http.Flusher).Flush()
					}
					<-r.Context().Done()
				})
				d := open(t, asks("http://meter"+path))
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				began := time.Now()
				var f *device.Fault
				_, err := d.Read(ctx)
				if !errors.As(err, &f) || f.Text != "meter did not answer in time" || errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 10*time.Second {
					t.Errorf("after %v: %v", time.Since(began), err)
				}
				ctx, cancel = context.WithCancel(t.Context())
				time.AfterFunc(time.Second, cancel)
				began = time.Now()
				if _, err := d.Read(ctx); !errors.Is(err, context.Canceled) || time.Since(began) != time.Second {
					t.Errorf("cancelled, after %v: %v", time.Since(began), err)
				}
			})
		})
	}
}
