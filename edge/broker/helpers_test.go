package broker

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"selvage/edge/health"
	"selvage/edge/leaktest"
)

// patience bounds what a test waits for. It is spent only when something is wrong.
const patience = 30 * time.Second

// start serves a broker on a free port for one test.
func start(t *testing.T, change func(*Limits)) *Broker {
	t.Helper()
	leaktest.Check(t)
	o := options()
	if change != nil {
		change(&o.Limits)
	}
	return begin(t, o)
}

// begin serves a broker for one test.
func begin(t *testing.T, o Options) *Broker {
	t.Helper()
	b := New(o)
	if err := b.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, b) })
	if b.Addresses() == "" {
		t.Fatalf("no address: %v", b.Health.Active())
	}
	return b
}

// options are those of a test that serves on a free port.
func options() Options {
	return Options{Listen: "127.0.0.1:0", Health: health.NewBoard(), Log: slog.New(slog.DiscardHandler), Limits: DefaultLimits}
}

func stop(t *testing.T, b *Broker) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := b.Stop(ctx); err != nil {
		t.Error(err)
	}
	if p := b.Health.Count("broker.panic"); p != 0 {
		t.Errorf("%d panics", p)
	}
}

// mosquitto returns a command of the mosquitto-clients for b; stdin is its input.
func mosquitto(t *testing.T, b *Broker, name, stdin string, args ...string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%v; install the package mosquitto-clients", err)
		}
		t.Skipf("%v; install the package mosquitto-clients", err)
	}
	host, port, err := net.SplitHostPort(plain(b))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, path, append([]string{"-h", host, "-p", port}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	return cmd
}

// publish runs mosquitto_pub.
func publish(t *testing.T, b *Broker, stdin string, args ...string) {
	t.Helper()
	if out, err := mosquitto(t, b, "mosquitto_pub", stdin, args...).CombinedOutput(); err != nil {
		t.Fatalf("mosquitto_pub %s: %v\n%s", args, err, out)
	}
}

// collect runs mosquitto_sub to its end and returns the lines it prints.
func collect(t *testing.T, b *Broker, args ...string) []string {
	t.Helper()
	var stderr bytes.Buffer
	cmd := mosquitto(t, b, "mosquitto_sub", "", args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("mosquitto_sub %s: %v\n%s%s", args, err, out, &stderr)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
}

// A subscriber is a mosquitto_sub.
type subscriber struct {
	*exec.Cmd
	lines *bufio.Scanner
	early []string // before ready
}

// ready is a retained topic that every broker has, and # does not match: who receives it has subscribed.
const ready = "$SYS/broker/version"

// listen starts mosquitto_sub.
func listen(t *testing.T, b *Broker, args ...string) *subscriber {
	t.Helper()
	cmd := mosquitto(t, b, "mosquitto_sub", "", args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // fails when it has ended
		_ = cmd.Wait()         // was killed
	})
	return &subscriber{Cmd: cmd, lines: bufio.NewScanner(out)}
}

// subscribe starts mosquitto_sub and returns when it has subscribed.
func subscribe(t *testing.T, b *Broker, args ...string) *subscriber {
	t.Helper()
	s := listen(t, b, append([]string{"-F", "%t %q %r %p", "-t", ready}, args...)...)
	for s.lines.Scan() {
		if strings.HasPrefix(s.lines.Text(), ready) {
			return s
		}
		s.early = append(s.early, s.lines.Text())
	}
	t.Fatalf("mosquitto_sub %s did not subscribe", args)
	return nil
}

// want reads the next message and compares it: topic, QoS, retain flag and payload.
func (s *subscriber) want(t *testing.T, want string) {
	t.Helper()
	if len(s.early) > 0 {
		if got := s.early[0]; got != want {
			t.Errorf("received %q, want %q", got, want)
		}
		s.early = s.early[1:]
		return
	}
	for s.lines.Scan() {
		if got := s.lines.Text(); !strings.HasPrefix(got, ready) {
			if got != want {
				t.Errorf("received %q, want %q", got, want)
			}
			return
		}
	}
	t.Fatalf("mosquitto_sub ended before it received %q", want)
}

