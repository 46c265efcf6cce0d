package web

import (
	"context"
	"mime"
	"net/http"
	"strings"

	"selvage/edge/agent"
	"selvage/edge/recon"
	"selvage/edge/route"
)

// request has a lane that answers HTTP requests itself answer one. Its client gets JSON unless it asks
// for Recon, or has sent Recon and asks for nothing.
func (s *Server) request(ctx context.Context, w http.ResponseWriter, r *http.Request, node route.NodeURI, lane route.LaneName) {
	raw, ok := s.body(w, r)
	if !ok {
		return
	}
	req := &agent.Request{Method: r.Method, Query: r.URL.Query(), Raw: raw}
	req.Query.Del("lane")
	req.Type, _, _ = mime.ParseMediaType(r.Header.Get("Content-Type"))
	var err error
	switch {
	case len(raw) == 0:
	case req.Type == jsonType:
		req.Body, err = recon.ParseJSON(raw)
	case req.Type == reconType:
		req.Body, err = recon.Parse(raw)
	}
	if err != nil {
		say(w, http.StatusBadRequest, err.Error())
		return
	}
	reply, err := s.Host.HTTP(ctx, node, lane, req)
	if err != nil {
		if methods := s.methods(node, lane); len(methods) > 0 && status(err) == http.StatusMethodNotAllowed {
			w.Header().Set("Allow", strings.Join(methods, ", "))
		}
		s.fail(w, node, lane, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	switch {
	case reply.Body == nil:
		w.Header().Set("Content-Type", reply.Content.Type)
		w.Header().Set("Content-Security-Policy", "sandbox") // or it could act as the page of this host
		w.Write(reply.Content.Body)
		return
	case len(reply.Body) == 0:
		w.WriteHeader(http.StatusNoContent)
		return
	}
	otherwise := jsonType
	if req.Type == reconType {
		otherwise = reconType
	}
	kind := accepted(r.Header.Values("Accept"), otherwise)
	body := reply.Body
	if kind == jsonType {
		v, err := recon.Parse(body)
		if err != nil {
			s.fail(w, node, lane, err)
			return
		}
		body = recon.AppendJSON(nil, v)
	}
	w.Header().Set("Content-Type", kind)
	w.Write(append(body, '\n'))
}

func (s *Server) methods(node route.NodeURI, lane route.LaneName) []string {
	a, ok := s.Host.Node(node)
	if !ok {
		return nil
	}
	l := a.Lane(lane)
	if l == nil {
		return nil
	}
	return l.Methods()
}
