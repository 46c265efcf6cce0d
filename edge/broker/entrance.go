package broker

import (
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"syscall"
	"time"

	"selvage/edge/health"
)

// Between two attempts to listen.
const (
	firstRetry = time.Second
	lastRetry  = 30 * time.Second
)

const (
	listenCode = "broker.listen"
	tlsCode    = "broker.tls"
)

// entrance is an address that a broker listens on.
type entrance struct {
	address string
	table   string        // of the config that has it
	code    string        // of the condition when it cannot be had
	certs   *certificates // nil without TLS
}

func (b *Broker) entrances() (all []entrance) {
	if b.Listen != "" {
		all = append(all, entrance{address: b.Listen, table: "[broker]", code: listenCode})
	}
	if b.TLS.Listen != "" {
		all = append(all, entrance{b.TLS.Listen, "[broker.tls]", tlsCode, &certificates{files: b.TLS, board: b.Health}})
	}
	return all
}

// open listens.
func (e entrance) open() (net.Listener, error) {
	if e.certs != nil {
		if err := e.certs.load(); err != nil {
			return nil, err
		}
	}
	ln, err := net.Listen("tcp", e.address)
	if err != nil || e.certs == nil {
		return ln, err
	}
	return tls.NewListener(ln, e.certs.config()), nil
}

// admit has those come in who come to an address.
func (b *Broker) admit(e entrance) error {
	ln, err := e.open()
	if err == nil {
		b.door.open(ln)
	}
	return err
}

// admitLater tries again what has failed.
func (b *Broker) admitLater(e entrance, err error) {
	defer b.Health.Clear(e.code)
	for wait := firstRetry; err != nil; wait = min(2*wait, lastRetry) {
		b.Health.Raise(e.closed(err))
		select {
		case <-b.ctx.Done():
			return
		case <-time.After(wait/2 + rand.N(wait)):
		}
		err = b.admit(e)
	}
}

// closed says why nobody can come in.
func (e entrance) closed(err error) health.Condition {
	var bad *badFiles
	if errors.As(err, &bad) {
		return health.Condition{Code: e.code, Text: fmt.Sprintf("the MQTT broker cannot serve TLS on %s: %v; it keeps trying", e.address, err),
			Remedy: bad.remedy, Severity: health.Failure}
	}
	var cause syscall.Errno
	if errors.As(err, &cause) {
		err = cause // without net's own account of the address
	}
	_, port, _ := net.SplitHostPort(e.address)
	remedy := "change listen in the table " + e.table + " to an address that this machine has"
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		remedy = fmt.Sprintf("see who has the port: ss -ltnp 'sport = :%s'; if that is another broker, use it as it is:"+
			" remove the table [broker] and give the other's url to an [uplink.NAME]; else stop it, or change listen in %s", port, e.table)
	case errors.Is(err, syscall.EACCES):
		remedy = "ports below 1024 are not for everyone; change listen in the table " + e.table + ", MQTT's own port is 1883, with TLS 8883"
	}
	return health.Condition{
		Code:     e.code,
		Text:     fmt.Sprintf("the MQTT broker cannot listen on %s: %v; it keeps trying", e.address, err),
		Remedy:   remedy,
		Severity: health.Failure,
	}
}
