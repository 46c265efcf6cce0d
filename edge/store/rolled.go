package store

import (
	"cmp"
	"database/sql/driver"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"selvage/edge/route"
	"selvage/edge/series"
)

// maxSpans bounds what Rolled returns: 40 MB.
const maxSpans = 1_000_000

var errSpans = reason{
	why: fmt.Sprintf("that would be more than %d steps", maxSpans),
	try: "ask for longer ones, or for less time",
}

// Rolled returns the least, greatest, sum and number of a lane's values in each span of a step, from one time
// until another, which is not included; a zero time is no bound. Spans begin at multiples of the step since
// 1970 UTC, and those without a value are left out. A step that is a multiple of one of Steps is read from the
// roll-ups, and goes back as far as these are kept; any other goes through all points. The span that from is in
// counts whole; values whose time is not known count where History has them.
func (s *Store) Rolled(node route.NodeURI, lane route.LaneName, from, to time.Time, step time.Duration) ([]series.Span, error) {
	width := step.Milliseconds()
	if width <= 0 {
		return nil, errors.New("a step is at least a millisecond")
	}
	base := time.Duration(0)
	for _, b := range Steps {
		if step%b == 0 {
			base = b
		}
	}
	h := &History{store: s, node: node, name: lane, times: map[int64]bootTime{}, whole: true}
	if h.from, h.to = span(from, to); !from.IsZero() {
		h.from = floor(h.from, width)
	}
	var spans []series.Span
	add := func(o series.Span) {
		if h.err != nil {
			return
		}
		o.Start = floor(o.Start, width)
		if spans = merge(spans, o); len(spans) > maxSpans {
			h.err = errSpans
		}
	}
	count := func(p Point) {
		if v, ok := numberOf(p.Body); ok {
			add(series.Span{Start: p.At.Wall / int64(time.Millisecond), Count: 1, Min: v, Max: v, Sum: v})
		}
	}
	err := s.pool.with(func(r *reader) error {
		if _, err := r.begin.exec(); err != nil {
			return err
		}
		err := h.find(r)
		if err == nil && base > 0 {
			err = h.rolled(r, base, add)
		}
		if err != nil {
			return err
		}
		_, err = r.commit.exec()
		return err
	})
	if base > 0 { // these have the points of the blocks whose time is known
		h.blocks = slices.DeleteFunc(h.blocks, func(b blockRef) bool { return b.rolled })
	}
	for p, ok := h.Next(); ok && err == nil; p, ok = h.Next() {
		count(p)
	}
	if err = cmp.Or(err, h.err); err != nil {
		return nil, fault("read the roll-ups of "+string(node)+" "+string(lane)+" from "+s.path, err)
	}
	return spans, nil
}

// rolled reads the roll-ups of a step, those spans that begin in the time that is asked for.
func (h *History) rolled(r *reader, step time.Duration, add func(series.Span)) error {
	width := step.Milliseconds()
	first := int64(h.from)
	if first > math.MinInt64 { // the row that a span from then on may be in
		first = floor(first, width*rollSpans)
	}
	var wrong error
	err := r.spans.query(func(columns []driver.Value) {
		text, _ := columns[0].([]byte)
		spans, err := unpackSpans(text)
		wrong = cmp.Or(wrong, err)
		for _, s := range spans {
			if s.Start >= h.from && s.Start < h.to {
				add(s)
			}
		}
	}, int64(h.lane), width, first, h.to)
	return cmp.Or(err, wrong)
}
