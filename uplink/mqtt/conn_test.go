package mqtt

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"selvage/edge/leaktest"
)

// freePort returns a port nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// certificate makes a certificate for 127.0.0.1 that signs itself, good until end.
func certificate(t *testing.T, end time.Time) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: end.Add(-24 * time.Hour), NotAfter: end,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "EC PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

func TestTLSAndWebSocket(t *testing.T) {
	leaktest.Check(t)
	cert, key := certificate(t, time.Now().Add(time.Hour))
	old, oldKey := certificate(t, time.Now().Add(-time.Hour))
	secure, expired, web := freePort(t), freePort(t), freePort(t)
	b := startBroker(t,
		"listener "+secure+" 127.0.0.1", "certfile "+cert, "keyfile "+key,
		"listener "+expired+" 127.0.0.1", "certfile "+old, "keyfile "+oldKey,
		"listener "+web+" 127.0.0.1", "protocol websockets")
	e := newEdge(t, t.TempDir())
	for name, url := range map[string]string{"tls": "mqtts://127.0.0.1:" + secure, "web": "ws://127.0.0.1:" + web + "/mqtt"} {
		c := shed(url)
		c.Map = map[string]Map{name + "/{name}": {Device: "/device/{name}", Channel: c.Map["shed/{name}"].Channel}}
		if name == "tls" {
			c.CA = cert
		}
		e.connected(e.open(name, c))
		b.pub(name+"/of-"+name, "1", "-q", "1")
		e.has("/device/of-"+name, "temperature", "value:1,")
		if name == "tls" { // over WebSocket, Mosquitto 2.0.11 holds back what is above 64 kB until more comes
			huge := strings.NewReader(strings.Repeat("x", 3<<20))
			b.client("mosquitto_pub", huge, "-p", b.port, "-t", name+"/of-"+name, "-s", "-q", "1")
			e.has("/device/of-"+name, "status", "state:faulty", "1048576 bytes")
		}
		b.pub(name+"/of-"+name, "2", "-q", "1")
		e.has("/device/of-"+name, "temperature", "value:2,")
	}
	for name, c := range map[string]struct {
		Config
		want string
	}{
		"unknown": {Config{URL: "mqtts://127.0.0.1:" + secure}, "unknown authority"},
		"expired": {Config{URL: "mqtts://127.0.0.1:" + expired, CA: old}, "expired"},
		"another": {Config{URL: "mqtts://localhost:" + secure, CA: cert}, "is for another"},
		"plain":   {Config{URL: "mqtts://" + greets(t)}, "does not speak TLS"},
		"ca":      {Config{URL: "mqtts://127.0.0.1:" + secure, CA: key}, "no certificate in PEM"},
		"inverse": {Config{URL: "mqtt://127.0.0.1:" + secure}, "closed the connection"},
		"no-name": {Config{URL: "mqtt://no-such-host.invalid"}, "no-such-host.invalid"},
	} {
		l := e.open(name, c.Config)
		until(t, "an error", func() bool { return l.Status().LastError != "" })
		if got := l.Status().LastError; !strings.Contains(got, c.want) {
			t.Errorf("%s: %s, want %q in it", name, got, c.want)
		}
	}
}

// serve has do speak on each connection, one after the other, until the test's end.
func serve(t *testing.T, do func(net.Conn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-ended })
	go func() {
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			do(c)
			c.Close()
		}
	}()
	return l.Addr().String()
}

// greets is a server of another kind, which speaks first.
func greets(t *testing.T) string {
	t.Helper()
	return serve(t, func(c net.Conn) {
		io.WriteString(c, "220 mail.example ESMTP\r\n")
		io.Copy(io.Discard, c)
	})
}

// answers is a broker that says what Mosquitto cannot be made to say.
func answers(t *testing.T, connack byte, suback byte) string {
	t.Helper()
	return "mqtt://" + serve(t, func(c net.Conn) {
		for {
			p, err := packets.ReadPacket(c)
			if err != nil {
				return
			}
			switch p := p.(type) {
			case *packets.ConnectPacket:
				a := packets.NewControlPacket(packets.Connack).(*packets.ConnackPacket)
				a.ReturnCode = connack
				a.Write(c)
			case *packets.SubscribePacket:
				a := packets.NewControlPacket(packets.Suback).(*packets.SubackPacket)
				a.MessageID, a.ReturnCodes = p.MessageID, []byte{suback}
				a.Write(c)
			}
		}
	})
}

func TestRefusals(t *testing.T) {
	leaktest.Check(t)
	e := newEdge(t, t.TempDir())
	for code, want := range map[byte]string{1: "MQTT 3.1.1", 2: "client id", 3: "not available", 4: "gives no user"} {
		l := e.open(fmt.Sprint("refused", code), shed(answers(t, code, 0)))
		until(t, "an error", func() bool { return l.Status().LastError != "" })
		if got := l.Status().LastError; !strings.Contains(got, want) {
			t.Errorf("code %d: %s, want %q in it", code, got, want)
		}
	}
	l := e.open("filter", shed(answers(t, 0, 0x80)))
	e.connected(l)
	if c := e.condition("uplink.filter.filters"); !strings.Contains(c.Text, "shed/+") {
		t.Error(c.Text)
	}
	e.stop() // before the listeners are
}

