package cli

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"selvage/edge/peer"
)

const defaultHost = "warp://127.0.0.1:9001"

// address reads --host, and refuses what cannot be connected to anywhere.
func (e *env) address() (*url.URL, error) {
	if strings.TrimSpace(e.host) == "" {
		return nil, &usageError{&trouble{errors.New("--host is empty"), "it looks like " + defaultHost + ", which needs no --host"}}
	}
	at, err := peer.Address(e.host)
	if err != nil {
		return nil, usagef("%w", err)
	}
	if port := at.Port(); port != "" {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return nil, &usageError{&trouble{fmt.Errorf("host %s: there is no port %s", e.host, port), "ports go up to 65535"}}
		}
	}
	return at, nil
}

// attempt is one connection to the host being made.
type attempt struct {
	host    string
	reached atomic.Pointer[net.Conn] // what accepted it
}

// watched returns a context under which the attempt sees how far it gets.
func (a *attempt) watched(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(got httptrace.GotConnInfo) {
		a.reached.Store(&got.Conn)
		if ctx.Err() != nil {
			a.giveUp()
		}
	}})
}

// giveUp ends a WebSocket's handshake, which does not notice that its context has ended.
func (a *attempt) giveUp() {
	if c := a.reached.Load(); c != nil {
		(*c).SetDeadline(time.Unix(1, 0))
	}
}

// dial connects to the host; the caller closes the connection.
func (e *env) dial(ctx context.Context) (*peer.Conn, error) {
	a := attempt{host: e.host}
	defer context.AfterFunc(ctx, a.giveUp)()
	c, err := peer.Dial(a.watched(ctx), e.host, peer.Options{})
	if err != nil {
		return nil, a.explain(ctx, err)
	}
	if err := e.authenticate(c); err != nil {
		c.Close(closeNormal, "")
		return nil, unlinked(err)
	}
	return c, nil
}

// head asks for the front page's header. Unlike an http.Client it has one error, always the same,
// for what is no HTTP server.
func (a *attempt) head(ctx context.Context, at *url.URL) (*http.Response, error) {
	port := map[string]string{"http": "80", "https": "443"}[at.Scheme]
	c, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(at.Hostname(), cmp.Or(at.Port(), port)))
	if err != nil {
		return nil, err
	}
	defer c.Close()
	a.reached.Store(&c)
	defer context.AfterFunc(ctx, a.giveUp)()
	stream := c
	if at.Scheme == "https" {
		stream = tls.Client(c, &tls.Config{ServerName: at.Hostname()})
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, (&url.URL{Scheme: at.Scheme, Host: at.Host, Path: "/"}).String(), nil)
	if err != nil {
		return nil, err
	}
	if err := req.Write(stream); err != nil {
		return nil, err
	}
	return http.ReadResponse(bufio.NewReader(stream), req)
}

// answered is how peer tells that the host speaks HTTP and wants no WebSocket.
var answered = regexp.MustCompile(`it answered .*`)

// explain says why there is no connection, and what to try.
func (a *attempt) explain(ctx context.Context, err error) error {
	var dns *net.DNSError
	var timed net.Error
	var noTLS tls.RecordHeaderError
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return errors.New("interrupted")
	case errors.Is(err, syscall.ECONNREFUSED):
		return &trouble{fmt.Errorf("no host answers at %s: connection refused", a.host), "is it running? start it with: " + program() + " run -c FILE"}
	case errors.As(err, &dns):
		return &trouble{fmt.Errorf("the name in %s is not known: %w", a.host, dns), "check it, or give the host's address"}
	case errors.As(err, &timed) && timed.Timeout():
		if a.reached.Load() != nil {
			return &trouble{fmt.Errorf("%s accepted the connection but did not answer in %.0f s", a.host, answerTime.Seconds()), "that may be no Selvage host; is it the right port?"}
		}
		return &trouble{fmt.Errorf("no host answers at %s: time-out", a.host), "check the address, and that no firewall is in between"}
	case errors.As(err, &noTLS):
		_, address, _ := strings.Cut(a.host, "://")
		return &trouble{fmt.Errorf("%s cannot be reached: that host speaks no TLS", a.host), "use warp://" + address}
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &trouble{fmt.Errorf("%s closed the connection before it answered", a.host), "a host does so when all its connections are in use; try again, or check the address"}
	}
	why := answered.FindString(err.Error())
	switch {
	case strings.Contains(err.Error(), "malformed HTTP"):
		why = "its answer is no HTTP"
	case strings.Contains(why, " 401 "), strings.Contains(why, " 429 "):
		return turnedAway(fmt.Errorf("%s lets nobody in without a login", a.host))
	case strings.Contains(why, " 403 "): // a host's own word, to a name that it does not go by
		why = ""
	}
	if why != "" {
		return &trouble{fmt.Errorf("something answers at %s that speaks no WARP: %s", a.host, printable(why)), "is it the right port? a host tells its own when it starts"}
	}
	return &trouble{err, "check the address; another one is given with --host warp://HOST:PORT"}
}
