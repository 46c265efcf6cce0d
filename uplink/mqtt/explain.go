package mqtt

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"selvage/uplink"
)

var (
	errCA   = errors.New("the file of ca cannot be used")
	errCert = errors.New("the files of cert and key cannot be used")
	// With TLS 1.3 a certificate is refused when it is our turn to speak, and what the broker says of it may be lost.
	errAsked = errors.New("the broker asked for a certificate, and closed the connection")
)

// explain says what an error means to the person who set the uplink up. Those of the system repeat
// the address and the operation, and are told by their meaning.
func (b *bridge) explain(err error) error {
	if err == nil {
		return nil
	}
	if errors.As(err, new(*uplink.Fault)) {
		return err
	}
	peer, table := b.Peer(), "[uplink."+b.line.Name+"]"
	fault := func(remedy, format string, args ...any) error {
		return &uplink.Fault{Err: fmt.Errorf(format, args...), Remedy: remedy}
	}
	var (
		dns       *net.DNSError
		network   net.Error
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
	)
	switch {
	case errors.Is(err, errPassword):
		return fault("check password in "+table+": the file, and that this user may read it, or the variable", "%w", err)
	case errors.Is(err, errCA):
		return fault("check ca in "+table, "%w", trim(err))
	case errors.Is(err, errCert):
		return fault("check cert and key in "+table+": two files in PEM that belong together, the key without a passphrase", "%w", trim(err))
	case alertOf(err) != "":
		return b.refusedCertificate(alertOf(err), fault)
	case errors.Is(err, errAsked) && b.config.Cert == "":
		return fault("add cert and key to "+table, "%s asked for a certificate, there is none to show, and it closed the connection", peer)
	case errors.Is(err, errAsked):
		return fault("the broker's log says why", "%s asked for a certificate, was shown %s, and closed the connection", peer, b.config.Cert)
	case errors.Is(err, packets.ErrorRefusedBadUsernameOrPassword), errors.Is(err, packets.ErrorRefusedNotAuthorised):
		if b.config.User == "" {
			return fault("the broker wants a user: add user and password to "+table, "%s does not let in who gives no user", peer)
		}
		return fault("check user and password in "+table+" against the broker's list", "%s does not let in the user %q", peer, b.config.User)
	case errors.Is(err, packets.ErrorRefusedIDRejected):
		return fault("give another client in "+table+"; some brokers take only letters and digits, at most 23", "%s does not take the client id %q", peer, b.client())
	case errors.Is(err, packets.ErrorRefusedServerUnavailable):
		return fault("it is tried again for ever", "%s says that it is not available", peer)
	case errors.Is(err, packets.ErrorRefusedBadProtocolVersion):
		return fault("the broker must speak MQTT 3.1.1", "%s does not speak MQTT 3.1.1", peer)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fault("is a broker running there? start one, or switch on the one built in: a table [broker]", "nothing answers at %s: connection refused", peer)
	case errors.As(err, &dns):
		return fault("check the name in the url of "+table+", and this machine's network", "there is no address for %s", dns.Name)
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return fault("check this machine's network, and the address in the url of "+table, "there is no way to %s: the network is unreachable", peer)
	case errors.As(err, &authority):
		return fault("name the file of its authority: ca in "+table, "the certificate of %s is signed by an unknown authority", peer)
	case errors.As(err, &host):
		return fault("use the name in the certificate in the url of "+table, "the certificate of %s is for another: %v", peer, host)
	case errors.As(err, &invalid):
		return fault("renew it; if it is good, check this machine's clock", "the certificate of %s does not count: %v", peer, invalid)
	case errors.As(err, &record):
		return fault("use mqtt in place of mqtts, or the port for TLS, mostly 8883", "%s does not speak TLS", peer)
	case errors.As(err, &network) && network.Timeout(), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, errSilent):
		return fault("check the address and the port, and firewalls on the way", "%s did not answer within %v", peer, patience)
	case isClosed(err):
		port := "wants TLS (mqtts)"
		if strings.HasPrefix(peer, "mqtts") || strings.HasPrefix(peer, "ssl") || strings.HasPrefix(peer, "wss") {
			port = "does not speak TLS"
		}
		return fault(fmt.Sprintf("the broker's log says why; if this repeats, another client may use the id %q, or the port %s", b.client(), port),
			"%s closed the connection", peer)
	}
	return fmt.Errorf("%s: %w", peer, trim(err))
}

func isClosed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// alertOf is what a broker says that ends TLS, "" if it does not. crypto/tls has names for alerts, and no type.
func alertOf(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "remote error" {
		return strings.TrimPrefix(op.Err.Error(), "tls: ")
	}
	return ""
}

// refusedCertificate explains an alert. With TLS 1.2 who shows no certificate fails at the handshake.
func (b *bridge) refusedCertificate(alert string, fault func(remedy, format string, args ...any) error) error {
	c, table := &b.config, "[uplink."+b.line.Name+"]"
	about := strings.Contains(alert, "certificate") || alert == "handshake failure" || alert == "access denied"
	remedy := "the broker's log says why"
	switch {
	case !about:
		return fault(remedy, "%s does not go on with TLS: %s", b.Peer(), alert)
	case c.Cert == "":
		return fault("if it wants to see one: add cert and key to "+table, "%s does not let in who shows no certificate: %s", b.Peer(), alert)
	case alert == "expired certificate":
		remedy = "renew it; if it is good, check the clock of the broker's machine"
	case alert == "unknown certificate authority":
		remedy = "let the broker trust its authority, in Mosquitto by cafile; or use a certificate of one that it trusts"
	}
	return fault(remedy, "%s does not take the certificate %s: %s", b.Peer(), c.Cert, alert)
}

// trim leaves out what paho puts before every failure to connect.
func trim(err error) error {
	if text, ok := strings.CutPrefix(err.Error(), packets.ErrorNetworkError.Error()+" : "); ok {
		return errors.New(text)
	}
	return err
}
