package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"selvage/edge/agent"
	"selvage/edge/host"
	"selvage/edge/policy"
	"selvage/edge/recon"
	"selvage/edge/route"
)

// turnTime is how long a request waits for its agent's turn and for the commit.
const turnTime = 10 * time.Second

const (
	reconType = "application/recon"
	jsonType  = "application/json"
)

func wantsLane(r *http.Request) bool { return r.URL.Query().Has("lane") }

// lane reads a lane or sends it a command.
func (s *Server) lane(w http.ResponseWriter, r *http.Request, v visitor) {
	path := r.URL.EscapedPath()
	node, _, err := route.Node("/", path)
	if err == nil && strings.HasPrefix(path, "//") {
		err = fmt.Errorf("%s: %w", path, host.ErrNoNode) // route reads it as //authority/path
	}
	lane, _, laneErr := route.Lane(r.URL.Query().Get("lane"))
	if err = errors.Join(err, laneErr); err != nil {
		say(w, status(err), err.Error())
		return
	}
	if lane == "" {
		say(w, http.StatusBadRequest, "the lane's name is empty; it looks like ?lane=temperature")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), turnTime)
	defer cancel()
	what := policy.Command
	if reads(r.Method) {
		what = policy.Read
	}
	e := policy.Event{Who: v.who.Name(), From: v.from, What: what.String(), Node: node, Lane: lane}
	if !v.who.May(what, node, lane) {
		s.denied(w, v, e)
		return
	}
	of, isPast := route.HistoryOf(lane)
	isHTTP := !isPast && s.Host.IsHTTP(ctx, node, lane)
	if !reads(r.Method) && (isHTTP || r.Method == http.MethodPost) {
		s.note(v.who, e)
	}
	switch {
	case isHTTP:
		s.request(ctx, w, r, node, lane)
	case reads(r.Method) && isPast:
		if !s.Host.Keeps(node, of) {
			say(w, http.StatusNotFound, fmt.Sprintf("there is no history of %s %s; a table [history] of the config says what is kept", node, of))
			return
		}
		s.history(ctx, w, r, node, of)
	case reads(r.Method) && wantsHistory(r.URL.Query()):
		s.history(ctx, w, r, node, lane)
	case reads(r.Method):
		s.read(ctx, w, r, node, lane)
	case r.Method == http.MethodPost:
		s.command(ctx, w, r, node, lane)
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		say(w, http.StatusMethodNotAllowed, "a lane is read with GET and takes a command by POST")
	}
}

// reads reports whether requests of a method change nothing.
func reads(method string) bool { return method == http.MethodGet || method == http.MethodHead }

// body reads that of a request; if it cannot, the request is answered.
func (s *Server) body(w http.ResponseWriter, r *http.Request) (body []byte, ok bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.Peer.Limits.Message))
	if err != nil {
		code := http.StatusBadRequest
		if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
			code, err = http.StatusRequestEntityTooLarge, fmt.Errorf("a command has at most %d bytes", large.Limit)
		}
		say(w, code, err.Error())
		return nil, false
	}
	return body, true
}

// command answers after the commit that holds what the command changed.
func (s *Server) command(ctx context.Context, w http.ResponseWriter, r *http.Request, node route.NodeURI, lane route.LaneName) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind == csvType {
		s.backfill(ctx, w, r, node, lane)
		return
	}
	body, ok := s.body(w, r)
	if !ok {
		return
	}
	switch kind {
	case "", reconType:
	case jsonType:
		v, err := recon.ParseJSON(body)
		if err != nil {
			say(w, http.StatusBadRequest, err.Error())
			return
		}
		body = recon.Append(nil, v)
	default:
		say(w, http.StatusUnsupportedMediaType, fmt.Sprintf("a command is %s or %s, this is %s; try curl --json VALUE", reconType, jsonType, kind))
		return
	}
	if err := s.Host.Do(ctx, node, lane, body); err != nil {
		s.fail(w, node, lane, err)
		return
	}
	if r.URL.Query().Has("durable") && !s.keeps(node, lane) {
		say(w, http.StatusInsufficientStorage, fmt.Sprintf("done, but not on disk: %s %s is not remembered over a restart", node, lane))
		return
	}
	say(w, http.StatusOK, "ok")
}

// keeps tells whether what a command to a lane changes is on disk once it is committed. What a command lane has
// its agent do is, as far as anything remembers it.
func (s *Server) keeps(node route.NodeURI, lane route.LaneName) bool {
	a, ok := s.Host.Node(node)
	if !ok || s.Host.Store == nil {
		return false
	}
	l := a.Lane(lane)
	return l != nil && (l.Stored() || l.Kind() == agent.CommandKind)
}

