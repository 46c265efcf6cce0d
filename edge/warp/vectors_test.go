package warp

import (
	"fmt"
	"strconv"
	"testing"

	"selvage/edge/conformance"
	"selvage/edge/recon"
	"selvage/edge/route"
)

type vector struct {
	ID         string
	In         string
	OK         bool
	Why        string
	Tag        string
	Node, Lane string
	Prio, Rate string
	BodyRecon  string `json:"body_recon"`
	Body       structure
	Canonical  string
	Decoder    *struct{ Canonical string } `json:"frame_decoder"` // what the socket takes it for
}

// structure is a Recon value as the vectors spell it.
type structure struct {
	T      string
	V      any
	K      string
	Base64 string
	Items  []structure
	Key    any
	Value  *structure
	Op     string
}

func vectors(t testing.TB) []vector {
	t.Helper()
	return conformance.Read[vector](t, "warp.json")
}

// TestVectors checks Scan and Append against the reference implementation. Where
// Scan hands the body out unparsed, it is parsed here, as its reader would.
func TestVectors(t *testing.T) {
	const refused = "refused"
	check := conformance.Check(t, "warp.json")
	plain := 0
	for _, v := range vectors(t) {
		var e Envelope
		err := Scan([]byte(v.In), &e)
		var body recon.Value
		if err == nil {
			body, err = recon.Parse(e.Body)
		}
		want := refused
		switch {
		case v.OK:
			want = v.Canonical
		case v.Decoder != nil:
			want = v.Decoder.Canonical
		}
		if err != nil || !v.OK {
			got := refused
			if err == nil {
				got = string(AppendBody(AppendHead(nil, e.Tag, string(e.Node), string(e.Lane), e.Prio, e.Rate), recon.Append(nil, body)))
			}
			check.Same(v.ID, want, got)
			continue
		}
		if scanPlain([]byte(v.In), new(Envelope)) {
			plain++
		}
		_, node, err := route.Node("/", string(e.Node))
		if err != nil {
			t.Errorf("%s: node: %v", v.ID, err)
		}
		_, lane, err := route.Lane(string(e.Lane))
		if err != nil {
			t.Errorf("%s: lane: %v", v.ID, err)
		}
		if e.Tag.String() != v.Tag || node != v.Node || lane != v.Lane {
			t.Errorf("%s: Scan(%s) = @%s node %q lane %q, want @%s %q %q", v.ID, v.In, e.Tag, node, lane, v.Tag, v.Node, v.Lane)
		}
		checkGrade(t, v, "prio", e.Prio, v.Prio)
		checkGrade(t, v, "rate", e.Rate, v.Rate)
		if got := string(recon.Append(nil, body)); got != v.BodyRecon {
			t.Errorf("%s: Scan(%s) has body %s, want %s", v.ID, v.In, got, v.BodyRecon)
		}
		if diff := compare(body, v.Body); diff != "" {
			t.Errorf("%s: Scan(%s) has another body than wanted: %s", v.ID, v.In, diff)
		}

		e.Node, e.Lane, e.Body = []byte(node), []byte(lane), recon.Append(nil, body)
		check.Same(v.ID, want, string(Append(nil, &e)))
		if got := string(AppendBody(AppendHead(nil, e.Tag, node, lane, e.Prio, e.Rate), e.Body)); got != v.Canonical {
			t.Errorf("%s: printed in two steps %s, want %s", v.ID, got, v.Canonical)
		}
	}
	if plain < 60 {
		t.Errorf("only %d vectors took the fast path", plain)
	}
}

func checkGrade(t *testing.T, v vector, name string, got float64, want string) {
	t.Helper()
	if want == "" {
		want = "0"
	}
	f, err := strconv.ParseFloat(want, 32)
	if err != nil || got != f {
		t.Errorf("%s: Scan(%s) has %s %v, want %s", v.ID, v.In, name, got, want)
	}
}

// compare says where a value differs from a structure; kinds of numbers are told
// apart by how they print, which the caller compares too.
func compare(v recon.Value, s structure) string {
	switch s.T {
	case "absent":
		if v.IsAbsent() {
			return ""
		}
	case "extant":
		if v.Kind() == recon.KindExtant {
			return ""
		}
	case "text":
		if text, ok := v.Text(); ok && text == s.V {
			return ""
		}
	case "bool":
		if b, ok := v.Bool(); ok && b == s.V {
			return ""
		}
	case "num":
		if v.Kind().String() == s.K || v.IsNumber() {
			return ""
		}
	case "data":
		if v.Kind() == recon.KindData {
			return ""
		}
	case "binary":
		if v.Kind() == recon.KindExpr {
			return ""
		}
	case "record":
		if v.Kind() != recon.KindRecord || v.Len() != len(s.Items) {
			break
		}
		for i, it := range v.Items() {
			want := s.Items[i]
			kind := map[recon.ItemKind]string{recon.AttrItem: "attr", recon.SlotItem: "slot"}[it.Kind]
			if kind == "" {
				if diff := compare(it.Value, want); diff != "" {
					return fmt.Sprintf("item %d: %s", i, diff)
				}
				continue
			}
			if kind != want.T {
				return fmt.Sprintf("item %d is a %s, want %s", i, kind, want.T)
			}
			if diff := compare(it.Value, *want.Value); diff != "" {
				return fmt.Sprintf("item %d: %s", i, diff)
			}
		}
		return ""
	}
	return fmt.Sprintf("got %s %s, want %s", v.Kind(), v, s.T)
}
