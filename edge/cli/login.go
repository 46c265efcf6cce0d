package cli

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"selvage/edge/peer"
	"selvage/edge/policy"
	"selvage/edge/recon"
)

// Where the token for the host is looked for, the first before the second. It is no argument of a command,
// which all users of a machine can see.
const (
	tokenVariable     = "SELVAGE_TOKEN"
	tokenFileVariable = "SELVAGE_TOKEN_FILE"
)

// addLogin adds what has to do with logins: two commands, and a flag for all others.
func (e *env) addLogin(root *cobra.Command) {
	root.PersistentFlags().Func("token-file", "a file with the token to show to the host; "+tokenVariable+" has the token itself", func(path string) error {
		if path == "" {
			return errors.New("the name of the file is empty")
		}
		os.Unsetenv(tokenVariable) // the flag is nearer
		return os.Setenv(tokenFileVariable, path)
	})
	root.AddCommand(e.hashCommand(), e.tokenCommand())
}

// token returns the token to show to the host, "" if there is none.
func token() (string, error) {
	if t := strings.TrimSpace(os.Getenv(tokenVariable)); t != "" {
		return t, nil
	}
	path := os.Getenv(tokenFileVariable)
	if path == "" {
		return "", nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", &trouble{fmt.Errorf("the token cannot be read: %w", err), "name another file with --token-file, or set " + tokenVariable}
	}
	t := strings.TrimSpace(string(text))
	if _, err := policy.ReadToken(t); err != nil || strings.Contains(t, "$") {
		return "", &trouble{fmt.Errorf("%s holds no token", path), "make one: " + program() + " token NAME"}
	}
	return t, nil
}

// tokenFor returns the token if it is for the host that the command talks to. A URI may name any other,
// which has no business with it.
func (e *env) tokenFor() (string, error) {
	t, err := token()
	if t == "" || err != nil {
		return "", err
	}
	if !e.isHome() {
		e.warn("the token is not shown to %s; it is for the host of --host, %s", e.host, e.home)
		return "", nil
	}
	at, err := peer.Address(e.host)
	if err == nil && at.Scheme != "wss" && !onThisMachine(at.Hostname()) {
		e.warn("the token crosses the network to %s in plain text; with TLS the host is warps://…", at.Host)
	}
	return t, nil
}

// warn tells something about the token once, however often a command connects.
func (e *env) warn(format string, args ...any) {
	if !e.warned {
		e.warned = true
		fmt.Fprintf(e.err, "selvage: "+format+"\n", args...)
	}
}

// isHome reports whether the host of a command is the one of --host.
func (e *env) isHome() bool {
	if e.home == "" {
		return true
	}
	home, err := peer.Address(e.home)
	at, otherErr := peer.Address(e.host)
	return err == nil && otherErr == nil && home.Scheme == at.Scheme && strings.EqualFold(home.Host, at.Host)
}

func onThisMachine(name string) bool {
	addr, err := netip.ParseAddr(name)
	return strings.EqualFold(name, "localhost") || err == nil && addr.Unmap().IsLoopback()
}

// authenticate tells a WARP host whose connection this is.
func (e *env) authenticate(c *peer.Conn) error {
	t, err := e.tokenFor()
	if err != nil || t == "" {
		return err
	}
	return c.Authenticate(recon.Append(nil, recon.Record(recon.Field("token", recon.String(t)))))
}

// authorize does the same for an HTTP request.
func (e *env) authorize(req *http.Request) error {
	t, err := e.tokenFor()
	if t != "" {
		req.Header.Set("Authorization", "Bearer "+t)
	}
	return err
}

// turnedAway says what to try when a host does not let this user in.
func turnedAway(err error) error {
	if t, _ := token(); t == "" {
		return &trouble{err, "it may want a login: give a token with --token-file FILE or " + tokenVariable}
	}
	return &trouble{err, "the token is wrong, or its user may not do this; see [policy] in that host's config"}
}
