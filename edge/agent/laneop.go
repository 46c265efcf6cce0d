package agent

import (
	"fmt"
	"math"

	"selvage/edge/recon"
)

// laneOp is an operation of a map or list lane as commands and events have it.
type laneOp struct {
	tag      string
	head     recon.Value
	key, val recon.Value
	n        int // of drop and take
}

// What the operations of each kind of lane are.
const (
	mapOps  = "@update(key:K) V, @remove(key:K), @clear, @drop(n) or @take(n)"
	listOps = "@update(index:i,key:K) V, @move(from:i,to:j,key:K), @remove(index:i,key:K), @clear, @drop(n) or @take(n)"
)

// parseOp reads one of those.
func parseOp(body []byte, ops string) (op laneOp, err error) {
	v, err := recon.Parse(body)
	if err != nil {
		return op, err
	}
	op.tag = v.Tag()
	op.head = v.Header(op.tag)
	switch op.tag {
	case "update":
		op.val = v.Body()
		fallthrough
	case "remove":
		op.key = op.head.Get("key")
		return op, nil
	case "drop", "take":
		i, _ := op.head.Index(0).Int() // what is no number counts as 0, as in the reference
		op.n = int(max(min(i, math.MaxInt32), math.MinInt32))
		return op, nil
	case "clear":
		return op, nil
	case "move":
		if ops == listOps {
			op.key = op.head.Get("key")
			return op, nil
		}
	}
	return op, fmt.Errorf("want %s, read %.40s", ops, body)
}

// index returns an index that the operation names.
func (op laneOp) index(name string) (int, error) {
	i, ok := op.head.Get(name).Int()
	if !ok || i < 0 || i > math.MaxInt32 {
		return 0, fmt.Errorf("%s: want the index of an element, read %q", name, op.head.Get(name))
	}
	return int(i), nil
}

// place is index for who can do without: the key tells the element.
func (op laneOp) place(name string) int {
	i, _ := op.index(name)
	return i
}
