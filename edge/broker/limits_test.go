package broker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"selvage/edge/health"
	"selvage/edge/leaktest"
)

func small(l *Limits) {
	*l = Limits{
		Clients: 4, Sessions: 6, Packet: 4096, Will: 32, Topic: 32, Levels: 4, Subscriptions: 10,
		Retained: 5, RetainedBytes: 16 << 10, Queued: 20, QueuedBytes: 64 << 10, Held: 10, HeldBytes: 64 << 10,
		Behind: 1 << 20, BehindAll: 8 << 20, Reading: 1 << 20, Writing: 1 << 20, Stall: time.Minute, Away: time.Hour,
	}
}

// What one client may not send ends its own connection, at most.
func TestRefusals(t *testing.T) {
	b := start(t, small)
	other := dial(t, b)
	other.join(t, "other", cleanSession)
	other.send(t, subscribePacket(1, 0, "ok"))
	other.want(t, 0x90)

	const willed = cleanSession | 0x04
	tests := []struct {
		name string
		send []byte // in place of a CONNECT, or after one
		raw  bool
	}{
		{name: "large packet", send: publishPacket("x", 0, 0, make([]byte, 4096))},
		{name: "long topic", send: publishPacket(strings.Repeat("x", 33), 1, 1, nil)},
		{name: "deep topic", send: publishPacket("a/b/c/d/e", 1, 1, nil)},
		{name: "wildcard in topic", send: publishPacket("a/#", 1, 1, nil)},
		{name: "no packet identifier", send: publishPacket("a", 1, 0, nil)},
		{name: "QoS 3", send: publishPacket("a", 3, 1, nil)},
		{name: "topic that is no UTF-8", send: publishPacket("\xff\xfe", 0, 0, nil)},
		{name: "second CONNECT", send: connectPacket("again", cleanSession)},
		{name: "empty SUBSCRIBE", send: packet(0x82)},
		{name: "SUBSCRIBE cut off", send: packet(0x82, []byte{0, 1, 0, 9, 'x'})},
		{name: "packet of a server", send: packet(0x20, []byte{0, 0})},
		{name: "reserved type", send: packet(0xf0)},
		{name: "length that does not end", send: []byte{0x30, 0xff, 0xff, 0xff, 0xff, 0xff}},
		{name: "long client identifier", raw: true, send: connectPacket(strings.Repeat("x", 33), cleanSession)},
		{name: "MQTT 5", raw: true, send: packet(0x10, text("MQTT"), []byte{5, cleanSession, 0, 60, 0}, text("five"))},
		{name: "protocol from elsewhere", raw: true, send: packet(0x10, text("MQTX"), []byte{4, cleanSession, 0, 60}, text("x"))},
		{name: "will with wildcard", raw: true, send: connectPacket("w", willed, text("a/+"), text("x"))},
		{name: "large will", raw: true, send: connectPacket("w", willed, text("a"), text(strings.Repeat("x", 33)))},
		{name: "will on $SYS", raw: true, send: connectPacket("w", willed, text("$SYS/x"), text("x"))},
		{name: "deep will", raw: true, send: connectPacket("w", willed, text("a/b/c/d/e"), text("x"))},
		{name: "no CONNECT", raw: true, send: publishPacket("a", 0, 0, nil)},
		{name: "HTTP", raw: true, send: []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")},
		{name: "TLS", raw: true, send: []byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")},
	}
	for _, tt := range tests {
		c := dial(t, b)
		if !tt.raw {
			c.join(t, "tester", cleanSession)
		}
		c.send(t, tt.send)
		c.wantEnd(t, tt.name)
		publisher := dial(t, b)
		publisher.join(t, "publisher", cleanSession)
		publisher.send(t, publishPacket("ok", 0, 0, []byte(tt.name)))
		if got := other.want(t, 0x30); !bytes.HasSuffix(got, []byte(tt.name)) {
			t.Errorf("after %s others receive %q", tt.name, got)
		}
		publisher.Close()
	}
}

func TestSubscriptionLimit(t *testing.T) {
	b := start(t, small)
	c := dial(t, b)
	c.join(t, "c", cleanSession)
	tests := []struct {
		filters []string
		want    []byte // 0x80 is a refusal
	}{
		{filters: []string{"a/#", "+/b", "#", "$share/g/x"}, want: []byte{1, 1, 1, 1}},
		{filters: []string{"a#", "a/+b", "#/a", "", "a/b/c/d/e", strings.Repeat("x", 33)}, want: []byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x80}},
		{filters: []string{"1", "2", "3", "4", "5", "6", "7"}, want: []byte{1, 1, 1, 1, 1, 1, 0x80}},
		{filters: []string{"a/#", "8"}, want: []byte{1, 0x80}}, // one that is there is no new one
	}
	for _, tt := range tests {
		c.send(t, subscribePacket(7, 1, tt.filters...))
		if got := c.want(t, 0x90); !bytes.Equal(got[2:], tt.want) {
			t.Errorf("SUBSCRIBE %q = %x, want %x", tt.filters, got[2:], tt.want)
		}
	}
	c.Close()
	// The subscriptions go with the session, so soon there is room again.
	for i := 0; ; i++ {
		c := dial(t, b)
		c.join(t, fmt.Sprint(i), cleanSession)
		c.send(t, subscribePacket(1, 0, "new"))
		got := c.want(t, 0x90)
		c.send(t, []byte{0xe0, 0})
		c.wantEnd(t, "DISCONNECT")
		if got[2] == 0 {
			break
		}
	}
}

func TestClientLimit(t *testing.T) {
	b := start(t, small)
	var all []*raw
	for i := range b.Limits.Clients {
		c := dial(t, b)
		c.join(t, fmt.Sprint(i), cleanSession)
		all = append(all, c)
	}
	c := dial(t, b)
	c.send(t, connectPacket("more", cleanSession))
	if got := c.want(t, connackPart); got[1] != 3 { // server unavailable [MQTT 3.1.1, 3.2.2.3]
		t.Errorf("one client too many is told %d, want 3", got[1])
	}
	c.wantEnd(t, "one client too many")
	if active := b.Health.Active(); len(active) != 1 || active[0].Code != "broker.clients" {
		t.Errorf("conditions %+v, want broker.clients", active)
	}
	for _, c := range all {
		c.Close()
	}
	for { // until the broker has noticed
		c := dial(t, b)
		c.send(t, connectPacket("more", cleanSession))
		if _, body, err := c.next(); err == nil && body[1] == 0 {
			break
		}
		c.Close()
	}
}

// The session that is away longest makes room for a new one, with its subscriptions.
func TestSessionLimit(t *testing.T) {
	b := start(t, small)
	for i := range 3 * b.Limits.Sessions {
		c := dial(t, b)
		c.join(t, fmt.Sprint("away ", i), 0)
		c.send(t, subscribePacket(1, 1, "x"))
		if got := c.want(t, 0x90); got[2] != 1 {
			t.Fatalf("session %d: SUBSCRIBE refused", i)
		}
		c.send(t, []byte{0xe0, 0})
		c.wantEnd(t, "DISCONNECT")
	}
	if got := b.Stats().Sessions; got > int64(b.Limits.Sessions) {
		t.Errorf("%d sessions, want at most %d", got, b.Limits.Sessions)
	}
}

func TestRetainedLimits(t *testing.T) {
	b := start(t, small)
	c := dial(t, b)
	c.join(t, "c", cleanSession)
	retain := func(topic string, size int) {
		c.send(t, packet(0x31, text(topic), make([]byte, size)))
		c.ping(t)
	}
	check := func(when string, count int64, codes ...string) {
		t.Helper()
		var got []string
		for _, c := range b.Health.Active() {
			got = append(got, c.Code)
		}
		if n := b.Stats().Retained; n != count || fmt.Sprint(got) != fmt.Sprint(codes) {
			t.Errorf("%s: %d retained, conditions %v; want %d, %v", when, n, got, count, codes)
		}
	}
	for i := range 5 {
		retain(fmt.Sprint(i), 1)
	}
	check("as many as may be", 5)
	retain("more", 1)
	check("one more", 5, retainedCode)
	retain("0", 2)
	check("one replaced", 5, retainedCode)
	retain("0", 0)
	check("one removed", 4)
	for i := range 5 {
		retain(fmt.Sprint(i), 3500)
	}
	check("too many bytes, the last of which replaced a small one", 3, retainedCode)
	for i := range 5 {
		retain(fmt.Sprint(i), 0)
	}
	check("all removed", 0)
}

// The messages of a session that is away are bounded, in number and in bytes.
func TestQueueLimits(t *testing.T) {
	tests := []struct {
		name      string
		size, max int
	}{
		{name: "number", size: 1, max: 20},
		{name: "bytes", size: 3000, max: 17}, // 64 KiB, as the other session holds nothing, in messages of 4 KB
	}
	for _, tt := range tests {
		b := start(t, small)
		c := dial(t, b)
		c.join(t, "away", 0)
		c.send(t, subscribePacket(1, 1, "x"))
		c.want(t, 0x90)
		c.send(t, []byte{0xe0, 0})
		c.wantEnd(t, "DISCONNECT")

		p := dial(t, b)
		p.join(t, "publisher", cleanSession)
		const n = 40
		for i := range n {
			p.send(t, publishPacket("x", 1, uint16(i+1), append([]byte{byte(i)}, make([]byte, tt.size)...)))
			p.want(t, 0x40)
		}
		p.send(t, []byte{0xc0, 0}) // mochi acknowledges before it hands on; the next packet waits for both
		p.want(t, 0xd0)
		c = dial(t, b)
		if !c.join(t, "away", 0) {
			t.Fatal("the session is gone")
		}
		c.send(t, subscribePacket(1, 1, "y"), []byte{0xc0, 0})
		got := 0
		for {
			header, body, err := c.next()
			if err != nil {
				t.Fatal(err)
			}
			if header == 0xd0 {
				break
			}
			if header == 0x90 {
				if body[2] != 1 {
					t.Errorf("%s: a resumed session cannot subscribe", tt.name)
				}
				continue
			}
			if body[5] != byte(got) {
				t.Errorf("%s: message %d is number %d", tt.name, got, body[5])
			}
			got++
		}
		if got == 0 || got > tt.max {
			t.Errorf("%s: %d messages were kept, want some, and at most %d", tt.name, got, tt.max)
		}
		if d := b.Stats().Dropped; d != int64(n-got) {
			t.Errorf("%s: %d dropped, want %d", tt.name, d, n-got)
		}
	}
}

// A client that does not read neither holds up its publisher nor another reader, whatever the QoS,
// and is disconnected; its session gets what it missed.
func TestSlowReader(t *testing.T) {
	b := start(t, func(l *Limits) { l.QueuedBytes, l.Stall = 64<<20, time.Minute })
	slow := dial(t, b)
	slow.join(t, "slow", 0)
	slow.send(t, subscribePacket(1, 1, "x"))
	slow.want(t, 0x90)
	quick := dial(t, b)
	quick.join(t, "quick", cleanSession)
	quick.send(t, subscribePacket(1, 0, "x"))
	quick.want(t, 0x90)
	p := dial(t, b)
	p.join(t, "publisher", cleanSession)

	payload := make([]byte, 64<<10)
	n := 0
	for ; b.Health.Count("broker.behind") == 0; n++ {
		p.send(t, publishPacket("x", 1, uint16(n%60000+1), payload))
		p.want(t, 0x40)
		quick.want(t, 0x30)
	}
	slow.wantEnd(t, "a client that does not read")
	t.Logf("disconnected after %d MB, most of it in the socket's buffers", n*len(payload)>>20)
	again := dial(t, b)
	if !again.join(t, "slow", 0) {
		t.Error("the session of the slow client is gone")
	}
	again.want(t, 0x3a) // again, with QoS 1
}

// One that reads nothing at all is disconnected after a time, even if little is published.
func TestStall(t *testing.T) {
	b := start(t, func(l *Limits) { l.Stall = time.Second })
	slow := dial(t, b)
	slow.join(t, "slow", cleanSession)
	slow.send(t, subscribePacket(1, 0, "x"))
	slow.want(t, 0x90)
	p := dial(t, b)
	p.join(t, "publisher", cleanSession)
	for b.Stats().Clients == 2 {
		p.send(t, publishPacket("x", 0, 0, make([]byte, 32<<10)))
		p.ping(t)
	}
	slow.wantEnd(t, "a client that does not read")
}

// A client's packet identifiers and the broker's are two sets.
func TestPacketIdentifiers(t *testing.T) {
	b := start(t, nil)
	c := dial(t, b)
	c.join(t, "c", 0)
	c.send(t, subscribePacket(1, 2, "in"))
	c.want(t, 0x90)
	p := dial(t, b)
	p.join(t, "publisher", cleanSession)
	for i := range uint16(3) { // on their way to c under 1, 2, 3, none acknowledged
		p.send(t, publishPacket("in", 1, i+1, nil))
		p.want(t, 0x40)
		c.want(t, 0x32)
	}
	wantID := func(header byte, id byte) []byte {
		t.Helper()
		body := c.want(t, header)
		if body[0] != 0 || body[1] != id {
			t.Errorf("answer %#x is for %x, want %d", header, body[:2], id)
		}
		return body
	}
	c.send(t, subscribePacket(1, 1, "more"))
	if got := wantID(0x90, 1); got[2] != 1 {
		t.Errorf("SUBSCRIBE under an identifier that the broker uses = %x", got[2])
	}
	c.send(t, publishPacket("out", 1, 2, nil))
	wantID(0x40, 2)
	c.send(t, publishPacket("out", 2, 3, nil))
	wantID(0x50, 3)
	c.send(t, packet(0x62, []byte{0, 3}))
	wantID(0x70, 3)
	c.send(t, packet(0xa2, []byte{0, 1}, text("more")))
	wantID(0xb0, 1)

	c.send(t, []byte{0xe0, 0})
	c.wantEnd(t, "DISCONNECT")
	c = dial(t, b)
	c.join(t, "c", 0)
	for range 3 { // all three are still there
		c.want(t, 0x3a)
	}
}

// Arbitrary bytes, before and after a CONNECT, harm nobody else.
func TestHostileBytes(t *testing.T) {
	b := start(t, nil)
	other := dial(t, b)
	other.join(t, "other", cleanSession)
	other.send(t, subscribePacket(1, 1, "#"))
	other.want(t, 0x90)
	r := rand.New(rand.NewPCG(1, 2))
	templates := [][]byte{
		connectPacket("h", 0, nil), connectPacket("h", 0xee, text("will"), text("x"), text("user"), text("password")),
		packet(0x10, text("MQTT"), []byte{5, 2, 0, 60, 3, 0x21, 0, 9}, text("v5")),
		publishPacket("a/b", 2, 5, []byte("x")), publishPacket("a/b", 1, 5, []byte("x")),
		subscribePacket(5, 1, "a/+", "#", "$share/x/y"), packet(0xa2, []byte{0, 5}, text("a/+")),
		packet(0x62, []byte{0, 5}), packet(0x40, []byte{0, 1}), packet(0x50, []byte{0, 1}), packet(0x70, []byte{0, 1}),
		{0xc0, 0}, {0xe0, 0}, packet(0xf0, []byte{0, 0}),
	}
	for i := range 400 {
		c := dial(t, b)
		if i%2 == 0 {
			c.join(t, "joined", byte(i/2%2)*cleanSession) // nobody else takes it over
		}
		for range 1 + r.IntN(8) {
			p := bytes.Clone(templates[r.IntN(len(templates))])
			for range r.IntN(4) {
				p[r.IntN(len(p))] = byte(r.Uint32())
			}
			if _, err := c.Write(p); err != nil {
				break // has been disconnected
			}
		}
		c.Close()
	}
	p := dial(t, b)
	p.join(t, "publisher", cleanSession)
	p.send(t, publishPacket("after/all", 0, 0, []byte("well")))
	for {
		header, body, err := other.next()
		if err != nil {
			t.Fatal(err)
		}
		if header == 0x30 && bytes.Contains(body, []byte("after/all")) {
			break
		}
	}
}

func TestPanicEndsOneConnection(t *testing.T) {
	leaktest.Check(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Health: health.NewBoard(), Log: slog.New(slog.DiscardHandler), Limits: DefaultLimits}
	d := newDoor(o, nil, newHolds(DefaultLimits, nil))
	d.open(ln)
	go d.Serve(func(string, net.Conn) error { panic("over one client") })
	for range 2 {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		(&raw{Conn: c}).Close()
	}
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("a connection outlives its panic")
	}
	c.Close()
	d.Close(nil)
	if n := o.Health.Count("broker.panic"); n != 3 {
		t.Errorf("%d panics were counted, want 3", n)
	}
}

// mochi logs packets whole; a password must not get into a log that way.
func TestLogHasNoSecrets(t *testing.T) {
	var out bytes.Buffer
	level := new(slog.LevelVar)
	log := slog.New(quiet{slog.NewTextHandler(&out, &slog.HandlerOptions{Level: level})})
	pk := packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Connect}, Payload: []byte("secret")}
	pk.Connect.Password = []byte("secret")
	log.Error("refused", "packet", pk)
	if out.Len() > 0 {
		t.Errorf("at level info: %s", &out)
	}
	level.Set(slog.LevelDebug)
	log.With("pk", &pk).Error("refused", "packet", pk, "err", errors.New("why"), "will", struct{ Payload []byte }{[]byte("secret")})
	got := out.String()
	if strings.Contains(got, "secret") || !strings.Contains(got, "level=DEBUG") || !strings.Contains(got, "packet=Connect") || !strings.Contains(got, "err=why") {
		t.Errorf("logged: %s", got)
	}
	if (quiet{slog.DiscardHandler}).Enabled(context.Background(), slog.LevelError) {
		t.Error("enabled for a handler that is not at debug level")
	}
}
