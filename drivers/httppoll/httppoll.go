package httppoll

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"selvage/drivers/fields"
	"selvage/edge/device"
)

const (
	longest = 1 << 20 // bytes of an answer, unpacked
	hops    = 5       // redirects that are followed
)

// dial opens connections; tests in a bubble have them in memory.
var dial = new(net.Dialer).DialContext

// Dev is what is polled.
type Dev struct {
	c      Config
	url    *url.URL
	shown  string // url as messages have it
	client *http.Client
	reader *fields.Reader
	closed bool
}

// Open makes ready what is needed to ask. Nothing is sent yet.
func Open(ctx context.Context, c Config) (*Dev, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, errors.New("its url is no URL") // the error would repeat it
	}
	d := &Dev{c: c, url: u, shown: shown(u)}
	if d.reader, err = fields.New(c.Match, c.Channel); err != nil {
		return nil, err
	}
	trust, err := c.trust()
	if err != nil {
		return nil, err
	}
	d.client = &http.Client{
		CheckRedirect: d.redirect,
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            dial,
			TLSClientConfig:        trust,
			MaxIdleConns:           1,
			IdleConnTimeout:        2 * time.Minute,
			MaxResponseHeaderBytes: 64 << 10,
		},
	}
	return d, ctx.Err()
}

// trust says whose certificates count.
func (c Config) trust() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: c.TLSName}
	if c.CA == "" {
		return config, nil
	}
	pem, err := os.ReadFile(c.CA)
	if err != nil {
		return nil, &device.Fault{Text: fmt.Sprintf("the file of ca, %s, cannot be read", c.CA), Remedy: "check that it is there and that selvage's user may read it: ls -l " + c.CA, Err: err}
	}
	if config.RootCAs, err = x509.SystemCertPool(); err != nil {
		config.RootCAs = x509.NewCertPool() // a system without any
	}
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, &device.Fault{Text: c.CA + " holds no certificate in PEM", Remedy: "it begins with -----BEGIN CERTIFICATE-----; convert another form with: openssl x509 -inform der -in FILE -out " + c.CA}
	}
	return config, nil
}

// shown is a URL as messages have it: without user and query, which may hold secrets.
func shown(u *url.URL) string {
	s := u.Scheme + "://" + u.Host + u.EscapedPath()
	if u.RawQuery != "" {
		s += "?…"
	}
	return s
}

// Channels are those of the config, by name.
func (d *Dev) Channels() []device.Channel { return d.reader.Channels() }

// Info tells what is asked for.
func (d *Dev) Info() device.Info { return device.Info{Driver: "http-poll", Wire: d.shown} }

var errClosed = errors.New("it is closed")

// Read asks once.
func (d *Dev) Read(ctx context.Context) (device.Sample, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if d.closed {
		return nil, errClosed
	}
	req, err := d.request(ctx)
	if err != nil {
		return nil, err
	}
	answer, err := d.client.Do(req)
	if err != nil {
		return nil, d.explain(ctx, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		_, _ = io.CopyN(io.Discard, answer.Body, 16<<10) // so that the connection can be kept
		return nil, d.refused(answer)
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, longest+1))
	switch {
	case err != nil:
		return nil, d.explain(ctx, err)
	case len(text) > longest:
		return nil, d.fault(nil, "ask for less, such as by a query", "what %s answers is longer than %d bytes", d.shown, longest)
	}
	return d.reader.Whole(text, fields.Source{What: "what " + d.shown + " answers", Look: "look at it: " + d.byHand()})
}

// byHand is how a person asks.
func (d *Dev) byHand() string {
	if d.c.Method != http.MethodGet {
		return "curl -X " + d.c.Method + " " + d.shown
	}
	return "curl " + d.shown
}

// request makes what is sent. Secrets are read now, so that they can be changed at any time.
func (d *Dev) request(ctx context.Context) (*http.Request, error) {
	u := *d.url
	req, err := http.NewRequestWithContext(ctx, d.c.Method, u.String(), strings.NewReader(d.c.Body))
	if err != nil {
		return nil, errors.New("its url is no URL")
	}
	if d.c.Body == "" {
		req.Body, req.GetBody = nil, nil
	}
	req.Header.Set("User-Agent", "selvage")
	if d.c.Match == "" {
		req.Header.Set("Accept", "application/json, text/plain;q=0.9, */*;q=0.5")
	}
	for name, value := range d.c.Header {
		if strings.EqualFold(name, "host") {
			req.Host = value
			continue
		}
		req.Header.Set(name, value)
	}
	if d.c.User != "" {
		password, err := d.c.Password.Read()
		if err != nil {
			return nil, d.secretless("password", err)
		}
		req.SetBasicAuth(d.c.User, password)
	}
	if d.c.Token.IsZero() {
		return req, nil
	}
	token, err := d.c.Token.Read()
	if err == nil && strings.ContainsFunc(token, isControl) {
		err = fmt.Errorf("what is in %s is no token: it has more than one line", d.c.Token)
	}
	if err != nil {
		return nil, d.secretless("token", err)
	}
	switch way, name, _ := d.c.way(); way {
	case inHeader:
		req.Header.Set(name, token)
	case inQuery:
		q := req.URL.Query()
		q.Set(name, token)
		req.URL.RawQuery = q.Encode()
	default:
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return req, nil
}

// redirect follows to where the secrets may go, too: the host that was asked.
func (d *Dev) redirect(next *http.Request, via []*http.Request) error {
	to, first := next.URL, via[0]
	same := strings.EqualFold(to.Hostname(), first.URL.Hostname()) && to.User == nil &&
		(to.Host == first.URL.Host || to.Scheme == "https" && first.URL.Scheme == "http")
	switch {
	case len(via) > hops:
		return &redirectError{"is redirected again and again", "look where it leads: curl -IL " + d.shown}
	case !same || to.Scheme != "https" && first.URL.Scheme == "https":
		return &redirectError{"is redirected to " + shown(to), "if that is where it should go, write it as url"}
	case next.Method != first.Method:
		return &redirectError{fmt.Sprintf("redirects a %s to %s", first.Method, shown(to)), "write that as url"}
	}
	return nil
}

// redirectError is why a redirect is not followed.
type redirectError struct{ why, remedy string }

func (e *redirectError) Error() string { return e.why }

// Close ends the connection that is kept.
func (d *Dev) Close() error {
	d.closed = true
	d.client.CloseIdleConnections()
	return nil
}

var _ device.Sensor = (*Dev)(nil)
