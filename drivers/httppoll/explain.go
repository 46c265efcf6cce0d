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
	"syscall"

	"selvage/edge/device"
)

func (d *Dev) fault(cause error, remedy, format string, args ...any) error {
	return &device.Fault{Text: fmt.Sprintf(format, args...), Remedy: remedy, Err: cause}
}

// secretless is the error of a secret that cannot be read.
func (d *Dev) secretless(key string, err error) error {
	return d.fault(nil, fmt.Sprintf("check %s in its table: the file, and that selvage's user may read it, or the variable", key), "its %s is not to be had: %v", key, err)
}

// explain says what it means that there is no answer. What net/http says has the URL with all that is in its query, so
// that goes first; what the system says repeats the address, and is told by its meaning.
func (d *Dev) explain(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	host := d.url.Host
	var (
		redirect  *redirectError
		op        *net.OpError
		dns       *net.DNSError
		network   net.Error
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
		roots     x509.SystemRootsError
	)
	switch {
	case errors.As(err, &redirect):
		return d.fault(nil, redirect.remedy, "%s %s", d.shown, redirect.why)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return d.fault(nil, "check the address, and that it is switched on; if it only is slow, raise timeout", "%s did not answer in time", host)
	case errors.As(err, &op) && op.Op == "proxyconnect":
		return d.fault(err, "check HTTP_PROXY, HTTPS_PROXY and NO_PROXY in selvage's environment", "the proxy on the way to %s cannot be used", host)
	case errors.Is(err, syscall.ECONNREFUSED):
		return d.fault(nil, "is it switched on, and is that its port? try: "+d.byHand(), "nothing answers at %s: connection refused", host)
	case errors.As(err, &dns):
		remedy := "check the name in url, and this machine's network"
		if strings.HasSuffix(dns.Name, ".local") {
			remedy = "names that end with .local are not looked up: write its address in url"
		}
		return d.fault(nil, remedy, "there is no address for %s", dns.Name)
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return d.fault(nil, "check this machine's network, the address in url, and that it is switched on", "there is no way to %s", host)
	case errors.As(err, &authority):
		return d.fault(nil, "name the file of its authority, or of its own certificate, as ca", "the certificate of %s is signed by an unknown authority", host)
	case errors.As(err, &roots):
		return d.fault(nil, "install the certificates of authorities (ca-certificates), or name a file of them as ca", "this machine trusts nobody, so not %s either", host)
	case errors.As(err, &name):
		return d.fault(nil, "use a name that the certificate has in url, or say which it has: tls-name", "the certificate of %s is for another name: %v", host, name)
	case errors.As(err, &invalid):
		return d.fault(nil, "renew it; if it is good, check this machine's clock", "the certificate of %s does not count: %v", host, invalid)
	case errors.As(err, &record), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return d.fault(nil, "write http:// in place of https://, or the port for TLS", "%s does not speak TLS", host)
	case errors.As(err, &op) && op.Op == "remote error":
		return d.fault(err, "it may want TLS of another version, or a certificate of ours, which there is none of", "%s does not agree on TLS", host)
	case errors.As(err, &network) && network.Timeout():
		return d.fault(nil, "check the address, and that it is switched on", "%s did not answer in time", host)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return d.fault(nil, "it may have started anew; if this repeats, write https:// in place of http://, or look into its log", "%s closed the connection before its answer was complete", host)
	case strings.Contains(err.Error(), "malformed HTTP"), strings.Contains(err.Error(), "readLoopPeekFail"): // the second of one that speaks first
		return d.fault(nil, "check the port; it may want https:// in place of http://", "%s does not speak HTTP", host)
	}
	return d.fault(err, "try: "+d.byHand(), "there is no answer from %s", host)
}

// refused says what an answer means that brings no values.
func (d *Dev) refused(answer *http.Response) error {
	status := fmt.Sprintf("%d %s", answer.StatusCode, http.StatusText(answer.StatusCode))
	status = strings.TrimSpace(status)
	switch code := answer.StatusCode; {
	case code == http.StatusUnauthorized && d.c.User == "" && d.c.Token.IsZero():
		return d.fault(nil, `it wants to know who asks: add user and password = "file:/path", or token = "file:/path"`, "%s lets nobody in without a password: %s", d.shown, status)
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return d.fault(nil, "check user, password or token in its table, and what they may see", "%s does not let us in: %s", d.shown, status)
	case code == http.StatusNotFound, code == http.StatusGone:
		return d.fault(nil, "check the path of url", "there is no %s: %s", d.shown, status)
	case code == http.StatusMethodNotAllowed:
		return d.fault(nil, "it allows "+allowed(answer)+": change method", "%s does not take %s: %s", d.shown, d.c.Method, status)
	case code == http.StatusTooManyRequests:
		return d.fault(nil, "raise every", "%s was asked too often: %s", d.shown, status)
	case code >= 500:
		return d.fault(nil, "its own log says why; it is asked again by itself", "%s is in trouble: %s", d.shown, status)
	}
	return d.fault(nil, "look at what it says: "+d.byHand(), "%s answers %s", d.shown, status)
}

// allowed is what the header Allow says.
func allowed(answer *http.Response) string {
	if said := answer.Header.Get("Allow"); said != "" && len(said) < 60 && !strings.ContainsFunc(said, isControl) {
		return said
	}
	return "another method"
}
