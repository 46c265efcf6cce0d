package agent

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"selvage/edge/recon"
	"selvage/edge/route"
)

// ErrNotHTTP is what a request ends with to a lane that does not answer HTTP requests itself.
var ErrNotHTTP = errors.New("this lane does not answer HTTP requests itself")

// Request is an HTTP request to a lane, METHOD /node?lane=name.
type Request struct {
	Method string
	Query  url.Values  // the lane's name apart
	Type   string      // of the body, as in application/json; "" if the client did not say
	Body   recon.Value // absent if there is no body, or one that is neither Recon nor JSON
	Raw    []byte      // the body as it came
}

// Into reads the body into v, which points to a value of a type that has a Recon form.
func (r *Request) Into(v any) error { return recon.FromValue(r.Body, v) }

// Content is an answer that goes out as it is.
type Content struct {
	Type string // such as text/csv
	Body []byte
}

// Reply is what an HTTP lane answers: a Content, or a body in Recon which its client may want as JSON.
type Reply struct {
	Content Content
	Body    []byte // nil if Content is the answer
}

// StatusError is an answer that says why there is none.
type StatusError struct {
	Code int // an HTTP status
	Text string
}

func (e *StatusError) Error() string { return e.Text }

// Status is for handlers of HTTP lanes: the request is answered with that HTTP status and text.
func Status(code int, format string, args ...any) error {
	return &StatusError{code, fmt.Sprintf(format, args...)}
}

// Handlers answer the requests to an HTTP lane, one for each method; Get also answers HEAD. What they
// return is a value that has a Recon form, nil for none, or a Content. It goes out as JSON, or as Recon if
// the client asks for it. An error is answered with status 400, or that of a StatusError.
type Handlers struct {
	Get, Post, Put, Patch, Delete func(*Request) (any, error)
}

func (h *Handlers) of(method string) func(*Request) (any, error) {
	switch method {
	case "GET", "HEAD":
		return h.Get
	case "POST":
		return h.Post
	case "PUT":
		return h.Put
	case "PATCH":
		return h.Patch
	case "DELETE":
		return h.Delete
	}
	return nil
}

// httpLane answers requests. On the wire of WARP there is nothing of it.
type httpLane struct {
	Lane
	holdsNothing
	handlers Handlers
}

// HTTP makes a lane that answers HTTP requests, each in a turn. A request that may change something is
// answered when what its turn stored is on flash.
func HTTP(a *Agent, name string, h Handlers) *Lane {
	l := &httpLane{handlers: h}
	a.add(&l.Lane, name, HTTPKind, l)
	return &l.Lane
}

// Answer answers a request to a lane, in a turn.
func (a *Agent) Answer(name route.LaneName, r *Request) (*Reply, error) {
	lane := a.Lane(name)
	if lane == nil {
		return nil, ErrNoLane
	}
	l, ok := lane.typed.(*httpLane)
	if !ok {
		return nil, ErrNotHTTP
	}
	fn := l.handlers.of(r.Method)
	if fn == nil {
		return nil, Status(405, "%s %s takes %s, not %s", a.uri, name, strings.Join(lane.Methods(), ", "), r.Method)
	}
	v, err := fn(r)
	if err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case nil:
		return &Reply{Body: []byte{}}, nil
	case Content:
		return &Reply{Content: v}, nil
	}
	body, err := recon.AppendAny([]byte{}, v)
	if err != nil {
		return nil, Status(500, "%s %s: what it answers has no form: %v", a.uri, name, err)
	}
	return &Reply{Body: body}, nil
}

// Methods returns the HTTP methods that an HTTP lane takes.
func (l *Lane) Methods() (methods []string) {
	h, ok := l.typed.(*httpLane)
	if !ok {
		return nil
	}
	all := []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}
	return slices.DeleteFunc(all, func(m string) bool { return h.handlers.of(m) == nil })
}

// The rest is typed: it holds nothing and shows nothing.

func (l *httpLane) command([]byte) error      { return ErrReadOnly }
func (l *httpLane) publish()                  {}
func (l *httpLane) now() uint64               { return 0 }
func (l *httpLane) next(*Tail) ([]byte, bool) { return nil, false }
func (l *httpLane) due(*Tail) uint64          { return 0 }
func (l *httpLane) state(*Tail) func() ([]byte, bool) {
	return func() ([]byte, bool) { return nil, false }
}
func (l *httpLane) left(*Tail)   {}
func (l *httpLane) resume(*Lane) {}
