package agent

import (
	"fmt"
	"math"

	"selvage/edge/recon"
)

// laneOp is an operation of a map or list lane as its events have it.
type laneOp struct {
	tag      string
	key, val recon.Value
	n        int // of drop and take
	head     recon.Value
}

const wantMapOp = "@update(key:K) V, @remove(key:K), @clear, @drop(n) or @take(n)"

func parseMapOp(body []byte) (op laneOp, err error) {
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
	case "clear":
	case "drop", "take":
		op.n = countOf(op.head)
	default:
		return op, fmt.Errorf("want %s, read %.40s", wantMapOp, body)
	}
	return op, nil
}

const wantListOp = "@update(index:i,key:K) V, @move(from:i,to:j,key:K), @remove(index:i,key:K), @clear, @drop(n) or @take(n)"

func parseListOp(body []byte) (op laneOp, err error) {
	v, err := recon.Parse(body)
	if err != nil {
		return op, err
	}
	op.tag = v.Tag()
	op.head = v.Header(op.tag)
	switch op.tag {
	case "update", "remove", "move":
		op.key, op.val = op.head.Get("key"), v.Body()
	case "clear":
	case "drop", "take":
		op.n = countOf(op.head)
	default:
		return op, fmt.Errorf("want %s, read %.40s", wantListOp, body)
	}
	return op, nil
}

// countOf reads the n of a drop or take. What is not a number counts as 0, as in the reference.
func countOf(head recon.Value) int {
	items := head.Items()
	if len(items) == 0 {
		return 0
	}
	n, _ := items[0].Value.Int()
	return int(max(min(n, math.MaxInt32), 0))
}

// indexOf reads an index, and 0 where there is none.
func indexOf(head recon.Value, name string) int {
	i, _ := head.Get(name).Int()
	return int(max(min(i, math.MaxInt32), 0))
}
