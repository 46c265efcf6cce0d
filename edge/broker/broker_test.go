package broker

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"testing"

	"selvage/edge/health"
	"selvage/edge/leaktest"
)

func TestQualitiesOfService(t *testing.T) {
	b := start(t, nil)
	for sub := range 3 {
		for pub := range 3 {
			s := subscribe(t, b, "-t", "room/#", "-q", fmt.Sprint(sub))
			publish(t, b, "", "-t", "room/air", "-m", "21.5 °C", "-q", fmt.Sprint(pub))
			s.want(t, fmt.Sprintf("room/air %d 0 21.5 °C", min(sub, pub)))
			_ = s.Process.Kill()
		}
	}
	counts(t, b, "after 9 messages", func(s Stats) bool { return s.MessagesIn == 9 && s.MessagesOut >= 18 && s.Dropped == 0 })
}

func TestManyMessagesInOrder(t *testing.T) {
	b := start(t, nil)
	const n = 1000 // fewer than a queue holds
	for _, qos := range []string{"0", "1", "2"} {
		s := subscribe(t, b, "-t", "many", "-q", qos)
		publish(t, b, strings.Join(numbered(n), "\n"), "-t", "many", "-q", qos, "-l")
		for i := range n {
			s.want(t, fmt.Sprintf("many %s 0 line %d", qos, i))
		}
		_ = s.Process.Kill()
	}
}

func TestRetained(t *testing.T) {
	b := start(t, nil)
	publish(t, b, "", "-t", "state", "-m", "old", "-r")
	publish(t, b, "", "-t", "state", "-m", "on", "-r")
	publish(t, b, "", "-t", "event", "-m", "gone")
	counts(t, b, "one is retained", func(s Stats) bool { return s.Retained == 1 })
	s := subscribe(t, b, "-t", "#")
	s.want(t, "state 0 1 on")
	publish(t, b, "", "-t", "state", "-n", "-r")
	s.want(t, "state 0 0 ")
	counts(t, b, "after an empty one", func(s Stats) bool { return s.Retained == 0 })
}

// As many as are retained reach a new subscriber, all at once.
func TestAllRetained(t *testing.T) {
	b := start(t, nil)
	n := b.Limits.Retained
	c := dial(t, b)
	c.join(t, "filler", cleanSession)
	for i := range n {
		c.send(t, packet(0x31, text(fmt.Sprint("state/", i)), []byte(strings.Repeat("x", 1000))))
	}
	c.ping(t)
	for _, qos := range []string{"0", "1"} {
		got := collect(t, b, "-t", "state/#", "-q", qos, "-C", fmt.Sprint(n), "-F", "%t")
		slices.Sort(got)
		if got = slices.Compact(got); len(got) != n {
			t.Errorf("QoS %s: %d of %d retained messages arrived", qos, len(got), n)
		}
	}
}

func TestWill(t *testing.T) {
	b := start(t, nil)
	watcher := subscribe(t, b, "-t", "status/#", "-q", "1")
	thing := subscribe(t, b, "-t", "nothing", "-i", "thing",
		"--will-topic", "status/thing", "--will-payload", "offline", "--will-retain", "--will-qos", "1")
	_ = thing.Process.Kill()
	watcher.want(t, "status/thing 1 0 offline")
	if got := collect(t, b, "-t", "status/thing", "-C", "1", "-F", "%r %p"); got[0] != "1 offline" {
		t.Errorf("a later subscriber receives %q, want the retained will", got)
	}
}

// What bridges do: a session with QoS 1 that gets everything published while its client was away, in order. A client
// that leaves while something is on its way to it resets the connection [RFC 1122, 4.2.2.13], by which acknowledgements
// may be lost: then it gets those messages again, before what is new.
func TestSessionResumed(t *testing.T) {
	b := start(t, nil)
	const n = 1000
	b.hook.order.Store(1<<16 - n/2) // mochi sorts by the low 16 bits
	for round := range 3 {
		collect(t, b, "-i", "bridge", "-c", "-q", "1", "-t", "plant/#", "-E")
		var lines []string
		for i := range n {
			lines = append(lines, fmt.Sprintf("round %d line %d", round, i))
		}
		publish(t, b, strings.Join(lines, "\n"), "-t", "plant/1", "-q", "1", "-l")
		counts(t, b, "while the bridge is away", func(s Stats) bool { return s.Clients == 0 && s.Sessions == 1 })
		s := listen(t, b, "-i", "bridge", "-c", "-q", "1", "-t", "plant/#")
		again := 0
		for want := lines; len(want) > 0 && s.lines.Scan(); {
			switch got := s.lines.Text(); {
			case got == want[0]:
				want = want[1:]
			case strings.HasPrefix(got, fmt.Sprintf("round %d ", round-1)) && len(want) == n:
				again++
			default:
				t.Fatalf("round %d: %q arrives, want %q", round, got, want[0])
			}
		}
		if again > 0 {
			t.Logf("round %d: %d messages came again", round, again)
		}
		_ = s.Process.Signal(os.Interrupt) // it says DISCONNECT
		_ = s.Wait()                       // and tells of the signal
	}
}

