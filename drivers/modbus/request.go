package modbus

import (
	"context"

	"github.com/goburrow/modbus"

	"selvage/edge/device"
)

// request is a run of registers, or bits, that are read at a time.
type request struct {
	table        string
	start, count uint16
	parts        []part // by where they are
}

// part is a channel in a request.
type part struct {
	value
	name string
	at   uint16 // registers, or bits, from the start
}

// read asks for a request's registers.
func (u *unit) read(ctx context.Context, r request) ([]byte, error) {
	return u.do(ctx, func(c modbus.Client) ([]byte, error) {
		switch r.table {
		case "coil":
			return c.ReadCoils(r.start, r.count)
		case "discrete":
			return c.ReadDiscreteInputs(r.start, r.count)
		case "holding":
			return c.ReadHoldingRegisters(r.start, r.count)
		}
		return c.ReadInputRegisters(r.start, r.count)
	})
}

// measure takes a channel out of an answer.
func (p part) measure(b []byte) device.Measure {
	if p.isBit {
		return device.Measure{Channel: p.name, Value: device.Flag(b[p.at/8]>>(p.at%8)&1 == 1)}
	}
	v, err := p.decode(p.bits(b[2*p.at:]))
	return device.Measure{Channel: p.name, Value: v, Err: err}
}

// gaps tells whether there is something in a request that nobody wants.
func (r request) gaps() bool { return len(r.split()) > 1 }

// split takes a request apart at its gaps.
func (r request) split() (all []request) {
	for _, p := range r.parts {
		if n := len(all); n > 0 {
			last := &all[n-1]
			if at := r.start + p.at - last.start; at <= last.count {
				p.at = at
				last.count = max(last.count, at+p.width())
				last.parts = append(last.parts, p)
				continue
			}
		}
		start := r.start + p.at
		p.at = 0
		all = append(all, request{table: r.table, start: start, count: p.width(), parts: []part{p}})
	}
	return all
}