// A broker that takes the connection and says nothing does not keep the host from stopping.
func TestStopWhileConnecting(t *testing.T) {
	leaktest.Check(t)
	for _, scheme := range []string{"mqtt", "mqtts"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		e := newEdge(t, t.TempDir())
		e.open("broker", shed(scheme+"://"+l.Addr().String()))
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		e.stop()
		if took := time.Since(start); took > patience/2 {
			t.Errorf("%s: stopping took %v", scheme, took)
		}
		c.Close()
		l.Close()
	}
}

// pieces is a connection that hands out a few bytes at a time.
type pieces struct {
	net.Conn
	data []byte
	most int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.data) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), p.most)], p.data)
	p.data = p.data[n:]
	return n, nil
}

func TestFrames(t *testing.T) {
	var wire []byte
	packet := func(kind byte, length int) {
		wire = append(wire, kind)
		for l := length; ; {
			b := byte(l & 0x7f)
			if l >>= 7; l == 0 {
				wire = append(wire, b)
				break
			}
			wire = append(wire, b|0x80)
		}
		wire = append(wire, make([]byte, length)...)
	}
	sizes := []int{0, 2, 127, 128, maxPacket, maxPacket + 1, maxPacket + 2, 3 << 20, 5}
	for _, n := range sizes {
		packet(publishPacket<<4|2, n)
	}
	for _, most := range []int{1000, 1 << 20} {
		f := newFrames(&pieces{data: wire, most: most})
		for _, n := range sizes {
			head := make([]byte, 1)
			if _, err := io.ReadFull(f, head); err != nil || head[0] != publishPacket<<4|2 {
				t.Fatalf("%d bytes at a time: header %x, %v", most, head, err)
			}
			length := 0
			for shift := 0; ; shift += 7 {
				if _, err := io.ReadFull(f, head); err != nil {
					t.Fatal(err)
				}
				length |= int(head[0]&0x7f) << shift
				if head[0] < 0x80 {
					break
				}
			}
			if want := min(n, maxPacket+1); length != want {
				t.Fatalf("a packet of %d bytes became one of %d, want %d", n, length, want)
			}
			if _, err := io.CopyN(io.Discard, f, int64(length)); err != nil {
				t.Fatal(err)
			}
		}
		if n, err := f.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
			t.Errorf("at the end: %d, %v", n, err)
		}
	}
	for _, bad := range [][]byte{{0x30, 0xff, 0xff, 0xff, 0xff, 1}, {0x90, 0xff, 0xff, 0xff, 0x7f}} {
		if _, err := newFrames(&pieces{data: bad, most: 9}).Read(make([]byte, 9)); err == nil || !strings.Contains(err.Error(), "not MQTT") {
			t.Errorf("%x: %v", bad, err)
		}
	}
}

// written is a connection that notes each write.
type written struct {
	net.Conn
	sizes []int
}

func (w *written) Write(b []byte) (int, error) {
	w.sizes = append(w.sizes, len(b))
	return len(b), nil
}

// What is written between hold and release goes out in one piece, or in several large ones, and nothing stays behind.
func TestWrittenTogether(t *testing.T) {
	w := &written{}
	f := newFrames(w)
	write := func(count int) {
		for range count {
			if n, err := f.Write(make([]byte, 4)); n != 4 || err != nil {
				t.Fatal(n, err)
			}
		}
	}
	write(2)
	f.hold()
	write(100)
	f.release()
	f.release()
	write(1)
	f.hold()
	write(mostHeld/4 + 1)
	f.release()
	if want := []int{4, 4, 400, 4, mostHeld, 4}; !slices.Equal(w.sizes, want) {
		t.Errorf("pieces of %v, want %v", w.sizes, want)
	}
}

// answer is what a broker answers, some time.
type answer struct{ done chan struct{} }

func (a answer) Wait() bool                     { <-a.done; return true }
func (a answer) WaitTimeout(time.Duration) bool { return false }
func (a answer) Done() <-chan struct{}          { return a.done }
func (a answer) Error() error                   { return nil }

// An answer that stands behind many messages is waited for, one that does not come is not.
func TestAwait(t *testing.T) {
	for name, tt := range map[string]struct {
		messages time.Duration // for how long they come
		err      error
		after    time.Duration
	}{
		"silent":               {0, errSilent, patience},
		"silent after a while": {3*patience + time.Second, errSilent, 4 * patience},
		"late":                 {4 * patience, nil, 4*patience + time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &session{lost: make(chan error), ctx: t.Context()}
				begin, a := time.Now(), answer{make(chan struct{})}
				go func() {
					for time.Since(begin) < tt.messages {
						s.heard.Store(time.Now().UnixNano())
						time.Sleep(time.Second)
					}
				}()
				if tt.err == nil {
					time.AfterFunc(tt.after, func() { close(a.done) })
				}
				if err := s.await(a); err != tt.err || time.Since(begin) != tt.after {
					t.Errorf("%v after %v, want %v after %v", err, time.Since(begin), tt.err, tt.after)
				}
			})
		})
	}
}
