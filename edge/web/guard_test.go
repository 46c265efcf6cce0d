package web

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"bufio"
)

var quiet = slog.New(slog.DiscardHandler)

const handshake = "Connection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nSec-WebSocket-Version: 13\n"

// Raw requests, as no client library would send them. PORT stands for the server's port.
func TestGuard(t *testing.T) {
	b := start(t, Options{})
	tests := []struct {
		name    string
		request string // lines of a request without the version
		want    string // status, then for 101 the subprotocol
	}{
		{name: "socket", request: "GET /\nHost: 127.0.0.1:PORT\n" + handshake, want: "101"},
		{name: "any path", request: "GET /deep/path?query\nHost: 127.0.0.1:PORT\n" + handshake, want: "101"},
		{name: "warp0 offered", request: "GET /\nHost: 127.0.0.1:PORT\nSec-WebSocket-Protocol: warp0\n" + handshake, want: "101 warp0"},
		{name: "warp0 among others", request: "GET /\nHost: 127.0.0.1:PORT\nSec-WebSocket-Protocol: mqtt, warp0\n" + handshake, want: "101 warp0"},
		{name: "something else offered", request: "GET /\nHost: 127.0.0.1:PORT\nSec-WebSocket-Protocol: mqtt\n" + handshake, want: "101"},
		{name: "compression offered", request: "GET /\nHost: 127.0.0.1:PORT\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\n" + handshake, want: "101"},
		{name: "post", request: "POST /\nHost: 127.0.0.1:PORT\n" + handshake, want: "405"},
		{name: "old version", request: "GET /\nHost: 127.0.0.1:PORT\n" + strings.Replace(handshake, "13", "8", 1), want: "426"},
		{name: "no version", request: "GET /\nHost: 127.0.0.1:PORT\n" + strings.Replace(handshake, "Sec-WebSocket-Version: 13\n", "", 1), want: "426"},
		{name: "bad key", request: "GET /\nHost: 127.0.0.1:PORT\n" + strings.Replace(handshake, "dGhl", "", 1), want: "400"},

		{name: "localhost", request: "GET /\nHost: localhost:PORT\n" + handshake, want: "101"},
		{name: "capitals", request: "GET /\nHost: LocalHost:PORT\n" + handshake, want: "101"},
		{name: "IPv6 loopback", request: "GET /\nHost: [::1]:PORT\n" + handshake, want: "101"},
		{name: "other loopback", request: "GET /\nHost: 127.9.8.7\n" + handshake, want: "101"},
		{name: "forwarded port", request: "GET /\nHost: localhost:8080\n" + handshake, want: "101"},
		{name: "rebound name", request: "GET /\nHost: evil.example:PORT\n" + handshake, want: "403"},
		{name: "rebound name that looks local", request: "GET /\nHost: 127.0.0.1.evil.example\n" + handshake, want: "403"},
		{name: "localhost of somebody", request: "GET /\nHost: localhost.evil.example\n" + handshake, want: "403"},
		{name: "other address", request: "GET /\nHost: 192.168.1.5:PORT\n" + handshake, want: "403"},
		{name: "empty host", request: "GET /\nHost:\n" + handshake, want: "403"},
		{name: "rebound page", request: "GET /\nHost: evil.example\n", want: "403"},
		{name: "rebound post", request: "POST /box/1?lane=level\nHost: evil.example\nContent-Length: 1\n\n2", want: "403"},

		{name: "same origin", request: "GET /\nHost: 127.0.0.1:PORT\nOrigin: http://127.0.0.1:PORT\n" + handshake, want: "101"},
		{name: "same origin behind TLS", request: "GET /\nHost: localhost\nOrigin: https://localhost\n" + handshake, want: "101"},
		{name: "default port", request: "GET /\nHost: localhost\nOrigin: http://localhost:80\n" + handshake, want: "101"},
		{name: "other port", request: "GET /\nHost: 127.0.0.1:PORT\nOrigin: http://127.0.0.1:1\n" + handshake, want: "403"},
		{name: "other name of this machine", request: "GET /\nHost: 127.0.0.1:PORT\nOrigin: http://localhost:PORT\n" + handshake, want: "403"},
		{name: "other site", request: "GET /\nHost: 127.0.0.1:PORT\nOrigin: https://evil.example\n" + handshake, want: "403"},
		{name: "sandboxed page", request: "GET /\nHost: 127.0.0.1:PORT\nOrigin: null\n" + handshake, want: "403"},
		{name: "file", request: "GET /\nHost: 127.0.0.1:PORT\nOrigin: file://127.0.0.1:PORT\n" + handshake, want: "403"},
		{name: "second origin", request: "GET /\nHost: 127.0.0.1:PORT\nOrigin: http://127.0.0.1:PORT\nOrigin: https://evil.example\n" + handshake, want: "403"},
		{name: "cross-site socket", request: "GET /\nHost: 127.0.0.1:PORT\nSec-Fetch-Site: cross-site\n" + handshake, want: "403"},

		{name: "post of a program", request: "POST /box/1?lane=level\nHost: 127.0.0.1:PORT\nContent-Length: 1\n\n2", want: "200"},
		{name: "post of our page", request: "POST /box/1?lane=level\nHost: 127.0.0.1:PORT\nOrigin: http://127.0.0.1:PORT\nSec-Fetch-Site: same-origin\nContent-Length: 1\n\n2", want: "200"},
		{name: "post of another page", request: "POST /box/1?lane=level\nHost: 127.0.0.1:PORT\nOrigin: https://evil.example\nContent-Length: 1\n\n2", want: "403"},
		{name: "post of another page without origin", request: "POST /box/1?lane=level\nHost: 127.0.0.1:PORT\nSec-Fetch-Site: same-site\nContent-Length: 1\n\n2", want: "403"},
		{name: "image of another page", request: "GET /box/1?lane=level\nHost: 127.0.0.1:PORT\nSec-Fetch-Site: cross-site\n", want: "403"},
		{name: "bookmark", request: "GET /box/1?lane=level\nHost: 127.0.0.1:PORT\nSec-Fetch-Site: none\n", want: "200"},
		{name: "link on another page", request: "GET /\nHost: 127.0.0.1:PORT\nSec-Fetch-Site: cross-site\n", want: "200"},
	}
	_, port, _ := net.SplitHostPort(b.Addr().String())
	for _, tt := range tests {
		request := strings.ReplaceAll(tt.request, "PORT", port)
		got, body := b.raw(t, strings.Replace(request, "\n", " HTTP/1.1\n", 1))
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
		if got == "403" && (!strings.HasPrefix(body, "refused: ") || strings.Count(body, "\n") != 1) {
			t.Errorf("%s: a refusal says %q, want one line with the reason", tt.name, body)
		}
	}
	if _, _, header := b.do(t, "GET", "/", ""); header.Get("Cross-Origin-Resource-Policy") != "same-origin" {
		t.Error("pages elsewhere may embed what is served here")
	}
}

