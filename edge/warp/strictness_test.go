package warp

import "testing"

// stricter lists every frame of the vectors that the reference implementation's
// socket accepts and Scan refuses. Its socket decoder stops at the end of the
// first block and overlooks what is left if that is short enough; its whole-text
// parser refuses all of these, as we do. No peer prints such frames.
var stricter = map[string]struct{ frame, reason string }{
	"body-shapes-050": {`@event(node:"/n",lane:l) 1 2`, "two values: the decoder takes the first and loses the second"},
	"text-forms-010":  {`@link(node:"/n",lane:l))`, "a closing parenthesis too many; a second one would end the connection there too"},
	"text-forms-012":  {`@link(node:"/n",lane:l)]`, "a closing bracket that nothing opened"},
	"malformed-048":   {`@event(node:"/n",lane:l) 01`, "no number has a leading zero: the decoder reads 0, which nobody sent"},
}

func TestStricterThanReference(t *testing.T) {
	seen := 0
	for _, v := range vectors(t) {
		if v.Decoder == nil {
			continue
		}
		known, listed := stricter[v.ID]
		if !listed || known.frame != v.In {
			t.Errorf("%s: the reference reads %s as %s; list here whether we do", v.ID, v.In, v.Decoder.Canonical)
			continue
		}
		seen++
		if err := scanWhole([]byte(v.In), new(Envelope)); err == nil {
			t.Errorf("%s: Scan(%s) and its body pass; %s", v.ID, v.In, known.reason)
		}
	}
	if seen != len(stricter) {
		t.Errorf("%d of %d listed frames are in the vectors", seen, len(stricter))
	}
}
