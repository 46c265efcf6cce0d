package series

import (
	"encoding/binary"
	"fmt"
)

// fault keeps the first error of a reader and its columns.
type fault struct{ err error }

func (f *fault) set(format string, args ...any) {
	if f.err == nil {
		f.err = fmt.Errorf("series: block is damaged: "+format, args...)
	}
}

// parser reads what stands before and between the bits of columns. After an error all it reads is 0.
type parser struct {
	rest []byte
	fault
}

func (p *parser) fail(format string, args ...any) {
	p.set(format, args...)
	p.rest = nil
}

func (p *parser) byte(what string) byte {
	if len(p.rest) == 0 {
		p.fail("it ends before %s", what)
		return 0
	}
	c := p.rest[0]
	p.rest = p.rest[1:]
	return c
}

func (p *parser) uvarint(what string) uint64 {
	v, n := binary.Uvarint(p.rest)
	if n <= 0 {
		p.fail("it ends before %s", what)
		return 0
	}
	p.rest = p.rest[n:]
	return v
}

func (p *parser) varint(what string) int64 {
	u := p.uvarint(what)
	return unzigzag(u)
}

// count reads a number that is at most limit.
func (p *parser) count(what string, limit int) int {
	v := p.uvarint(what)
	if limit = max(limit, 0); v > uint64(limit) {
		p.fail("it has %d %s, where there can be %d", v, what, limit)
		return 0
	}
	return int(v)
}

func (p *parser) take(n int) []byte {
	if n > len(p.rest) {
		p.fail("it ends within %d bytes", n)
		return nil
	}
	b := p.rest[:n:n]
	p.rest = p.rest[n:]
	return b
}

// column prepares c to read n values.
func (p *parser) column(c *column, n int, f *fault) {
	p.columnHead(c, n, f)
	if c.plan.kind != runs {
		return
	}
	count := p.count("runs", n)
	c.runs = new(runColumn)
	for _, part := range []*column{&c.runs.lengths, &c.runs.values} {
		if p.columnHead(part, count, f); part.plan.kind == runs {
			p.fail("a run of runs")
		}
	}
}

func (p *parser) columnHead(c *column, n int, f *fault) {
	head := p.byte("a column")
	c.fault, c.left, c.reference = f, n, reference(head>>referenceShift&3)
	c.plan = plan{kind: kind(head & kindMask), unit: 1}
	switch {
	case c.plan.kind >= kinds || c.reference >= references || head >= hasUnit<<1:
		p.fail("a column of unknown kind %#x", head)
		return
	case c.plan.kind == runs:
		return
	}
	c.plan.first = p.varint("the start of a column")
	if head&hasUnit != 0 {
		c.plan.unit = p.varint("the unit of a column")
	}
	if c.plan.kind == order0 || c.plan.kind == line {
		c.plan.level = p.varint("the level of a column")
	}
	if c.plan.kind != order0 {
		c.plan.step = p.varint("the step of a column")
	}
	if c.plan.kind != arithmetic {
		c.bits.buf = p.take(p.count("bytes of a column", len(p.rest)))
	}
	c.forecast = c.plan.forecast()
}

func (p *parser) numbers(c *numberColumn, n int, f *fault) {
	head := p.byte("a column of numbers")
	c.scale, c.fixed = int(head&scaleMask), head&fixedDecimals != 0
	if c.scale > maxDecimals {
		p.fail("numbers with %d decimals, where there can be %d", c.scale, maxDecimals)
	}
	p.column(&c.column, n, f)
	if head&hasOddOnes == 0 {
		return
	}
	c.odd = &oddColumn{left: p.count("odd numbers", n)}
	for _, part := range []*column{&c.odd.gaps, &c.odd.kinds, &c.odd.rests} {
		p.column(part, c.odd.left, f)
	}
	if c.odd.left > 0 {
		c.odd.gap = c.odd.gaps.next()
	}
}
