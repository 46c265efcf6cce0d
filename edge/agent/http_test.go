package agent

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"selvage/edge/recon"
)

type purchase struct {
	Item  string
	Count int `recon:",omitempty"`
}

func TestHTTPLane(t *testing.T) {
	o := newLoop(t)
	a := o.add("/shop", func(a *Agent) {
		left := Value(a, "left", 5)
		HTTP(a, "orders", Handlers{
			Get: func(r *Request) (any, error) {
				if r.Query.Get("as") == "csv" {
					return Content{"text/csv", []byte("left\n5\n")}, nil
				}
				return purchase{"apple", left.Get()}, nil
			},
			Post: func(r *Request) (any, error) {
				var wanted purchase
				if err := r.Into(&wanted); err != nil {
					return nil, err
				}
				if wanted.Count > left.Get() {
					return nil, Status(409, "only %d left", left.Get())
				}
				left.Set(left.Get() - wanted.Count)
				return nil, nil
			},
			Delete: func(*Request) (any, error) { return make(chan int), nil },
		})
		Value(a, "name", "shop")
	})
	tests := []struct {
		method, query, body string
		want, err           string
		code                int // of a StatusError
	}{
		{"GET", "", "", "{item:apple,count:5}", "", 0},
		{"HEAD", "", "", "{item:apple,count:5}", "", 0},
		{"GET", "as=csv", "", "text/csv left\n5\n", "", 0},
		{"POST", "", "{item:apple,count:2}", "", "", 0},
		{"GET", "", "", "{item:apple,count:3}", "", 0},
		{"POST", "", "{item:apple,count:9}", "", "only 3 left", 409},
		{"POST", "", "{item:apple,count:many}", "", "count: want a whole number", 0},
		{"PUT", "", "1", "", "/shop orders takes GET, HEAD, POST, DELETE, not PUT", 405},
		{"DELETE", "", "", "", "what it answers has no form", 500},
	}
	for _, tt := range tests {
		q, _ := url.ParseQuery(tt.query)
		r := &Request{Method: tt.method, Query: q, Raw: []byte(tt.body)}
		r.Body, _ = recon.ParseString(tt.body)
		var reply *Reply
		var err error
		o.do(a, func() { reply, err = a.Answer("orders", r) })
		got := ""
		if reply != nil {
			got = string(reply.Body)
			if reply.Body == nil {
				got = reply.Content.Type + " " + string(reply.Content.Body)
			}
		}
		text, code := "", 0
		if err != nil {
			text = err.Error()
		}
		if s := (*StatusError)(nil); errors.As(err, &s) {
			code = s.Code
		}
		if got != tt.want || !strings.Contains(text, tt.err) || tt.err == "" && text != "" || code != tt.code {
			t.Errorf("%s %s %s = %q, %q %d, want %q, %q %d", tt.method, tt.query, tt.body, got, text, code, tt.want, tt.err, tt.code)
		}
	}
	o.do(a, func() {
		if _, err := a.Answer("name", &Request{Method: "GET"}); !errors.Is(err, ErrNotHTTP) {
			t.Errorf("a request to a value lane = %v", err)
		}
		if _, err := a.Answer("none", &Request{Method: "GET"}); !errors.Is(err, ErrNoLane) {
			t.Errorf("a request to no lane = %v", err)
		}
	})
	if err := o.command(a, "orders", "1"); !errors.Is(err, ErrReadOnly) {
		t.Errorf("a command = %v, want %v", err, ErrReadOnly)
	}
	want(t, "conditions: a client's mistakes are none of the host's", o.conditions(), nil)
}
