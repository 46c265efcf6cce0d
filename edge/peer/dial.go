package peer

import (
	"context"
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
	// gorilla heeds ctx only until TCP stands.
	unwatch := func() bool { return true }
	d := websocket.Dialer{
		HandshakeTimeout:  10 * time.Second,
		Subprotocols:      []string{Protocol},
		EnableCompression: o.Compress,
		NetDialContext: func(dialing context.Context, network, address string) (net.Conn, error) {
			c, err := new(net.Dialer).DialContext(dialing, network, address)
			if err == nil {
				unwatch = context.AfterFunc(ctx, func() { c.Close() })
			}
			return c, err
		},
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
	c := newConn(ws, u.Path, o)
	c.mask, c.deflate = true, o.Compress && hasDeflate(resp.Header)
	go c.Serve()
	return c, nil
}
