package mqtt

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/url"
	"os"

	paho "github.com/eclipse/paho.mqtt.golang"
)

// open opens the connection that paho speaks over. Like paho's own it knows no proxies for mqtt and
// mqtts; unlike it, it ends with the session's context, but for ws and wss, whose handshake may take
// all of patience.
func (s *session) open(u *url.URL, _ paho.ClientOptions) (net.Conn, error) {
	conn, err := s.dial(u)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.conn = newFrames(conn)
	s.mu.Unlock()
	if s.ctx.Err() != nil { // hangUp may have come before there was something to close
		_ = conn.Close()
	}
	return s.conn, nil
}

func (s *session) dial(u *url.URL) (net.Conn, error) {
	config, err := s.trust(u)
	if err != nil {
		return nil, err
	}
	identity, err := s.identity()
	if err != nil {
		return nil, err
	}
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		s.wantsCert.Store(true)
		return identity, nil
	}
	address := addressOf(u)
	dialer := &net.Dialer{Timeout: patience}
	switch u.Scheme {
	case "ws", "wss":
		return paho.NewWebsocket(u.String(), config, patience, nil, nil)
	case "mqtts", "ssl":
		return (&tls.Dialer{NetDialer: dialer, Config: config}).DialContext(s.ctx, "tcp", address)
	}
	return dialer.DialContext(s.ctx, "tcp", address)
}

func addressOf(u *url.URL) string {
	if u.Port() == "" {
		return net.JoinHostPort(u.Hostname(), schemes[u.Scheme])
	}
	return u.Host
}

// trust says whose certificates count.
func (s *session) trust(u *url.URL) (*tls.Config, error) {
	config := &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}
	file := s.bridge.config.CA
	if file == "" {
		return config, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errCA, err)
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%w: %s holds no certificate in PEM", errCA, file)
	}
	return config, nil
}

// identity is the certificate that tells the broker who we are, an empty one if there is none.
func (s *session) identity() (*tls.Certificate, error) {
	c := &s.bridge.config
	if c.Cert == "" {
		return &tls.Certificate{}, nil
	}
	cert, err := os.ReadFile(c.Cert)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errCert, err)
	}
	key, err := c.Key.Read()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errCert, err)
	}
	pair, err := tls.X509KeyPair(cert, []byte(key))
	if err != nil {
		return nil, fmt.Errorf("%w: %s with %s: %w", errCert, c.Cert, c.Key, err)
	}
	return &pair, nil
}
