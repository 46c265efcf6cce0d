package conformance_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"selvage/edge/conformance"
)

// notServed are the requests of http.json that are about what this host does not have, and why.
var notServed = map[string]string{
	"static-file":    static,
	"static-missing": static,
	"static-head":    static,
	"static-post":    static,
	"http10":         static,
}

const static = "no files are served, the console apart"

type exchange struct{ ID, Service, Request, Response string }

func TestHTTP(t *testing.T) {
	worlds := map[string]*world{}
	for name, o := range listeners {
		worlds[name] = serve(t, o)
	}
	check := conformance.Check(t, "http.json")
	left := 0
	for _, v := range conformance.Read[exchange](t, "http.json") {
		if notServed[v.ID] != "" {
			left++
			continue
		}
		c, err := worlds[v.Service].dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(patience))
		if _, err := io.WriteString(c, v.Request); err != nil {
			t.Fatal(err)
		}
		check.Same(v.ID, summary(v.Request, strings.NewReader(v.Response)), summary(v.Request, c))
	}
	if left != len(notServed) {
		t.Errorf("%d of the %d requests in notServed are in http.json", left, len(notServed))
	}
}

// summary is what matters of a response.
func summary(request string, response io.Reader) string {
	method, _, _ := strings.Cut(request, " ")
	r, err := http.ReadResponse(bufio.NewReader(response), &http.Request{Method: method})
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "no answer"
	}
	if err != nil {
		return err.Error()
	}
	defer r.Body.Close()
	text := fmt.Sprint(r.StatusCode)
	for _, name := range []string{"Connection", "Upgrade", "Sec-Websocket-Accept", "Sec-Websocket-Protocol", "Sec-Websocket-Extensions", "Sec-Websocket-Version"} {
		if v := r.Header.Values(name); len(v) > 0 && r.StatusCode != http.StatusOK {
			text += fmt.Sprintf(", %s: %s", name, strings.Join(v, " and "))
		}
	}
	return text
}
