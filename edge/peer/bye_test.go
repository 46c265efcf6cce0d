package peer

import (
	"bytes"
	"net"
	"testing"

	"github.com/gorilla/websocket"
)

// written is a socket that keeps what is written to it.
type written struct {
	net.Conn
	bytes.Buffer
}

func (w *written) Write(p []byte) (int, error) { return w.Buffer.Write(p) }
func (w *written) Read(p []byte) (int, error)  { return w.Conn.Read(p) }

// Who closes a connection while the other end does sends one close frame, not another as an answer.
func TestOneCloseFrame(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	w := &written{Conn: near}
	c := &Conn{net: w}
	c.bye(websocket.CloseGoingAway, "the host is stopping")
	c.bye(websocket.CloseNormalClosure, "")
	want := appendFrame(nil, websocket.CloseMessage, closeBody(websocket.CloseGoingAway, "the host is stopping"), false)
	if !bytes.Equal(w.Bytes(), want) {
		t.Errorf("wrote % x, want % x", w.Bytes(), want)
	}
}
