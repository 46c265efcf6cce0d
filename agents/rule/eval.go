package rule

import (
	"fmt"
	"math"
	"time"

	"selvage/edge/clock"
	"selvage/edge/device"
)

// kind is what a value is. An unknown value is that of a lane without a usable reading, or what comes of it.
type kind uint8

const (
	unknown kind = iota
	number
	duration
	boolean
	text
)

func (k kind) String() string {
	return [...]string{"an unknown value", "a number", "a time", "a condition", "a text"}[k]
}

// value is of one of these kinds. A duration is in seconds, a boolean 0 or 1.
type value struct {
	kind kind
	num  float64
	text string
}

func truth(b bool) value { return value{kind: boolean, num: device.Flag(b)} }

func (v value) is(b bool) bool { return v == truth(b) }

// expr is a part of a condition: where it stands, and how it comes by its value.
type expr struct {
	at   token
	eval func(*memory) value
}

// program is a condition that has been read. It has no loops and no calls: a run takes a time in proportion to
// its length, and no memory.
type program struct {
	expr
	fors int
	ages bool // its value may change by nothing but time
}

// memory is what a condition goes by, and what it leaves for its next run.
type memory struct {
	now   clock.Stamp
	lanes []seen
	since []clock.Stamp // since when what stands before each for has been true; zero while it is not
	wake  time.Duration // when to look again if no lane changes, 0 for never
	fault *SyntaxError  // why a value is unknown though its lanes are not: one has another kind than is wanted
}

// seen is what is known of a lane.
type seen struct {
	now, before value
	at          clock.Stamp // of the newest good reading, or when the rule began
}

func (s seen) age(now clock.Stamp) time.Duration { return s.at.Age(now) }

func newMemory(p *program, lanes int) *memory {
	return &memory{lanes: make([]seen, lanes), since: make([]clock.Stamp, p.fors)}
}

// run returns what the condition comes to now: a boolean, or an unknown value.
func (p *program) run(m *memory) value {
	m.wake, m.fault = 0, nil
	return p.want(m, boolean)
}

func (m *memory) mismatch(at token, why string, args ...any) value {
	if m.fault == nil {
		m.fault = &SyntaxError{at.col, at.text, fmt.Sprintf(why, args...), "numbers, times (with a unit: 10s), conditions and texts do not mix"}
	}
	return value{}
}

// want returns the value of e, which must be of one of these kinds or unknown.
func (e expr) want(m *memory, kinds ...kind) value {
	v := e.eval(m)
	for _, k := range kinds {
		if v.kind == k || v.kind == unknown {
			return v
		}
	}
	return m.mismatch(e.at, "this is %s, where %s is wanted", v.kind, kinds[0])
}

func constant(t token, v value) expr { return expr{t, func(*memory) value { return v }} }

// logic is three-valued, as Kleene's: what is unknown does not matter where the other side decides. Both sides
// always run, since each may have a for that must not miss anything.
func logic(op token, a, b expr) expr {
	decides := truth(op.text == "or")
	return expr{a.at, func(m *memory) value {
		x, y := a.want(m, boolean), b.want(m, boolean)
		if x == decides || y.kind == boolean && x.kind == unknown && y != decides {
			return x
		}
		return y
	}}
}

func inversion(t token, e expr) expr {
	return expr{t, func(m *memory) value {
		v := e.want(m, boolean)
		if v.kind == boolean {
			v.num = 1 - v.num
		}
		return v
	}}
}

func comparison(op token, a, b expr) expr {
	kinds := []kind{number, duration}
	if op.text == "==" || op.text == "!=" {
		kinds = append(kinds, boolean, text)
	}
	return expr{a.at, func(m *memory) value {
		x, y := a.want(m, kinds...), b.want(m, kinds...)
		if x.kind == unknown || y.kind == unknown {
			return value{}
		}
		if x.kind != y.kind {
			return m.mismatch(op, "%s and %s cannot be compared", x.kind, y.kind)
		}
		switch op.text {
		case "<":
			return truth(x.num < y.num)
		case "<=":
			return truth(x.num <= y.num)
		case ">":
			return truth(x.num > y.num)
		case ">=":
			return truth(x.num >= y.num)
		case "==":
			return truth(x == y)
		}
		return truth(x != y)
	}}
}

// calculation knows what a time and a number make together.
func calculation(op token, a, b expr) expr {
	return expr{a.at, func(m *memory) value {
		x, y := a.want(m, number, duration), b.want(m, number, duration)
		if x.kind == unknown || y.kind == unknown {
			return value{}
		}
		v, ok := value{kind: x.kind}, x.kind == y.kind
		switch op.text {
		case "+":
			v.num = x.num + y.num
		case "-":
			v.num = x.num - y.num
		case "*":
			v.num, v.kind = x.num*y.num, max(x.kind, y.kind)
			ok = x.kind == number || y.kind == number
		case "/":
			if v.num, ok = x.num/y.num, ok || y.kind == number; x.kind == y.kind {
				v.kind = number
			}
		}
		switch {
		case !ok:
			return m.mismatch(op, "%s %s %s makes no sense", x.kind, op.text, y.kind)
		case math.IsNaN(v.num) || math.IsInf(v.num, 0):
			return m.mismatch(op, "%g %s %g has no value", x.num, op.text, y.num)
		}
		return v
	}}
}

// extreme is min, max or abs.
func extreme(t token, args []expr) expr {
	return expr{t, func(m *memory) value {
		best := args[0].want(m, number, duration)
		if t.text == "abs" {
			best.num = math.Abs(best.num)
		}
		for _, e := range args[1:] {
			v := e.want(m, number, duration)
			switch {
			case v.kind == unknown || best.kind == unknown:
				best = value{}
			case v.kind != best.kind:
				return m.mismatch(e.at, "%s and %s cannot be compared", best.kind, v.kind)
			case (t.text == "min") == (v.num < best.num):
				best = v
			}
		}
		return best
	}}
}

// held is true once its condition has been so for that long without a break.
func held(op token, cond expr, d time.Duration, i int) expr {
	return expr{cond.at, func(m *memory) value {
		v := cond.want(m, boolean)
		if !v.is(true) {
			m.since[i] = clock.Stamp{}
			return v
		}
		if m.since[i].IsZero() {
			m.since[i] = m.now
		}
		left := d - m.since[i].Age(m.now)
		if left <= 0 {
			return v
		}
		if m.wake == 0 || left < m.wake {
			m.wake = left
		}
		return truth(false)
	}}
}
