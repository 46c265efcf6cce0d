// Package httppoll is for things on the network that tell their values over HTTP, as JSON or as text: meters,
// inverters, weather services, a page of one's own.
//
//	[device.inverter]
//	driver = "http-poll"
//	url    = "http://192.168.1.20/solar_api/v1/GetPowerFlowRealtimeData.fcgi"
//	every  = "10s"
//
//	[device.inverter.channel.power]
//	path = "Body.Data.Site.P_PV"
//	unit = "W"
//
// The connection is kept between two polls. A password or token stands in a file or in the environment; it goes to
// the host of url alone, for a redirect to another host is not followed, and neither it nor the query of url is in any
// message. Over http:// it can be read on the way.
package httppoll

import (
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"time"

	"selvage/drivers/fields"
	"selvage/edge/device"
	"selvage/edge/secret"
)

func init() { device.Register("http-poll", Config{Method: http.MethodGet, Auth: bearer}, Open) }

// Config is one [device.…] table of the host file.
type Config struct {
	_        struct{}                  `doc:"Something on the network that tells its values over HTTP, as JSON or as text, whenever it is asked." example:"inverter"`
	URL      string                    `toml:"url" doc:"what is asked for, with http:// or https://" example:"https://192.168.1.20/status"`
	Method   string                    `toml:"method" doc:"GET, POST or PUT"`
	Body     string                    `toml:"body" doc:"what is sent with POST or PUT" example:"-" unset:"nothing"`
	Header   map[string]string         `toml:"header" doc:"headers that are sent, without secrets" example:"{ Accept = \"application/json\" }"`
	User     string                    `toml:"user" doc:"the name to log in with (HTTP Basic)" example:"selvage"`
	Password secret.Place              `toml:"password" doc:"where the password is, read at each poll: file:/path or env:NAME" example:"file:/etc/selvage/inverter"`
	Token    secret.Place              `toml:"token" doc:"where the token or key of the interface is, read at each poll: file:/path or env:NAME" example:"-"`
	Auth     string                    `toml:"auth" doc:"how the token is sent: bearer, header NAME or query NAME" example:"-"`
	CA       string                    `toml:"ca" doc:"a file of PEM certificates to trust for https, beside the system's" example:"/etc/selvage/ca.pem"`
	TLSName  string                    `toml:"tls-name" doc:"the name that its certificate has for https" unset:"the host of url" example:"-"`
	Match    string                    `toml:"match" doc:"a regular expression with a named group (?P<name>…) for each value; ^ and $ are the ends of a line" example:"-" unset:"the answer is JSON, or with one channel nothing but its value"`
	Channel  map[string]fields.Channel `toml:"channel" doc:"One of its values; its name is that of its lane." example:"power"`
}

// Ways to send a token.
const (
	bearer   = "bearer"
	inHeader = "header"
	inQuery  = "query"
)

// way takes auth apart.
func (c Config) way() (way, name string, ok bool) {
	way, name, _ = strings.Cut(strings.TrimSpace(c.Auth), " ")
	name = strings.TrimSpace(name)
	switch way {
	case "", bearer:
		return bearer, "", name == ""
	case inHeader, inQuery:
		return way, name, name != "" && (way == inQuery || isToken(name))
	}
	return way, name, false
}

// patience is how long a poll may take unless timeout says otherwise.
const patience = 10 * time.Second

// Within is that.
func (c Config) Within() time.Duration { return patience }

var methods = []string{http.MethodGet, http.MethodPost, http.MethodPut}

// unsafeHeaders would hold a secret, or are not to be set.
var unsafeHeaders = map[string]string{
	"Authorization":       `give user and password, or token = "file:/path"`,
	"Proxy-Authorization": "a proxy is set by the environment: HTTPS_PROXY",
	"Cookie":              `give token = "file:/path" with auth = "header Cookie"`,
	"Content-Length":      "leave it out: it is that of body",
	"Transfer-Encoding":   "leave it out",
}

// Check names what cannot work.
func (c Config) Check(fault func(key, problem, remedy string)) {
	c.checkURL(fault)
	if !slices.Contains(methods, c.Method) {
		fault("method", fmt.Sprintf("%q is no method to poll with", c.Method), "use GET, POST or PUT")
	}
	if c.Body != "" && c.Method == http.MethodGet {
		fault("body", "GET has no body", `add method = "POST"`)
	}
	for name, value := range c.Header {
		switch remedy, bad := unsafeHeaders[textproto.CanonicalMIMEHeaderKey(name)]; {
		case bad:
			fault("header."+name, fmt.Sprintf("the header %s does not stand here", name), remedy)
		case !isToken(name) || strings.ContainsFunc(value, isControl):
			fault("header."+name, fmt.Sprintf("%q is no header", name), "a name has letters, digits and -, and a value is on one line")
		}
	}
	c.checkSecrets(fault)
	fields.Check(c.Match, c.Channel, fault)
	if len(c.Channel) == 0 {
		fault("channel", "there is nothing to read", "add a table such as [device.inverter.channel.power]")
	}
}

func (c Config) checkURL(fault func(key, problem, remedy string)) {
	const like = `write it like "http://192.168.1.20/status"`
	if c.URL == "" {
		fault("url", "url is missing: what is to be asked for?", like)
		return
	}
	u, err := url.Parse(c.URL)
	switch {
	case err != nil:
		fault("url", "url is no URL", like) // the error would repeat what may hold a password
	case u.User != nil:
		fault("url", "url holds a user or password", `write them as user = "…" and password = "file:/path" or "env:NAME"`)
	case u.Scheme != "http" && u.Scheme != "https":
		fault("url", "url begins neither with http:// nor with https://", like)
	case u.Hostname() == "":
		fault("url", "url names no host", like)
	case c.TLSName != "" && u.Scheme == "http":
		fault("tls-name", "http has no certificates to check", "use https, or leave tls-name out")
	case c.CA != "" && u.Scheme == "http":
		fault("ca", "http has no certificates to check", "use https, or leave ca out")
	}
}

func (c Config) checkSecrets(fault func(key, problem, remedy string)) {
	const place = `put it into a file and write "file:/path/to/it", or "env:NAME" for a variable of the environment`
	if c.Password.IsPlain() {
		fault("password", "password is not where to find one", place)
	}
	if c.Token.IsPlain() {
		fault("token", "token is not where to find one", place)
	}
	if !c.Password.IsZero() && c.User == "" {
		fault("password", "a password without a user", "add user; a key without a user is a token")
	}
	way, _, ok := c.way()
	switch {
	case !ok:
		fault("auth", fmt.Sprintf("a token is not sent as %q", c.Auth), `use "bearer", or such as "header X-Api-Key" or "query appid"`)
	case !c.Token.IsZero() && c.User != "" && way == bearer:
		fault("token", "a user and a token would be sent in the same header", `leave one out, or say where the token goes: auth = "header X-Api-Key"`)
	}
}

func isControl(r rune) bool { return r < ' ' || r == 0x7F }

// isToken tells whether a text is what RFC 9110 (5.6.2) calls a token.
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", r))
	})
}
