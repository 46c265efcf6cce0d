package conformance_test

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"selvage/edge/agent"
	"selvage/edge/host"
	"selvage/edge/peer"
	"selvage/edge/route"
)

const (
	malformed  = 10_000
	vandals    = 4
	heapMargin = 1 << 20 // what pools and maps may keep; measured: less than 50 KB
)

// Whatever is sent to the host, only the connection that it came by ends, and nothing of it stays.
func TestMalformed(t *testing.T) {
	w := serveWith(t, peer.Options{}, fixedAgents)
	bystander, _ := w.client(t, "/", false)
	bystander.send(websocket.TextMessage, []byte(`@link(node:"/unit/bystander",lane:echo)`))
	bystander.wait(func() bool { return len(bystander.got) > 0 }) // it is linked
	bystander.take()
	driver, _ := w.client(t, "/", false)

	all := texts(t)
	told := 0
	storm := func(seed uint64, frames int) (ended int) {
		ticks := make(chan struct{}, frames)
		var mu sync.Mutex
		var wg sync.WaitGroup
		for i := range vandals {
			wg.Go(func() {
				v := vandal{t: t, w: w, mutator: mutator{rng: rand.New(rand.NewPCG(seed, uint64(i))), texts: all}}
				defer v.leave()
				for range frames / vandals {
					v.strike()
					ticks <- struct{}{}
				}
				mu.Lock()
				defer mu.Unlock()
				ended += v.ended
			})
		}
		go func() { wg.Wait(); close(ticks) }()
		for n := 0; ; n++ {
			if _, more := <-ticks; !more {
				break
			}
			if n%50 == 0 {
				driver.send(websocket.TextMessage, fmt.Appendf(nil, `@command(node:"/unit/bystander",lane:echo) %d`, told))
				told++
				bystander.wait(func() bool { return len(bystander.got) >= told })
			}
		}
		w.forget(t)
		return ended
	}

	quiet := measure()
	storm(1, malformed/20) // so that pools and caches are filled
	before := rest(usage{math.MaxUint64, quiet.goroutines, quiet.files})
	ended := storm(2, malformed)
	if ended < malformed/3 {
		t.Errorf("only %d of %d frames ended their connection", ended, malformed)
	}
	before.heap += heapMargin
	if after := rest(before); !after.within(before) {
		t.Errorf("the host is left with %v, want at most %v", after, before)
	} else {
		t.Logf("%d of %d frames ended their connection; left with %v", ended, malformed, after)
	}
	for i, got := range bystander.take() {
		if want := fmt.Sprintf(`@event(node:"/unit/bystander",lane:echo) %d`, i); got != want {
			t.Fatalf("the bystander was told %s, want %s", got, want)
		}
	}
}

// fixedAgents are few, and there will not be more, so that what a stray command leaves is bounded.
func fixedAgents(h *host.Host) error {
	var err error
	for _, node := range []route.NodeURI{"/unit/1", "/unit/bystander", "/unit/barrier"} {
		_, e := h.Add(node, host.Agents, agent.NewKind("unit", struct{}{}, unit), nil)
		err = errors.Join(err, e)
	}
	return err
}

// forget takes back what commands that were none too broken have set.
func (w *world) forget(t *testing.T) {
	for _, c := range [][2]string{{"value", ""}, {"preset", ""}, {"persist", ""}, {"text", ""}, {"map", "@clear"}, {"counts", "@clear"}, {"list", "@clear"}, {"echo", ""}, {"typedCommand", ""}, {"command", ""}} {
		if err := w.Do(t.Context(), "/unit/1", route.LaneName(c[0]), []byte(c[1])); err != nil {
			t.Error(err)
		}
	}
}

// usage is what a process has.
type usage struct {
	heap       uint64
	goroutines int
	files      int
}

func measure() usage {
	runtime.GC()
	runtime.GC() // what pools held goes with the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	files, _ := os.ReadDir("/proc/self/fd") // none where there is no such thing
	return usage{m.HeapAlloc, runtime.NumGoroutine(), len(files)}
}

func (u usage) within(most usage) bool {
	return u.heap <= most.heap && u.goroutines <= most.goroutines && u.files <= most.files
}

// rest measures until no more than that is used: connections may be on their way out.
func rest(most usage) (u usage) {
	for deadline := time.Now().Add(patience); ; <-time.After(time.Millisecond) {
		if u = measure(); u.within(most) || time.Now().After(deadline) {
			return u
		}
	}
}

func (u usage) String() string {
	return fmt.Sprintf("%d KB of heap, %d goroutines, %d open files", u.heap>>10, u.goroutines, u.files)
}

// vandal sends broken frames, over a new connection whenever one has ended.
type vandal struct {
	mutator
	t     *testing.T
	w     *world
	conn  *net.TCPConn
	in    *bufio.Reader
	ended int
}

func (v *vandal) strike() {
	if v.conn == nil {
		v.enter()
	}
	v.conn.SetDeadline(time.Now().Add(patience))
	if v.pick(10) > 0 {
		text := v.text()
		v.conn.Write(append(frame(websocket.TextMessage, true, text), frame(websocket.PingMessage, true, nil)...))
		if err := v.hear(websocket.PongMessage); err != nil {
			v.over(text, err)
		}
		return
	}
	b := v.broken()
	v.conn.Write(b)
	v.conn.CloseWrite()
	v.over(b, v.hear(noMessage))
}

const handshake = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

func (v *vandal) enter() {
	c, err := v.w.dial(v.t.Context())
	if err != nil {
		v.t.Error(err)
		runtime.Goexit()
	}
	v.conn, v.in = c.(*net.TCPConn), bufio.NewReader(c)
	v.conn.SetLinger(0) // or ports are used up by connections that linger
	io.WriteString(c, handshake)
	for line := 0; ; line++ {
		switch text, err := v.in.ReadString('\n'); {
		case err != nil || line == 0 && text != "HTTP/1.1 101 Switching Protocols\r\n":
			v.t.Errorf("the host takes no connection any more: it answered %q, %v", text, err)
			runtime.Goexit()
		case text == "\r\n":
			return
		}
	}
}

func (v *vandal) leave() {
	if v.conn != nil {
		v.conn.Close()
		v.conn = nil
	}
}

const noMessage = -1

// hear reads until a frame of that kind has come, or the connection is over.
func (v *vandal) hear(kind int) error {
	for {
		op, payload, err := readFrame(v.in)
		if err != nil || op == kind {
			return err
		}
		if op == websocket.CloseMessage && len(payload) > 0 {
			if code := binary.BigEndian.Uint16(payload); code < 1000 || code > 1011 { // RFC 6455, 7.4
				v.t.Errorf("closed with %d %s", code, payload[2:])
			}
		}
	}
}

// readFrame reads a frame of a server.
func readFrame(r io.Reader) (op int, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	length := make([]byte, 8)
	switch n := head[1]; n {
	case 126:
		_, err = io.ReadFull(r, length[6:])
	case 127:
		_, err = io.ReadFull(r, length)
	default:
		length[7] = n
	}
	if err != nil {
		return 0, nil, err
	}
	payload = make([]byte, binary.BigEndian.Uint64(length))
	_, err = io.ReadFull(r, payload)
	return int(head[0] & 0x0f), payload, err
}

// over notes that a connection has ended, and tells one that hangs from it.
func (v *vandal) over(sent []byte, err error) {
	if late := net.Error(nil); errors.As(err, &late) && late.Timeout() {
		v.t.Errorf("a connection hangs after %.200q: %v", sent, err)
	}
	v.ended++
	v.leave()
}
