// Package warp is the uplink to a hub: another Selvage host that keeps a copy of lanes of this one.
//
// One outbound WebSocket is all it takes. After each connect the state of every selected value and
// map lane goes over it, that of the lanes that changed last first, and then what changes. Of a lane
// that changes faster than the connection takes it, only the newest is sent.
package warp

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"selvage/edge/agent"
	"selvage/edge/peer"
	"selvage/edge/recon"
	"selvage/edge/route"
	"selvage/edge/secret"
	"selvage/uplink"
)

func init() { uplink.Register("warp", Config{}, open) }

// Config is a table [uplink.NAME] of kind warp.
type Config struct {
	_     struct{}     `doc:"Sends lanes of this host to a hub, another Selvage host." example:"hub"`
	URL   string       `doc:"where the hub is: warp://host:port, or warps:// for TLS" example:"warps://hub.example"`
	As    string       `doc:"the node URI at the hub below which this host's agents appear" unset:"/edge/ and the host's name" example:"/edge/greenhouse-1"`
	Token secret.Place `doc:"where the token is that the hub knows this host by, read at each connect: file:/path or env:NAME" example:"file:/etc/selvage/hub"`
	Send  []string     `doc:"which lanes, each * standing for one segment and the last segment for the lane" example:"[\"/device/*/*\", \"/room/*/*\"]"`
}

// Check finds what is wrong with the table.
func (c *Config) Check(fault func(key, problem, remedy string)) {
	const url = `write "warp://hub.example:9001", or warps:// for TLS`
	if c.URL == "" {
		fault("url", "an uplink of kind warp needs a url", url)
	} else if u, err := peer.Address(c.URL); err != nil {
		fault("url", err.Error(), url)
	} else if u.User != nil {
		fault("url", "a url in this file has no user and no password", url)
	}
	if c.Token.IsPlain() {
		fault("token", "token is not where to find one", `put the token into a file and write "file:/path/to/it", or "env:NAME" for a variable of the environment`)
	}
	if c.As != "" {
		if _, err := asNode(c.As); err != nil {
			fault("as", err.Error(), `write "/edge/" and a name that tells this host from others`)
		}
	}
	if len(c.Send) == 0 {
		fault("send", "nothing is chosen to be sent", `write send = ["/device/*/*"], each * for one segment, the last one for the lane`)
	}
	for _, s := range c.Send {
		if g, err := route.ParseGlob(s); err != nil {
			fault("send", err.Error(), `it looks like "/device/*/*"`)
		} else if !strings.HasPrefix(s, "/") || strings.Count(g.String(), "/") < 2 {
			fault("send", fmt.Sprintf("%q has no place for a lane", s), `the last segment stands for the lane, as in "/device/*/*"`)
		}
	}
}

func asNode(as string) (route.NodeURI, error) {
	node, _, err := route.Node("/", as)
	if err == nil && (!strings.HasPrefix(as, "/") || strings.Count(string(node), "/") < 2 || strings.HasSuffix(as, "/")) {
		err = fmt.Errorf("%q is no place at a hub", as)
	}
	return node, err
}

// hub is the uplink to one hub.
type hub struct {
	Config
	line  *uplink.Line
	as    route.NodeURI
	globs []route.Glob

	changes atomic.Uint64 // of all lanes; numbers them

	mu    sync.Mutex
	lanes map[target]*sentLane
	conn  *session // nil while there is none
}

type target struct {
	node route.NodeURI
	lane route.LaneName
}

func open(l *uplink.Line, c Config) (uplink.Uplink, error) {
	h := &hub{Config: c, line: l, lanes: map[target]*sentLane{}}
	if c.As == "" {
		c.As = "/edge/" + route.Escape(l.Host.Name())
	}
	var err error
	if h.as, err = asNode(c.As); err != nil {
		return nil, err
	}
	for _, s := range c.Send {
		g, err := route.ParseGlob(s)
		if err != nil {
			return nil, err
		}
		h.globs = append(h.globs, g)
	}
	return h, nil
}

func (h *hub) Peer() string { return h.URL }

// Setup has the lanes watched for as long as the agent lives.
func (h *hub) Setup(a *agent.Agent) error {
	a.OnClose(h.line.Host.Watch(h.meet))
	return nil
}

// helloTime is how long a hub may take to answer.
const helloTime = 10 * time.Second

