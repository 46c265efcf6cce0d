package httppoll

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"selvage/edge/leaktest"
)

func TestUnreachable(t *testing.T) {
	leaktest.Check(t)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := closed.Addr().String()
	_ = closed.Close()
	wants(t, "refused", open(t, asks("http://"+address+"/x?key=hunter2")), "nothing answers at HOST: connection refused")

	before := dial
	defer func() { dial = before }()
	for _, c := range []struct {
		err  error
		want string
	}{
		{&net.DNSError{Err: "no such host", Name: "meter.local", IsNotFound: true}, "there is no address for meter.local"},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.EHOSTUNREACH)}, "there is no way to HOST"},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ETIMEDOUT)}, "HOST did not answer in time"},
		{&net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, "HOST closed the connection before"},
		{errors.New("something else"), "there is no answer from HOST: something else"},
	} {
		dial = func(context.Context, string, string) (net.Conn, error) { return nil, c.err }
		wants(t, c.want, open(t, asks("http://meter.example/x?key=hunter2")), c.want)
	}
}

func TestNotHTTP(t *testing.T) {
	leaktest.Check(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 1024)) // what is sent before it was asked for may be found sooner or later
			_, _ = io.WriteString(c, "SSH-2.0-OpenSSH_9.2\r\n")
			_ = c.Close()
		}
	}()
	wants(t, "SSH", open(t, asks("http://"+l.Addr().String())), "HOST does not speak HTTP")
	wants(t, "SSH for TLS", open(t, asks("https://"+l.Addr().String())), "HOST does not speak TLS")
}

// certificate is one of its own authority, for a name and 127.0.0.1.
func certificate(t *testing.T, name string, until time.Time) (tls.Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: until.Add(-time.Hour), NotAfter: until,
		DNSNames: []string{name}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func TestTLS(t *testing.T) {
	leaktest.Check(t)
	serve := func(cert tls.Certificate) string {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"power": 1}`) }))
		s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
		s.Config.ErrorLog = quiet()
		s.StartTLS()
		t.Cleanup(s.Close)
		return s.URL
	}
	good, authority := certificate(t, "inverter.lan", time.Now().Add(time.Hour/2))
	old, oldAuthority := certificate(t, "inverter.lan", time.Now().Add(-time.Hour))
	dir := t.TempDir()
	write := func(name string, text []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	ca, oldCA := write("ca.pem", authority), write("old.pem", oldAuthority)
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	url := serve(good)
	for _, c := range []struct {
		name, url, ca, tlsName, want string
	}{
		{"trusted", url, ca, "inverter.lan", "power 1"},
		{"unknown", url, "", "inverter.lan", "the certificate of HOST is signed by an unknown authority"},
		{"another name", url, ca, "", "the certificate of HOST is for another name: "},
		{"expired", serve(old), oldCA, "inverter.lan", "the certificate of HOST does not count: "},
		{"no TLS", strings.Replace(plain.URL, "http", "https", 1), "", "", "HOST does not speak TLS"},
		{"TLS", strings.Replace(url, "https", "http", 1), "", "", "http://HOST answers 400 Bad Request"},
	} {
		config := asks(c.url)
		config.CA, config.TLSName = c.ca, c.tlsName
		wants(t, c.name, open(t, config), c.want)
	}
	for _, file := range []string{filepath.Join(dir, "none"), write("bad.pem", []byte("x"))} {
		c := asks("https://inverter.lan")
		c.CA = file
		if _, err := Open(t.Context(), c); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("with %s as ca: %v", file, err)
		}
	}
}

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }
