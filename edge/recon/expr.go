package recon

import "unsafe"

// op is an operator. The order of the constants is the order of expressions among each other, and within the logical
// ones that of binding.
type op uint8

const (
	opSelect op = iota
	opConditional
	opOr
	opAnd
	opBitOr
	opBitXor
	opBitAnd
	opLess
	opAtMost
	opEqual
	opUnequal
	opAtLeast
	opMore
	opPlus
	opMinus
	opTimes
	opDivide
	opModulo
	opNot
	opBitNot
	opNegative
	opPositive
	opCall
	opLambda
)

// operators holds what each operator looks like and how tightly it binds when printed. SwimOS gives comparisons the
// loosest binding of all, so they are printed in parentheses within || although they need none.
var operators = [...]struct {
	symbol string
	rank   uint8
}{
	opSelect: {"$", 11}, opConditional: {"?", 2},
	opOr: {"||", 3}, opAnd: {"&&", 4}, opBitOr: {"|", 5}, opBitXor: {"^", 6}, opBitAnd: {"&", 7},
	opLess: {"<", 0}, opAtMost: {"<=", 0}, opEqual: {"==", 0}, opUnequal: {"!=", 0}, opAtLeast: {">=", 0}, opMore: {">", 0},
	opPlus: {"+", 8}, opMinus: {"-", 8}, opTimes: {"*", 9}, opDivide: {"/", 9}, opModulo: {"%", 9},
	opNot: {"!", 10}, opBitNot: {"~", 10}, opNegative: {"-", 10}, opPositive: {"+", 10},
	opCall: {"", 11}, opLambda: {"=>", 1},
}

const valueRank = 12 // of anything that is no expression

func (o op) symbol() string { return operators[o].symbol }

// rank says how tightly v binds when printed.
func (v Value) rank() uint8 {
	if v.kind != KindExpr {
		return valueRank
	}
	return operators[v.node().op].rank
}

// A node is an expression: an operator with one to three operands, or a selector with its steps.
type node struct {
	op   op
	args [3]Value
	path []step
}

// stepKind orders selectors as SwimOS does.
type stepKind uint8

const (
	selKey stepKind = iota
	selAttr
	selItem
	selKeys
	selValues
	selChildren
	selDescendants
	selFilter
)

type step struct {
	kind stepKind
	arg  Value
}

func exprOf(n *node) Value       { return Value{kind: KindExpr, ptr: unsafe.Pointer(n)} }
func (v Value) node() *node      { return (*node)(v.ptr) }
func (v Value) isOperator() bool { return v.kind == KindExpr && v.node().op != opLambda }

// node returns an expression, nothing if into says that it would not be used. It bounds the number of operators, since
// those of a long chain lie inside each other however flat the text is.
func (p *parser) node(into bool, o op, args ...Value) Value {
	if p.ops++; p.ops > 4*p.limits.Depth {
		p.exceed("many operators", 4*p.limits.Depth)
	}
	if into {
		return Value{}
	}
	n := &node{op: o}
	copy(n.args[:], args)
	return exprOf(n)
}

func appendNode(dst []byte, n *node) []byte {
	symbol, rank := operators[n.op].symbol, operators[n.op].rank
	switch n.op {
	case opSelect:
		return appendPath(dst, n.path)
	case opCall:
		return appendArguments(Append(dst, n.args[0]), n.args[1])
	case opLambda:
		dst = append(appendBindings(dst, n.args[0]), " => "...)
		return Append(dst, n.args[1])
	case opConditional:
		test := n.args[0].rank()
		dst = append(appendGrouped(dst, n.args[0], test > 0 && test <= rank), " ? "...)
		dst = append(Append(dst, n.args[1]), " : "...)
		return Append(dst, n.args[2])
	case opNot, opBitNot, opNegative, opPositive:
		dst = append(dst, symbol...)
		return appendGrouped(dst, n.args[0], n.args[0].rank() < rank)
	}
	dst = append(appendGrouped(dst, n.args[0], n.args[0].rank() < rank), ' ')
	dst = append(append(dst, symbol...), ' ')
	return appendGrouped(dst, n.args[1], n.args[1].rank() < rank)
}

func appendGrouped(dst []byte, v Value, parens bool) []byte {
	if !parens {
		return Append(dst, v)
	}
	return append(Append(append(dst, '('), v), ')')
}

func appendPath(dst []byte, path []step) []byte {
	for i, s := range path {
		switch {
		case i == 0:
			dst = append(dst, '$')
		case s.kind != selItem && s.kind != selFilter:
			dst = append(dst, '.')
		}
		switch s.kind {
		case selKey:
			if s.arg.kind == KindRecord {
				dst = append(AppendBlock(append(dst, '{'), s.arg), '}')
			} else {
				dst = Append(dst, s.arg)
			}
		case selAttr:
			dst = Append(append(dst, '@'), s.arg)
		case selItem:
			dst = Append(append(dst, '#'), s.arg)
		case selKeys:
			dst = append(dst, "*:"...)
		case selValues:
			dst = append(dst, ":*"...)
		case selChildren:
			dst = append(dst, '*')
		case selDescendants:
			dst = append(dst, "**"...)
		case selFilter:
			dst = append(appendGrouped(append(dst, '['), s.arg, s.arg.rank() < operators[opSelect].rank), ']')
		}
	}
	return dst
}

// appendBindings prints the left side of a lambda: as Append does, but with parentheses in place of braces.
func appendBindings(dst []byte, v Value) []byte {
	items := v.Items()
	if v.kind == KindExtant || v.kind == KindRecord && len(items) == 0 {
		return append(dst, "()"...)
	}
	if v.kind != KindRecord {
		return Append(dst, v)
	}
	open := false
	for i, it := range items {
		last, beforeAttr := i == len(items)-1, i < len(items)-1 && items[i+1].Kind == AttrItem
		if !open && i > 0 {
			dst = append(dst, ' ')
		}
		switch {
		case it.Kind == AttrItem:
			if open {
				dst = append(dst, ')')
			}
			open = false
		case open:
			dst = append(dst, ',')
			if it.Kind == ValueItem {
				dst = AppendBlock(dst, it.Value)
				continue
			}
		case it.Kind == ValueItem && it.Value.kind != KindRecord && (i > 0 && last || beforeAttr):
		default:
			dst, open = append(dst, '('), true
		}
		dst = appendItem(dst, it)
	}
	if open {
		dst = append(dst, ')')
	}
	return dst
}

// compareNodes orders expressions: selectors step by step, then operators by kind and operands.
func compareNodes(a, b *node) int {
	if c := int(a.op) - int(b.op); c != 0 {
		return c
	}
	for i := range min(len(a.path), len(b.path)) {
		if c := int(a.path[i].kind) - int(b.path[i].kind); c != 0 {
			return c
		}
		if c := Compare(a.path[i].arg, b.path[i].arg); c != 0 {
			return c
		}
	}
	for i := range a.args {
		if c := Compare(a.args[i], b.args[i]); c != 0 {
			return c
		}
	}
	return len(a.path) - len(b.path)
}
