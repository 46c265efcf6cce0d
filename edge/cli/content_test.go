package cli

import (
	"context"
	"fmt"
	"testing"
	"time"

	"selvage/edge/recon"
)

func TestGather(t *testing.T) {
	tests := []struct {
		name   string
		bodies []string
		want   string // of all()
	}{
		{"nothing", nil, "{}"},
		{"a value", []string{"1", "2"}, "2"},
		{"entries", []string{"@update(key:b) 1", "@update(key:a) 2"}, "{b:1,a:2}"},
		{"set again, in its place", []string{"@update(key:b) 1", "@update(key:a) 2", "@update(key:b) 3"}, "{b:3,a:2}"},
		{"removed", []string{"@update(key:a) 1", "@update(key:b) 2", "@update(key:c) 3", "@remove(key:a)", "@update(key:c) 4"}, "{b:2,c:4}"},
		{"removed and set again", []string{"@update(key:a) 1", "@update(key:b) 2", "@remove(key:a)", "@update(key:a) 3"}, "{b:2,a:3}"},
		{"removed twice", []string{"@update(key:a) 1", "@update(key:b) 2", "@remove(key:a)", "@remove(key:a)"}, "{b:2}"},
		{"cleared", []string{"@update(key:a) 1", "@remove(key:a)", "@update(key:a) 2", "@clear", "@update(key:b) 3", "@update(key:a) 4"}, "{b:3,a:4}"},
		{"map emptied", []string{"@update(key:a) 1", "@remove(key:a)"}, "{}"},
		{"list", []string{"@update(index:0,key:b) 1", "@update(index:1,key:a){x:1}"}, "{1,{x:1}}"},
		{"list set again, wherever it is", []string{"@update(index:0,key:b) 1", "@update(index:1,key:a) 2", "@update(index:7,key:b) 3"}, "{3,2}"},
		{"list inserted", []string{"@update(index:0,key:b) 1", "@update(index:1,key:a) 2", "@update(index:1,key:c) 3"}, "{1,3,2}"},
		{"list, key first", []string{"@update(key:b,index:0) 1", "@update(key:a,index:0) 2"}, "{2,1}"},
		{"list moved", []string{"@update(index:0,key:a) 1", "@update(index:1,key:b) 2", "@update(index:2,key:c) 3", "@move(from:0,to:2,key:a)"}, "{2,3,1}"},
		{"list moved by its key", []string{"@update(index:0,key:a) 1", "@update(index:1,key:b) 2", "@update(index:2,key:c) 3", "@move(from:0,to:1,key:c)"}, "{1,3,2}"},
		{"list removed by its key", []string{"@update(index:0,key:a) 1", "@update(index:1,key:b) 2", "@remove(index:0,key:b)", "@remove(index:0,key:b)"}, "{1}"},
		{"list whose host names no keys", []string{"@update(index:0,key:) 1", "@update(index:1,key:) 2", "@update(index:2,key:) 3", "@move(from:0,to:2,key:)", "@remove(index:0,key:)", "@update(index:0,key:) 4"}, "{4,1}"},
		{"list dropped", []string{"@update(index:0,key:a) 1", "@update(index:1,key:b) 2", "@update(index:2,key:c) 3", "@drop(1)", "@drop(-1)"}, "{2,3}"},
		{"list taken", []string{"@update(index:0,key:a) 1", "@update(index:1,key:b) 2", "@update(index:2,key:c) 3", "@take(1)", "@take(7)"}, "{1}"},
		{"list dropped and a key again", []string{"@update(index:0,key:a) 1", "@drop(1)", "@update(index:0,key:b) 2", "@update(index:1,key:a) 3"}, "{2,3}"},
		{"list cleared", []string{"@update(index:0,key:a) 1", "@clear", "@update(index:0,key:b) 2", "@update(index:1,key:a) 3"}, "{2,3}"},
		{"list emptied", []string{"@update(index:0,key:a) 1", "@remove(index:0,key:a)"}, "{}"},
		{"no move of a list", []string{"@move(from:0,to:1)"}, "@move(from:0,to:1)"},
		{"structured keys", []string{"@update(key:{x:1,y:2}) 1", "@update(key:{x:1,y:3}) 2", "@remove(key:{x:1,y:2})"}, "{{x:1,y:3}:2}"},
	}
	for _, tt := range tests {
		var bodies [][]byte
		for _, b := range tt.bodies {
			bodies = append(bodies, []byte(b))
		}
		c, err := gather(context.Background(), bodies)
		want, werr := recon.ParseString(tt.want)
		if err != nil || werr != nil || c.all().String() != want.String() {
			t.Errorf("%s: gather = %v, %v; want %v, %v", tt.name, c.all(), err, want, werr)
		}
	}
}

// A host of very many agents is listed as fast as it answers, and an interrupt is heeded.
func TestGatherMany(t *testing.T) {
	const many = 100_000
	bodies := make([][]byte, many)
	for i := range bodies {
		bodies[i] = fmt.Appendf(nil, `@update(key:"/note/%d"){agents:{note}}`, i)
	}
	began := time.Now()
	c, err := gather(context.Background(), bodies)
	if err != nil || len(c.entries) != many {
		t.Fatalf("%d entries, %v", len(c.entries), err)
	}
	if took := time.Since(began); took > 20*time.Second { // minutes, if it were quadratic
		t.Errorf("%d entries took %v", many, took)
	}
	for i := range bodies {
		bodies[i] = fmt.Appendf(nil, `@update(index:%d,key:%d) 1`, i, i)
	}
	if c, err := gather(context.Background(), bodies); err != nil || len(c.entries) != many {
		t.Fatalf("%d elements, %v", len(c.entries), err)
	}
	if took := time.Since(began); took > 40*time.Second {
		t.Errorf("%d entries and as many elements took %v", many, took)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := gather(ctx, bodies); err == nil || err.Error() != "interrupted" {
		t.Errorf("after an interrupt: %v", err)
	}
}
