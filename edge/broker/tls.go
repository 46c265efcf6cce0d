package broker

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"sync"
	"time"

	"selvage/edge/health"
)

// TLS is where a broker listens with TLS, and the files for that. The zero TLS is nowhere.
type TLS struct {
	Listen    string // host:port
	Cert, Key string // PEM files
	Clients   string // PEM file of those whose certificates clients must have; "" if they need none
}

// certificates are what the files hold. They are looked at again with each client: who renews a certificate
// restarts nothing.
type certificates struct {
	files TLS
	board *health.Board

	mu     sync.Mutex
	stamps [3]stamp
	now    *tls.Config
}

// stamp changes when a file does.
type stamp struct {
	size int64
	at   time.Time
}

// badFiles says what is wrong with the files of a certificate.
type badFiles struct {
	error
	remedy string
}

const certificateCode = "broker.certificate"

// expiresSoon is how long before its end a certificate is told of: one that renews itself does so a month before.
const expiresSoon = 14 * 24 * time.Hour

// config serves what the files hold at the moment. Before TLS 1.2 there is none that is safe [RFC 8996].
func (c *certificates) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		if err := c.load(); err != nil {
			c.board.Raise(health.Condition{Code: certificateCode, Text: fmt.Sprintf("the MQTT broker goes on with the certificate it had: %v", err), Remedy: err.remedy})
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.now, nil
	}}
}

// load reads the files if they have changed. What was read before holds on after an error.
func (c *certificates) load() *badFiles {
	c.mu.Lock()
	defer c.mu.Unlock()
	stamps := [...]stamp{stampOf(c.files.Cert), stampOf(c.files.Key), stampOf(c.files.Clients)}
	if c.now != nil && stamps == c.stamps {
		c.tellEnd()
		return nil
	}
	fresh := &tls.Config{MinVersion: tls.VersionTLS12}
	pair, err := tls.LoadX509KeyPair(c.files.Cert, c.files.Key)
	if err != nil {
		return &badFiles{fmt.Errorf("certificate %s with key %s: %w", c.files.Cert, c.files.Key, err),
			"let cert in [broker.tls] name a PEM file with the certificate and those that vouch for it, and key one with its key, which the user that runs selvage may read"}
	}
	fresh.Certificates = []tls.Certificate{pair}
	if c.files.Clients != "" {
		text, err := os.ReadFile(c.files.Clients)
		fresh.ClientCAs, fresh.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
		if err == nil && !fresh.ClientCAs.AppendCertsFromPEM(text) {
			err = fmt.Errorf("%s holds no certificate", c.files.Clients)
		}
		if err != nil {
			return &badFiles{fmt.Errorf("certificates of clients: %w", err), "let clients in [broker.tls] name a PEM file with the certificates by which those of clients are signed"}
		}
	}
	c.now, c.stamps = fresh, stamps
	c.tellEnd()
	return nil
}

// tellEnd tells of a certificate that no client will take for much longer. c.mu is held.
func (c *certificates) tellEnd() {
	end := c.now.Certificates[0].Leaf.NotAfter
	if left := time.Until(end); left < expiresSoon {
		c.board.Raise(health.Condition{Code: certificateCode, Text: fmt.Sprintf("the certificate %s of the MQTT broker ends on %s", c.files.Cert, end.UTC().Format(time.DateOnly)),
			Remedy: "renew it; the broker takes the new files with the next client"})
		return
	}
	c.board.Clear(certificateCode)
}

func stampOf(path string) (s stamp) {
	if info, err := os.Stat(path); err == nil {
		s = stamp{info.Size(), info.ModTime()}
	}
	return s
}
