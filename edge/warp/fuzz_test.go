package warp

import (
	"math"
	"testing"

	"selvage/edge/recon"
)

// FuzzScan: Scan never panics; its two ways agree; and what it read, printed and
// scanned again, is the same.
func FuzzScan(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add([]byte(v.In))
	}
	for _, s := range []string{" -5", "-5", "{a ? b : c}", "{,1}", "{{}}", "{$*:}", "@a(\"(\"){x:[y@z{1}]}", "@\"a b\" 1", " a < b", "%%", "{a:`}`,b:'}'}", "[\\u0001]"} {
		f.Add([]byte(head + s))
	}
	f.Add([]byte(`@sync("",!0){0&0}`)) // printed bare, its body would swallow the head
	f.Fuzz(func(t *testing.T, frame []byte) {
		var e Envelope
		if err := Scan(frame, &e); err != nil {
			_ = err.Error()
			return
		}
		body, bodyErr := recon.Parse(e.Body)

		var plain, parsed Envelope
		if scanPlain(frame, &plain) {
			err := scanAny(frame, &parsed)
			if (err == nil) != (bodyErr == nil) {
				t.Fatalf("%q: the frame gives %v, its body %q gives %v", frame, err, plain.Body, bodyErr)
			}
			if err == nil {
				whole, _ := recon.Parse(frame)
				sameHead(t, frame, &plain, &parsed)
				if !sameBody(whole.Body(), body) {
					t.Fatalf("%q: the frame's body is %s, taken alone it is %s", frame, whole.Body(), body)
				}
			}
		}
		if bodyErr != nil {
			return
		}

		printed := Append(nil, &e)
		var again Envelope
		if err := Scan(printed, &again); err != nil {
			t.Fatalf("%q is printed as %q: %v", frame, printed, err)
		}
		sameHead(t, frame, &e, &again)
		bodyAgain, err := recon.Parse(again.Body)
		if err != nil {
			t.Fatalf("%q is printed as %q: body: %v", frame, printed, err)
		}
		settled, err := recon.Parse(recon.Append(nil, body)) // Java's form, and so ours, loses an empty item at the end
		if !sameBody(flat(body), bodyAgain) && !(err == nil && (sameBody(settled, bodyAgain) || sameBody(flat(settled), bodyAgain))) {
			t.Fatalf("%q is printed as %q: body %s has become %s", frame, printed, body, bodyAgain)
		}
	})
}

func sameHead(t *testing.T, frame []byte, a, b *Envelope) {
	t.Helper()
	same := func(a, b float64) bool { return a == b || math.IsNaN(a) && (b == 0 || math.IsNaN(b)) }
	if a.Tag != b.Tag || string(a.Node) != string(b.Node) || string(a.Lane) != string(b.Lane) || !same(a.Prio, b.Prio) || !same(a.Rate, b.Rate) {
		t.Fatalf("%q: one way @%s(%q,%q,%v,%v), the other @%s(%q,%q,%v,%v)", frame,
			a.Tag, a.Node, a.Lane, a.Prio, a.Rate, b.Tag, b.Node, b.Lane, b.Prio, b.Rate)
	}
}

// flat is what is left of a body once it has been concatenated to a head.
func flat(v recon.Value) recon.Value {
	if items := v.Items(); v.Kind() == recon.KindRecord && len(items) == 1 && items[0].Kind == recon.ValueItem {
		return items[0].Value
	} else if v.Kind() == recon.KindRecord && len(items) == 0 {
		return recon.Value{}
	}
	return v
}

// sameBody does not tell apart the values that print as nothing.
func sameBody(a, b recon.Value) bool {
	nothing := func(v recon.Value) bool { return v.IsAbsent() || v.Kind() == recon.KindExtant }
	return nothing(a) && nothing(b) || recon.Equal(a, b)
}