// A raw client sends what no library would.
type raw struct {
	net.Conn
	in *bufio.Reader
}

// plain is the address of a broker without TLS.
func plain(b *Broker) string {
	address, _, _ := strings.Cut(b.Addresses(), ", ")
	return address
}

func dial(t *testing.T, b *Broker) *raw {
	t.Helper()
	c, err := net.Dial("tcp", plain(b))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return &raw{c, bufio.NewReader(c)}
}

// packet returns a packet with its header and length.
func packet(header byte, parts ...[]byte) []byte {
	body := bytes.Join(parts, nil)
	out := []byte{header}
	for n := len(body); ; {
		digit := byte(n & 0x7f)
		if n >>= 7; n > 0 {
			out = append(out, digit|0x80)
			continue
		}
		return append(append(out, digit), body...)
	}
}

func text(s string) []byte { return append([]byte{byte(len(s) >> 8), byte(len(s))}, s...) }

const (
	cleanSession = 0x02
	connackPart  = 0x20
)

func connectPacket(id string, flags byte, more ...[]byte) []byte {
	head := [][]byte{text("MQTT"), {4, flags, 0, 60}, text(id)}
	return packet(0x10, append(head, more...)...)
}

func publishPacket(topic string, qos byte, id uint16, payload []byte) []byte {
	head := text(topic)
	if qos > 0 {
		head = append(head, byte(id>>8), byte(id))
	}
	return packet(0x30|qos<<1, head, payload)
}

func subscribePacket(id uint16, qos byte, filters ...string) []byte {
	body := []byte{byte(id >> 8), byte(id)}
	for _, f := range filters {
		body = append(append(body, text(f)...), qos)
	}
	return packet(0x82, body)
}

func (r *raw) send(t *testing.T, packets ...[]byte) {
	t.Helper()
	if _, err := r.Write(bytes.Join(packets, nil)); err != nil {
		t.Fatal(err)
	}
}

// next reads a packet.
func (r *raw) next() (header byte, body []byte, err error) {
	if header, err = r.in.ReadByte(); err != nil {
		return 0, nil, err
	}
	n := 0
	for shift := 0; ; shift += 7 {
		digit, err := r.in.ReadByte()
		if err != nil {
			return 0, nil, err
		}
		n |= int(digit&0x7f) << shift
		if digit < 0x80 {
			break
		}
	}
	body = make([]byte, n)
	_, err = io.ReadFull(r.in, body)
	return header, body, err
}

// want reads a packet with this header and returns its body.
func (r *raw) want(t *testing.T, header byte) []byte {
	t.Helper()
	got, body, err := r.next()
	if err != nil || got != header {
		t.Fatalf("read packet %#x %q, %v; want %#x", got, body, err, header)
	}
	return body
}

// wantEnd reads up to the end of the connection.
func (r *raw) wantEnd(t *testing.T, why string) {
	t.Helper()
	_, err := io.Copy(io.Discard, r.in)
	var late net.Error
	if errors.As(err, &late) && late.Timeout() {
		t.Errorf("%s: the connection was not closed", why)
	}
}

// join connects, and returns whether the broker had a session.
func (r *raw) join(t *testing.T, id string, flags byte, more ...[]byte) (resumed bool) {
	t.Helper()
	r.send(t, connectPacket(id, flags, more...))
	body := r.want(t, connackPart)
	if body[1] != 0 {
		t.Fatalf("CONNACK refuses %s with %d", id, body[1])
	}
	return body[0] == 1
}

// ping waits until everything sent before has been seen to.
func (r *raw) ping(t *testing.T) {
	t.Helper()
	r.send(t, []byte{0xc0, 0})
	r.want(t, 0xd0)
}

func numbered(n int) []string {
	var lines []string
	for i := range n {
		lines = append(lines, fmt.Sprint("line ", i))
	}
	return lines
}

// counts waits until the broker counts as it should: a program that has ended may not be known to
// have gone yet.
func counts(t *testing.T, b *Broker, when string, is func(Stats) bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(30 * time.Second); !is(b.Stats()); {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("%s: %+v", when, b.Stats())
		}
	}
}