// read answers with what the lane holds: a value lane's value, a map lane's entries as a record, a
// list lane's values as one.
func (s *Server) read(ctx context.Context, w http.ResponseWriter, r *http.Request, node route.NodeURI, lane route.LaneName) {
	state, err := s.Host.Read(ctx, node, lane)
	if err != nil {
		s.fail(w, node, lane, err)
		return
	}
	switch state.Kind {
	case agent.CommandKind:
		w.Header().Set("Allow", "POST")
		say(w, http.StatusMethodNotAllowed, fmt.Sprintf("%s %s takes commands and holds nothing to read", node, lane))
		return
	case agent.SupplyKind:
		say(w, http.StatusMethodNotAllowed, fmt.Sprintf("%s %s shows what comes to those who link to it, and holds nothing to read", node, lane))
		return
	}
	kind := accepted(r.Header.Values("Accept"), reconType)
	body, err := text(state, kind)
	if err != nil {
		s.fail(w, node, lane, err)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-store")
	w.Write(append(body, '\n'))
}

// text returns a lane's state as one value, in Recon or JSON.
func text(state host.State, kind string) ([]byte, error) {
	var body []byte
	switch state.Kind {
	case agent.ValueKind, agent.DemandKind:
		if len(state.Events) > 0 {
			body = append(body, state.Events[0]...)
		}
	case agent.ListKind:
		return list(state.Events, kind)
	default:
		var items []recon.Item
		for _, event := range state.Events {
			v, err := recon.Parse(event)
			if err != nil {
				return nil, err
			}
			items = append(items, recon.Slot(v.Header("update").Get("key"), v.Body()))
		}
		body = recon.Append(body, recon.Record(items...))
	}
	if kind != jsonType {
		return body, nil
	}
	v, err := recon.Parse(body)
	return recon.AppendJSON(nil, v), err
}

// list returns a list lane's values in order. It is an array also if it is empty, or ends with an
// empty value: as a record they would not show.
func list(events [][]byte, kind string) ([]byte, error) {
	print, open, end := recon.Append, "{", byte('}')
	if kind == jsonType {
		print, open, end = recon.AppendJSON, "[", ']'
	}
	body := []byte(open)
	for i, event := range events {
		v, err := recon.Parse(event)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			body = append(body, ',')
		}
		body = print(body, v.Body())
	}
	if body[len(body)-1] == ',' || len(events) == 1 && len(body) == 1 {
		body = append(body, ',') // an empty item is one if something follows
	}
	return append(body, end), nil
}

// accepted picks the type that an Accept header likes best of those that can be had (RFC 9110, 12.5.1), and
// otherwise if it likes anything as much. Recon shows as text in a browser.
func accepted(accept []string, otherwise string) string {
	type liked struct {
		kind string
		q    float64
	}
	var all []liked
	for _, one := range strings.Split(strings.Join(accept, ","), ",") {
		kind, params, _ := mime.ParseMediaType(one)
		q, err := strconv.ParseFloat(params["q"], 64)
		if err != nil {
			q = 1
		}
		switch {
		case q > 0:
			all = append(all, liked{kind, q})
		case kind != otherwise:
		case kind == jsonType:
			otherwise = reconType
		default:
			otherwise = jsonType
		}
	}
	slices.SortStableFunc(all, func(x, y liked) int { // a type by its name comes before any
		return cmp.Or(cmp.Compare(y.q, x.q), cmp.Compare(strings.Count(x.kind, "*"), strings.Count(y.kind, "*")))
	})
	for _, l := range all {
		switch l.kind {
		case jsonType, reconType:
			return l.kind
		case "text/html", "text/plain", "text/*":
			return "text/plain; charset=utf-8"
		case "*/*", "application/*":
			return otherwise
		}
	}
	return otherwise
}

func (s *Server) fail(w http.ResponseWriter, node route.NodeURI, lane route.LaneName, err error) {
	text := err.Error()
	switch {
	case errors.Is(err, host.ErrNoNode):
		text = fmt.Sprintf("there is no agent %s", node)
	case errors.Is(err, agent.ErrNoLane):
		text = fmt.Sprintf("agent %s has no lane %s", node, lane)
	}
	code := status(err)
	if code == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	say(w, code, text)
}

// status is the HTTP status for what a command or a read ended with.
func status(err error) int {
	var panicked *agent.Panicked
	var said *agent.StatusError
	switch {
	case errors.As(err, &said) && said.Code >= 400 && said.Code < 600:
		return said.Code
	case said != nil:
		return http.StatusInternalServerError
	case errors.Is(err, host.ErrNoNode), errors.Is(err, agent.ErrNoLane):
		return http.StatusNotFound
	case errors.Is(err, host.ErrFull), errors.Is(err, host.ErrStopped), errors.Is(err, host.ErrTooMany), errors.Is(err, agent.ErrBehind),
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return http.StatusServiceUnavailable
	case errors.Is(err, agent.ErrReadOnly):
		return http.StatusForbidden
	case errors.Is(err, host.ErrNotSaved):
		return http.StatusInsufficientStorage
	case errors.As(err, &panicked):
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest // the lane refused the value
}