func (h *hub) Run(ctx context.Context) error {
	token, err := h.Token.Read()
	if err != nil {
		return &uplink.Fault{Err: fmt.Errorf("the token for %s cannot be read: %w", h.URL, err), Remedy: "let the user that runs selvage read it and nobody else change it, or correct token"}
	}
	conn, err := peer.Dial(ctx, h.URL, peer.Options{})
	if err != nil {
		return explain(err, h.URL)
	}
	defer conn.Close(closeNormal, "")
	if token = strings.TrimSpace(token); token != "" {
		if err := conn.Authenticate(recon.Append(nil, recon.Record(recon.Field("token", recon.String(token))))); err != nil {
			return h.cut(ctx, conn, err)
		}
	}
	answer := &answer{line: h.line, is: make(chan error, 1)}
	if err := conn.Command(string(h.as), string(HelloLane), Hello{Name: h.line.Host.Name()}.body()); err != nil {
		return h.cut(ctx, conn, err)
	}
	if _, err := conn.Follow(string(h.as), string(HelloLane), true, answer); err != nil {
		return h.cut(ctx, conn, err)
	}
	select {
	case err := <-answer.is:
		if err != nil {
			return h.refused(err)
		}
	case <-ctx.Done():
		return nil
	case <-time.After(helloTime):
		return fmt.Errorf("%s took the connection and did not answer for %v", h.URL, helloTime)
	}
	h.line.Up()
	h.attach(conn)
	defer h.detach()
	err = conn.Wait(ctx)
	switch {
	case err == nil || ctx.Err() != nil:
		return nil
	case strings.Contains(err.Error(), TakenOver):
		return &uplink.Fault{
			Err:    fmt.Errorf("another host says to %s that it is %s", h.URL, h.as),
			Remedy: "two hosts have one name: give one of them another name, or set another as in its table [uplink.…]",
		}
	}
	if fault := h.turnedAway(err); fault != nil {
		return fault
	}
	return fmt.Errorf("the connection to %s was lost: %w", h.URL, err)
}

const closeNormal = 1000 // RFC 6455, 7.4.1

// answer is what comes down the link to the hub's lane hello.
type answer struct {
	line *uplink.Line
	is   chan error // nil once a hub has said that this connection speaks for the edge
}

func (a *answer) tell(err error) {
	select {
	case a.is <- err:
	default:
	}
}

func (a *answer) Event(body []byte) {
	a.line.In.Add(1)
	var said Answer
	if recon.Unmarshal(body, &said) == nil && said.Speaks != "" {
		a.tell(nil)
	}
}

func (a *answer) Synced()         {}
func (a *answer) Ended(err error) { a.tell(err) }

func (h *hub) refused(err error) error {
	if unlinked := (*peer.Unlinked)(nil); errors.As(err, &unlinked) {
		return &uplink.Fault{
			Err: fmt.Errorf("%s takes no lanes for %s", h.URL, h.as),
			Remedy: "if it is a Selvage host, its config needs a table [hub], whose mount is the beginning of " + string(h.as) +
				", and its conditions say whether it is full; else change as or url here",
		}
	}
	if fault := h.turnedAway(err); fault != nil {
		return fault
	}
	return fmt.Errorf("%s: %w", h.URL, err)
}

// cut is why a hub has ended the connection on which something could not be written.
func (h *hub) cut(ctx context.Context, conn *peer.Conn, err error) error {
	ctx, cancel := context.WithTimeout(ctx, helloTime)
	defer cancel()
	if ended := conn.Wait(ctx); ended != nil && ctx.Err() == nil {
		err = ended
	}
	return h.refused(err)
}

// turnedAway is the fault of an edge that its hub does not let in, nil if the connection ended otherwise.
func (h *hub) turnedAway(err error) error {
	const closed = "close 1008 (policy violation): "
	switch text := err.Error(); {
	case strings.Contains(text, closed+"Unauthorized"):
		return &uplink.Fault{
			Err:    fmt.Errorf("%s does not know the token of this host", h.URL),
			Remedy: "give it one: selvage token NAME prints it for token here, and its hash for [policy] in the hub's config",
		}
	case strings.Contains(text, closed+"Forbidden"):
		return &uplink.Fault{
			Err:    fmt.Errorf("%s lets this host send nothing to %s", h.URL, h.as),
			Remedy: fmt.Sprintf("its [policy] has a user for the token of this host, who needs a role with link and command = [\"%s/**\"]", h.as),
		}
	}
	return nil
}

// explain turns an error of a dial into one for people.
func explain(err error, url string) error {
	var name *net.DNSError
	var cert *x509.UnknownAuthorityError
	var errno syscall.Errno
	fault := &uplink.Fault{Err: err}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		fault.Err = fmt.Errorf("nobody listens at %s: %w", url, syscall.ECONNREFUSED)
		fault.Remedy = "start the hub (selvage run, with a table [hub] in its config), or correct url"
	case errors.As(err, &name):
		fault.Remedy = "check the name in url, and this machine's network"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		errors.As(err, &errno)
		fault.Err = fmt.Errorf("%s cannot be reached: %w", url, errno)
		fault.Remedy = "check this machine's network: ip route"
	case errors.As(err, &cert):
		fault.Remedy = "its certificate is signed by nobody this machine trusts; install the signer's certificate, or correct url"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), strings.Contains(err.Error(), "malformed HTTP"):
		fault.Err = fmt.Errorf("what answers at %s is no WARP host: %w", url, err)
		fault.Remedy = "check host and port in url"
	default:
		return err
	}
	return fault
}

var _ uplink.Uplink = (*hub)(nil)
