package mqtt

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"selvage/edge/leaktest"
	"selvage/edge/secret"
)

// authority signs certificates.
type authority struct {
	t    *testing.T
	file string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{t: t}
	a.cert = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a.file, _ = a.issue(a.cert)
	return a
}

// sign makes the certificate of a server at 127.0.0.1, and of a client, good until end.
func (a *authority) sign(name string, end time.Time) (cert, key string) {
	a.t.Helper()
	return a.issue(&x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotBefore: end.Add(-24 * time.Hour), NotAfter: end,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	})
}

func (a *authority) issue(c *x509.Certificate) (cert, key string) {
	a.t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	if a.key == nil {
		a.key = private
	}
	der, err := x509.CreateCertificate(rand.Reader, c, a.cert, &private.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		a.t.Fatal(err)
	}
	dir := a.t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "EC PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
	return cert, key
}

func inFile(path string) (p secret.Place) {
	_ = p.UnmarshalText([]byte("file:" + path)) // never fails
	return p
}

// A broker that wants to see a certificate lets in who shows a good one, and who does not is told what is wrong.
func TestClientCertificate(t *testing.T) {
	leaktest.Check(t)
	ours, theirs := newAuthority(t, "ours"), newAuthority(t, "theirs")
	hour := time.Now().Add(time.Hour)
	cert, key := ours.sign("broker", hour)
	secure, web, old := freePort(t), freePort(t), freePort(t)
	wants := []string{"certfile " + cert, "keyfile " + key, "cafile " + ours.file, "require_certificate true"}
	conf := append([]string{"listener " + secure + " 127.0.0.1"}, wants...)
	conf = append(append(conf, "listener "+web+" 127.0.0.1", "protocol websockets"), wants...)
	conf = append(append(conf, "listener "+old+" 127.0.0.1", "tls_version tlsv1.2"), wants...)
	b := startBroker(t, conf...)
	e := newEdge(t, t.TempDir())

	good, goodKey := ours.sign("greenhouse", hour)
	for name, url := range map[string]string{"tls": "mqtts://127.0.0.1:" + secure, "web": "wss://127.0.0.1:" + web + "/mqtt", "old": "mqtts://127.0.0.1:" + old} {
		c := shed(url)
		c.Map = map[string]Map{name + "/{name}": {Device: "/device/{name}", Channel: c.Map["shed/{name}"].Channel}}
		c.CA, c.Cert, c.Key = ours.file, good, inFile(goodKey)
		e.connected(e.open(name, c))
		b.pub(name+"/of-"+name, "1", "-q", "1")
		e.has("/device/of-"+name, "temperature", "value:1,")
	}

	expired, expiredKey := ours.sign("greenhouse", time.Now().Add(-time.Hour))
	stranger, strangerKey := theirs.sign("greenhouse", hour)
	public := filepath.Join(t.TempDir(), "public.pem")
	text, err := os.ReadFile(goodKey)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(public, text, 0o644); err != nil {
		t.Fatal(err)
	}
	var wanted []func()
	for name, c := range map[string]struct{ cert, key, want, remedy string }{
		"none":       {"", "", "no certificate|none to show", "add cert and key to [uplink.none-"},
		"expired":    {expired, expiredKey, "does not take the certificate " + expired + ": expired|was shown " + expired, "renew it|log says why"},
		"stranger":   {stranger, strangerKey, "unknown certificate authority|was shown " + stranger, "trust its authority|log says why"},
		"missing":    {"no-such.pem", goodKey, "used: open no-such.pem: no such file", "check cert and key in [uplink.missing-"},
		"no-key":     {good, "no-such.pem", "used: there is no file no-such.pem", "check cert and key"},
		"mismatched": {good, strangerKey, "private key does not match", "belong together"},
		"no-pem":     {goodKey, goodKey, "cannot be used", "two files in PEM"},
		"public":     {good, public, "everybody on this machine may read", "check cert and key"},
	} {
		for port, listener := range map[string]string{secure: "-secure", old: "-old"} {
			config := Config{URL: "mqtts://127.0.0.1:" + port, CA: ours.file, Cert: c.cert}
			if c.key != "" {
				config.Key = inFile(c.key)
			}
			l := e.open(name+listener, config)
			wanted = append(wanted, func() {
				found := e.condition("uplink." + name + listener)
				if !anyOf(found.Text, c.want) || !anyOf(found.Remedy, c.remedy) {
					t.Errorf("%s%s: %s (%s); want %q (%q)", name, listener, found.Text, found.Remedy, c.want, c.remedy)
				}
				if !anyOf(l.Status().LastError, c.want) {
					t.Errorf("%s%s: its status says %q", name, listener, l.Status().LastError)
				}
			})
		}
	}
	for _, check := range wanted {
		check()
	}
}

// anyOf tells whether text has one of the parts between bars in it.
func anyOf(text, parts string) bool {
	return slices.ContainsFunc(strings.Split(parts, "|"), func(p string) bool { return strings.Contains(text, p) })
}
