package broker

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority signs certificates of a test, in files of a folder.
type authority struct {
	folder string
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
	number int64
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{folder: t.TempDir()}
	a.sign(t, "ca", time.Now().Add(time.Hour))
	return a
}

func (a *authority) path(name string) string { return filepath.Join(a.folder, name) }

// sign writes name.crt and name.key. The first one is the authority's own.
func (a *authority) sign(t *testing.T, name string, end time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a.number++
	c := &x509.Certificate{
		SerialNumber: big.NewInt(a.number), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: end,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	by, with := a.cert, a.key
	if by == nil {
		c.IsCA, c.BasicConstraintsValid = true, true
		by, with, a.cert, a.key = c, key, c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, by, &key.PublicKey, with)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	a.write(t, name+".crt", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	a.write(t, name+".key", pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret}))
}

func (a *authority) write(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(a.path(name), content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// startTLS serves a broker for users with TLS alone.
func startTLS(t *testing.T, a *authority, change func(*Options)) *Broker {
	t.Helper()
	if _, err := os.Stat(a.path("broker.crt")); err != nil {
		a.sign(t, "broker", time.Now().Add(90*24*time.Hour))
	}
	return startFor(t, func(o *Options) {
		o.Listen, o.TLS = "", TLS{Listen: "127.0.0.1:0", Cert: a.path("broker.crt"), Key: a.path("broker.key")}
		if change != nil {
			change(o)
		}
	})
}

// said runs mosquitto_pub and returns what it prints and whether it ends well.
func said(t *testing.T, b *Broker, args ...string) (out string, ok bool) {
	t.Helper()
	text, err := mosquitto(t, b, "mosquitto_pub", "", args...).CombinedOutput()
	return string(text), err == nil
}

// What people see who use mosquitto_pub with TLS.
func TestTLS(t *testing.T) {
	a := newAuthority(t)
	b := startTLS(t, a, nil)
	ca := []string{"--cafile", a.path("ca.crt")}
	boss := append(ca, "-u", "boss", "-P", "right-password")
	s := listen(t, b, append(boss, "-t", "garden/#", "-t", "other", "-F", "%t %p", "-t", ready)...)
	s.lines.Scan()
	message := []string{"-t", "garden/pub/x", "-m", "on", "-q", "1"}
	for _, tt := range []struct {
		name string
		args []string
		says string // "" where it goes well
	}{
		{"a user", append(append(ca, "-u", "garden", "-P", "right-password", "-i", "pub"), message...), ""},
		{"a forbidden topic", append(ca, "-u", "garden", "-P", "right-password", "-i", "pub", "-t", "other", "-m", "no", "-q", "1"), ""},
		{"a wrong password", append(append(ca, "-u", "garden", "-P", "wrong-password"), message...), "not authorised"},
		{"nobody", append(ca, message...), "not authorised"},
		{"another authority", append([]string{"--cafile", newAuthority(t).path("ca.crt"), "-u", "boss", "-P", "right-password"}, message...), "TLS error"},
		{"no TLS", append([]string{"-u", "boss", "-P", "right-password"}, message...), "Error"},
		{"a user again", append(boss, "-t", "garden/last", "-m", "off"), ""},
	} {
		if out, ok := said(t, b, tt.args...); ok != (tt.says == "") || !strings.Contains(out, tt.says) {
			t.Errorf("%s: mosquitto_pub says %q", tt.name, out)
		}
	}
	s.want(t, "garden/pub/x on")
	s.want(t, "garden/last off")
	if c, err := tls.Dial("tcp", b.Addresses(), &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}); err == nil {
		c.Close()
		t.Error("TLS 1.1 is spoken")
	}
}

// A client may have to show a certificate, and may log in by it.
func TestClientCertificates(t *testing.T) {
	a := newAuthority(t)
	a.sign(t, "garden", time.Now().Add(time.Hour))
	a.sign(t, "stranger", time.Now().Add(time.Hour))
	b := startTLS(t, a, func(o *Options) { o.TLS.Clients = a.path("ca.crt") })
	with := func(name string, more ...string) []string {
		return append([]string{"--cafile", a.path("ca.crt"), "--cert", a.path(name + ".crt"), "--key", a.path(name + ".key"), "-t", "garden/pub/x", "-m", "on", "-i", "pub"}, more...)
	}
	for _, tt := range []struct {
		name string
		args []string
		ok   bool
	}{
		{"the user of the certificate", with("garden"), true},
		{"another user", with("garden", "-u", "boss", "-P", "right-password"), true},
		{"another user, wrong password", with("garden", "-u", "boss", "-P", "wrong-password"), false},
		{"a certificate of no user", with("stranger"), false},
		{"no certificate", []string{"--cafile", a.path("ca.crt"), "-u", "boss", "-P", "right-password", "-t", "x", "-m", "y", "-q", "1"}, false},
	} {
		if out, ok := said(t, b, tt.args...); ok != tt.ok {
			t.Errorf("%s: mosquitto_pub says %q", tt.name, out)
		}
	}
	if n := b.Health.Count(forbiddenCode); n != 0 {
		t.Errorf("%d messages were forbidden", n)
	}
}

// serial is the number of the certificate that b shows.
func serial(t *testing.T, b *Broker) int64 {
	t.Helper()
	c, err := tls.Dial("tcp", b.Addresses(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

func codes(b *Broker) string { return strings.Join(b.Health.Codes(), " ") }

// A certificate is renewed without a restart, and one that cannot be read does no harm.
func TestCertificateRenewed(t *testing.T) {
	a := newAuthority(t)
	a.sign(t, "broker", time.Now().Add(24*time.Hour))
	b := startTLS(t, a, nil)
	if got := codes(b); got != certificateCode {
		t.Errorf("with a certificate that ends tomorrow: conditions %s", got)
	}
	first := serial(t, b)
	a.sign(t, "broker", time.Now().Add(90*24*time.Hour))
	if got := serial(t, b); got == first {
		t.Error("the old certificate is shown")
	}
	if got := codes(b); got != "" {
		t.Errorf("with a new certificate: conditions %s", got)
	}
	a.write(t, "broker.crt", []byte("half of"))
	if got := serial(t, b); got != a.number {
		t.Error("a file that is half written takes its place")
	}
	if got := codes(b); got != certificateCode {
		t.Errorf("with half a certificate: conditions %s", got)
	}
	a.sign(t, "broker", time.Now().Add(90*24*time.Hour))
	if got := serial(t, b); got != a.number || codes(b) != "" {
		t.Errorf("certificate %d, conditions %s", got, codes(b))
	}
}

// Without its files TLS is not served, and others are.
func TestNoCertificate(t *testing.T) {
	a := newAuthority(t)
	b := startFor(t, func(o *Options) { o.TLS = TLS{Listen: "127.0.0.1:0", Cert: a.path("no.crt"), Key: a.path("no.key")} })
	as(t, b, "boss", "c", cleanSession)
	active := b.Health.Active()
	if len(active) != 1 || active[0].Code != tlsCode || !strings.Contains(active[0].Text, "no.crt: no such file") || !strings.Contains(active[0].Remedy, "[broker.tls]") {
		t.Errorf("conditions %+v", active)
	}
}
