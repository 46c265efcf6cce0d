package peer

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// Address turns a WARP host's URI into the URL of its WebSocket: warp and swim become ws, warps
// and swims become wss. A host without a scheme is a warp host.
func Address(host string) (*url.URL, error) {
	if !strings.Contains(host, "://") {
		host = "warp://" + host
	}
	u, err := url.Parse(host)
	if err != nil {
		return nil, fmt.Errorf("host %s: %w", host, err)
	}
	switch u.Scheme {
	case "warp", "swim", "ws", "http":
		u.Scheme = "ws"
	case "warps", "swims", "wss", "https":
		u.Scheme = "wss"
	default:
		return nil, fmt.Errorf("host %s: want warp://host:port or warps://host:port", host)
	}
	if u.Host == "" {
		return nil, fmt.Errorf("host %s: the address is missing, as in warp://127.0.0.1:9001", host)
	}
	if u.Path == "" {
		u.Path = "/"
	}
	return u, nil
}

// Dial connects to a WARP host and starts the goroutine that reads from it; Close ends it.
func Dial(ctx context.Context, host string, o Options) (*Conn, error) {
	u, err := Address(host)
	if err != nil {
		return nil, err
	}
	unwatch := func() bool { return true }
	connect := func(dialing context.Context, network, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(dialing, network, address)
		if err != nil {
			return nil, err
		}
		unwatch = context.AfterFunc(ctx, func() { c.Close() }) // gorilla heeds ctx only until the connection stands
		if u.Scheme == "wss" {
			secure := tls.Client(c, &tls.Config{ServerName: u.Hostname(), NextProtos: []string{"http/1.1"}})
			if err := secure.HandshakeContext(dialing); err != nil {
				c.Close()
				return nil, err
			}
			c = secure
		}
		return &handshake{Conn: c}, nil
	}
	d := websocket.Dialer{
		HandshakeTimeout:  10 * time.Second,
		Subprotocols:      []string{Protocol},
		EnableCompression: o.Compress,
		NetDialContext:    connect,
		NetDialTLSContext: connect,
	}
	ws, resp, err := d.DialContext(ctx, u.String(), nil)
	if !unwatch() {
		err = ctx.Err()
	}
	if err != nil {
		if resp != nil {
			err = fmt.Errorf("it answered %s", resp.Status)
		}
		return nil, fmt.Errorf("connect to %s: %w", host, err)
	}
	over := ws.NetConn().(*handshake)
	o.Compress = o.Compress && strings.Contains(resp.Header.Get("Sec-Websocket-Extensions"), "permessage-deflate") // gorilla has looked at the rest
	c := newConn(over.Conn, over.ahead, u.Path, o)
	c.mask, c.in.masked = true, false
	go c.Serve()
	return c, nil
}

// handshake is a connection until it is a WebSocket. It gives gorilla the answer's header and nothing
// behind it, for what gorilla reads ahead it keeps to itself.
type handshake struct {
	net.Conn
	ahead []byte
	seen  int // of headerEnd
}

const headerEnd = "\r\n\r\n"

func (h *handshake) Read(p []byte) (int, error) {
	if len(h.ahead) == 0 {
		room := make([]byte, 4<<10)
		n, err := h.Conn.Read(room)
		if n == 0 {
			return 0, err
		}
		h.ahead = room[:n]
	}
	n := min(len(p), len(h.ahead))
	for i := 0; i < n && h.seen < len(headerEnd); i++ {
		switch c := h.ahead[i]; {
		case c == headerEnd[h.seen]:
			if h.seen++; h.seen == len(headerEnd) {
				n = i + 1
			}
		case c == headerEnd[0]:
			h.seen = 1
		default:
			h.seen = 0
		}
	}
	copy(p, h.ahead[:n])
	h.ahead = h.ahead[n:]
	return n, nil
}
