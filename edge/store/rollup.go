package store

import (
	"cmp"
	"database/sql/driver"
	"math"
	"slices"
	"time"

	"selvage/edge/recon"
	"selvage/edge/series"
)

// Steps are the widths of what is rolled up of a lane's history: least, greatest, mean and number of its
// values in each minute, hour and day of UTC.
var Steps = []time.Duration{time.Minute, time.Hour, 24 * time.Hour}

// rollSpans is how many spans of a roll-up one row holds.
const rollSpans = 360

// numberOf returns the number in the text of a value: itself, or the value of a reading that is not bad. What
// is on counts as 1, what is off as 0.
func numberOf(body []byte) (v float64, ok bool) {
	value, err := recon.Parse(body)
	if err != nil {
		return 0, false
	}
	if value.Kind() == recon.KindRecord {
		if quality, _ := value.Get("quality").Text(); quality == "bad" {
			return 0, false
		}
		value = value.Get("value")
	}
	if on, ok := value.Bool(); ok {
		return float64(number(on)), true
	}
	if !value.IsNumber() {
		return 0, false
	}
	v, ok = value.Float()
	return v, ok && !math.IsInf(v, 0) && !math.IsNaN(v)
}

// roll adds points to the roll-ups of their lane.
func (w *writer) roll(lane LaneID, points []series.Point) error {
	numbers := make([]measured, 0, len(points))
	for i := range points {
		if v, ok := numberOf(points[i].Body); ok {
			numbers = append(numbers, measured{points[i].Wall, v})
		}
	}
	if len(numbers) == 0 {
		return nil
	}
	for _, step := range Steps {
		for row, spans := range rolled(numbers, step.Milliseconds()) {
			if err := w.addSpans(lane, step, row, spans); err != nil {
				return err
			}
		}
	}
	return nil
}

// measured is a number and its time, in ms since 1970.
type measured struct {
	at int64
	v  float64
}

// rolled makes spans of a step in ms, in the order of time, by the start of the row that has each.
func rolled(numbers []measured, step int64) map[int64][]series.Span {
	rows := map[int64][]series.Span{}
	for _, n := range numbers {
		start := floor(n.at, step)
		row := floor(start, step*rollSpans)
		rows[row] = merge(rows[row], series.Span{Start: start, Count: 1, Min: n.v, Max: n.v, Sum: n.v})
	}
	return rows
}

// merge adds a span to those of the same step, which are in the order of time.
func merge(spans []series.Span, s series.Span) []series.Span {
	i := len(spans)
	if i > 0 && spans[i-1].Start >= s.Start { // it is nearly always the last, or behind that
		i, _ = slices.BinarySearchFunc(spans, s.Start, func(o series.Span, start int64) int { return cmp.Compare(o.Start, start) })
	}
	if i < len(spans) && spans[i].Start == s.Start {
		spans[i].Merge(s)
		return spans
	}
	return slices.Insert(spans, i, s)
}

// floor returns the multiple of step that is n or the next below.
func floor(n, step int64) int64 {
	rest := n % step
	if rest < 0 {
		rest += step
	}
	return n - rest
}

// addSpans adds spans to a row of a roll-up.
func (w *writer) addSpans(lane LaneID, step time.Duration, row int64, more []series.Span) error {
	var spans []series.Span
	err := w.readSpans.query(func(columns []driver.Value) {
		text, _ := columns[0].([]byte)
		var wrong error
		spans, wrong = unpackSpans(text)
		w.suspect(wrong) // such a row begins anew; if it stopped the sealing the feed would pile up
	}, int64(lane), step.Milliseconds(), row)
	if err != nil {
		return err
	}
	for _, s := range more {
		spans = merge(spans, s)
	}
	_, err = w.setSpans.exec(int64(lane), step.Milliseconds(), row, series.AppendSpans(nil, spans))
	return err
}
