package peer

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// Options say how a connection is served. All of it may be left out.
type Options struct {
	Server   Server // nil when this end has no lanes
	Policy   Policy // nil when the other end may do everything
	Limits   Limits // DefaultLimits when zero
	Stranger int64  // bytes in one message of an end without identity, which then is also refused but so many links; 0 for Limits.Message
	Compress bool   // permessage-deflate (RFC 7692) if the other end offers it

	// Deauthed, unless it is nil, is told that the other end has given its identity up.
	Deauthed func()

	// Dropped, unless it is nil, is told how many more events a link has missed because it lagged too
	// far: at most once a second for each link, and when the link ends. It must not block.
	Dropped func(l *Link, n uint64)
}

const handshakeTime = 5 * time.Second

// Upgrade makes a WARP connection of a request, whatever its path: node URIs that come over it are
// resolved against that. header is added to the answer. When it fails, a websocket.HandshakeError
// says that the request has been answered by HTTP and its connection is still there; any other
// error has closed it. Serve must be called next.
func Upgrade(w http.ResponseWriter, r *http.Request, header http.Header, o Options) (*Conn, error) {
	if v := r.Header.Values("Sec-Websocket-Version"); len(v) != 1 || v[0] != "13" {
		w.Header().Set("Sec-Websocket-Version", "13")
		http.Error(w, "the WebSocket version spoken here is 13", http.StatusUpgradeRequired)
		return nil, websocket.HandshakeError{}
	}
	o.Compress = o.Compress && hasDeflate(r.Header)
	u := websocket.Upgrader{
		HandshakeTimeout: handshakeTime,
		Subprotocols:     []string{Protocol},
		CheckOrigin:      func(*http.Request) bool { return true }, // that is the caller's business
		Error: func(w http.ResponseWriter, _ *http.Request, status int, reason error) {
			http.Error(w, reason.Error(), status)
		},
		WriteBufferPool:   &writeBuffers,
		EnableCompression: o.Compress,
	}
	ws, err := u.Upgrade(w, r, header)
	if err != nil {
		return nil, err
	}
	return newConn(ws.NetConn(), nil, r.URL.EscapedPath(), o), nil // nothing can have been read ahead, or gorilla refuses
}

// writeBuffers has nothing in it for long: this package writes for itself, and gorilla would give
// each connection a buffer.
var writeBuffers sync.Pool

// hasDeflate reports whether a handshake has permessage-deflate in a form that both gorilla and this
// package keep to: no context taken over, windows of the full 15 bits (RFC 7692, 7.1).
func hasDeflate(h http.Header) bool {
	for _, line := range h.Values("Sec-Websocket-Extensions") {
		for ext := range strings.SplitSeq(line, ",") {
			name, params, _ := strings.Cut(ext, ";")
			if strings.TrimSpace(name) == "permessage-deflate" {
				return fits(params) // gorilla takes the first
			}
		}
	}
	return false
}

func fits(params string) bool {
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(param, "=")
		switch strings.TrimSpace(name) {
		case "", "server_no_context_takeover", "client_no_context_takeover", "client_max_window_bits":
		case "server_max_window_bits":
			if strings.Trim(value, ` "`) != "15" {
				return false
			}
		default:
			return false
		}
	}
	return true
}
