package peer

import (
	"bytes"
	"compress/flate"
	"sync"

	"github.com/gorilla/websocket"
)

// deflateFrom is the size of a message from which compressing it pays.
const deflateFrom = 256

// deflater compresses one message at a time. Each starts afresh (no context takeover), since
// 600 KB of state for each connection would be too much for a small machine.
type deflater struct {
	w   *flate.Writer
	out bytes.Buffer
}

var deflaters = sync.Pool{New: func() any {
	d := &deflater{}
	d.w, _ = flate.NewWriter(&d.out, flate.BestSpeed) // fails for levels that there are not
	return d
}}

// appendText appends a message as one frame, compressed if both ends have agreed to that.
func (c *Conn) appendText(dst, text []byte) []byte {
	if !c.deflate || len(text) < deflateFrom {
		return appendFrame(dst, websocket.TextMessage, text, c.mask)
	}
	d := deflaters.Get().(*deflater)
	defer deflaters.Put(d)
	d.out.Reset()
	d.w.Reset(&d.out)
	d.w.Write(text) // into memory, which does not fail
	d.w.Flush()
	small := bytes.TrimSuffix(d.out.Bytes(), []byte{0, 0, 0xff, 0xff}) // RFC 7692, 7.2.1
	return appendFrame(dst, websocket.TextMessage|compressed, small, c.mask)
}