func TestSessionTakenOver(t *testing.T) {
	b := start(t, nil)
	// Unguarded, about one take-over in a thousand ends with the new session gone.
	for flags, rounds := range map[byte]int{0: 100, cleanSession: 3000} {
		var last *raw
		for range rounds {
			c := dial(t, b)
			c.join(t, "one", flags)
			c.send(t, subscribePacket(1, 1, "x"))
			c.want(t, 0x90)
			if last != nil {
				last.wantEnd(t, "the connection before")
				last.Close()
			}
			c.send(t, publishPacket("x", 0, 0, []byte("here")))
			c.want(t, 0x30)
			last = c
		}
	}
	counts(t, b, "one session is left", func(s Stats) bool { return s.Sessions == 1 })
}

func TestPortTaken(t *testing.T) {
	leaktest.Check(t)
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	board := health.NewBoard()
	changed := make(chan struct{}, 1)
	defer board.Watch(func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	})()
	address := other.Addr().String()
	b := New(Options{Listen: address, Health: board, Log: slog.New(slog.DiscardHandler)})
	if err := b.Start(); err != nil {
		t.Fatal(err)
	}
	<-changed
	active := board.Active()
	if len(active) != 1 || active[0].Code != listenCode || active[0].Severity != health.Failure ||
		active[0].Text != "the MQTT broker cannot listen on "+address+": address already in use; it keeps trying" ||
		!strings.Contains(active[0].Remedy, "ss -ltnp 'sport = :"+portOf(other.Addr())+"'") ||
		!strings.Contains(active[0].Remedy, "[uplink.NAME]") {
		t.Errorf("while the port is taken: %+v", active)
	}
	if b.Addresses() != "" || b.Stats() != (Stats{}) {
		t.Errorf("while the port is taken: address %q, %+v", b.Addresses(), b.Stats())
	}
	other.Close()
	for len(board.Active()) > 0 {
		<-changed
	}
	publish(t, b, "", "-t", "x", "-m", "y")
	stop(t, b)
	stop(t, b)
	if c, err := net.Dial("tcp", address); err == nil {
		c.Close()
		t.Error("a stopped broker accepts connections")
	}
}

func TestStopWhilePortTaken(t *testing.T) {
	leaktest.Check(t)
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	b := New(Options{Listen: other.Addr().String(), Health: health.NewBoard(), Log: slog.New(slog.DiscardHandler)})
	if err := b.Start(); err != nil {
		t.Fatal(err)
	}
	stop(t, b)
	if active := b.Health.Active(); len(active) != 0 {
		t.Errorf("after Stop: %v", active)
	}
}

func TestNoSuchAddress(t *testing.T) {
	leaktest.Check(t)
	for address, want := range map[string]string{
		"192.0.2.1:1883": "cannot assign requested address", // TEST-NET-1, RFC 5737
		"nonsense":       "missing port",
	} {
		e := entrance{address: address, table: "[broker]", code: listenCode}
		_, err := e.open()
		c := e.closed(err)
		if !strings.Contains(c.Text, want) || !strings.Contains(c.Remedy, "[broker]") {
			t.Errorf("%s: %+v", address, c)
		}
	}
}

func TestStopWithClients(t *testing.T) {
	b := start(t, nil)
	var all []*raw
	for i := range 20 {
		c := dial(t, b)
		c.join(t, fmt.Sprint("client ", i), byte(i%2)*cleanSession)
		c.send(t, subscribePacket(1, 1, "x"))
		c.want(t, 0x90)
		all = append(all, c)
	}
	all = append(all, dial(t, b)) // never says CONNECT
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := b.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	for i, c := range all {
		c.wantEnd(t, fmt.Sprint("client ", i))
	}
}