// raw sends a request line by line and returns the status and, of a WebSocket, the subprotocol.
func (b *bench) raw(t *testing.T, request string) (status, body string) {
	t.Helper()
	c, err := net.Dial("tcp", b.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if !strings.Contains(request, "\n\n") {
		request += "\n"
	}
	fmt.Fprint(c, strings.ReplaceAll(request, "\n", "\r\n"))
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatalf("%q: %v", request, err)
	}
	status = fmt.Sprint(resp.StatusCode)
	if resp.StatusCode == http.StatusSwitchingProtocols {
		if ext := resp.Header.Get("Sec-WebSocket-Extensions"); ext != "" {
			t.Errorf("an extension was agreed to: %s", ext)
		}
		if p := resp.Header.Get("Sec-WebSocket-Protocol"); p != "" {
			status += " " + p
		}
		return status, ""
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return status, string(text)
}

// A header that does not come to its end must not hold a connection for ever.
func TestHandshakeLimits(t *testing.T) {
	b := start(t, Options{})
	long := "GET /\nHost: 127.0.0.1\nX: " + strings.Repeat("a", 2*maxHeader) + "\n"
	if got, _ := b.raw(t, strings.Replace(long, "\n", " HTTP/1.1\n", 1)); got != "431" {
		t.Errorf("a header of %d bytes is answered %s, want 431", len(long), got)
	}
	if b.http.ReadHeaderTimeout <= 0 || b.http.ReadTimeout <= 0 || b.http.IdleTimeout <= 0 {
		t.Error("a client may take for ever")
	}
}
