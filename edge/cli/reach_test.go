package cli

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"selvage/edge/leaktest"
)

// listener does something with each connection it accepts, until the test's end.
func listener(t *testing.T, do func(net.Conn)) (host string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			do(c)
		}
	}()
	t.Cleanup(func() { l.Close(); <-ended })
	return "warp://" + l.Addr().String()
}

// What answers at the address, though not as a host does, is told from what does not answer.
func TestNoHostThere(t *testing.T) {
	leaktest.Check(t)
	files := httptest.NewServer(http.FileServer(http.Dir(t.TempDir())))
	defer files.Close()
	web := "warp" + strings.TrimPrefix(files.URL, "http")
	mail := listener(t, func(c net.Conn) { c.Write([]byte("220 mail.example ESMTP\r\n")) })
	full := listener(t, func(c net.Conn) { c.Close() })
	reset := listener(t, func(c net.Conn) {
		c.(*net.TCPConn).SetLinger(0)
		c.Close()
	})
	tests := []struct{ name, host, want string }{
		{"a web server", web, "selvage: something answers at " + web + " that speaks no WARP: it answered 200 OK\n  is it the right port? a host tells its own when it starts\n"},
		{"a mail server", mail, "selvage: something answers at " + mail + " that speaks no WARP: its answer is no HTTP\n  is it the right port? a host tells its own when it starts\n"},
		{"a full host", full, "selvage: " + full + " closed the connection before it answered\n  a host does so when all its connections are in use; try again, or check the address\n"},
		{"a full host, at once", reset, "selvage: " + reset + " closed the connection before it answered\n  a host does so when all its connections are in use; try again, or check the address\n"},
		{"no TLS", "warps" + web[len("warp"):], "selvage: warps" + web[len("warp"):] + " cannot be reached: that host speaks no TLS\n  use " + web + "\n"},
	}
	for _, tt := range tests {
		for _, args := range [][]string{{"ls"}, {"set", "/x", "y", "1"}} {
			var out, errs bytes.Buffer
			code := Main(append(args, "--host", tt.host), &out, &errs)
			if code != exitFailed || out.Len() > 0 || errs.String() != tt.want {
				t.Errorf("%s, %s: exit %d, %q, %q; want %d and %q", tt.name, args[0], code, out.String(), errs.String(), exitFailed, tt.want)
			}
		}
	}
}

// connects are the two ways of connecting to a host.
var connects = map[string]func(*env, context.Context) error{
	"dial": func(e *env, ctx context.Context) error {
		_, err := e.dial(ctx)
		return err
	},
	"isSelvage": func(e *env, ctx context.Context) error {
		at, err := e.address()
		if err == nil {
			at.Scheme = "http"
			_, err = e.isSelvage(ctx, at)
		}
		return err
	},
}

func TestSilentHost(t *testing.T) {
	leaktest.Check(t)
	host := listener(t, func(net.Conn) {})
	want := host + " accepted the connection but did not answer in 10 s\n  that may be no Selvage host; is it the right port?"
	for name, connect := range connects {
		ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
		if err := connect(&env{host: host}, ctx); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
		cancel()
	}
}

// Ctrl-C does not wait for a host that is silent.
func TestInterruptedConnecting(t *testing.T) {
	leaktest.Check(t)
	for name, connect := range connects {
		ctx, cancel := context.WithCancel(context.Background())
		host := listener(t, func(net.Conn) { cancel() })
		began := time.Now()
		err := connect(&env{host: host}, ctx)
		if took := time.Since(began); err == nil || err.Error() != "interrupted" || took > answerTime/2 {
			t.Errorf("%s: %v after %v", name, err, took)
		}
		cancel()
	}
}
