package web

import (
	"bufio"
	"context"
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"selvage/edge/agent"
	"selvage/edge/clock"
	"selvage/edge/recon"
	"selvage/edge/route"
	"selvage/edge/series"
)

const csvType = "text/csv"

// wantsHistory tells whether a request is for what a lane held, rather than for what it holds.
func wantsHistory(q url.Values) bool { return q.Has("from") || q.Has("to") || q.Has("step") }

// history answers with what a value lane held in some time, GET /device/air?lane=temperature&from=-24h, as JSON or
// CSV: every value, in the order of time, or, with step=15m, the number, least, mean and greatest of each step.
// from and to, which is not included, are times as in RFC 3339, milliseconds since 1970, or how long ago: "-24h". The lane
// temperature/history is asked in the same way.
func (s *Server) history(ctx context.Context, w http.ResponseWriter, r *http.Request, node route.NodeURI, lane route.LaneName) {
	q := r.URL.Query()
	now := time.Now()
	from, err := moment(q, "from", now)
	to, errTo := moment(q, "to", now)
	step, errStep := width(q)
	for _, err := range []error{err, errTo, errStep} {
		if err != nil {
			say(w, http.StatusBadRequest, err.Error())
			return
		}
	}
	kind := jsonType
	if q.Get("format") == "csv" || q.Get("format") == "" && strings.Contains(strings.Join(r.Header.Values("Accept"), ","), csvType) {
		kind = csvType
	}
	out := bufio.NewWriterSize(w, 16<<10)
	var p printer = &jsonPrinter{out: out}
	if kind == csvType {
		p = &csvPrinter{out: csv.NewWriter(out)}
	}
	w.Header().Set("Cache-Control", "no-store")
	if step > 0 {
		spans, err := s.Host.Rolled(node, lane, from, to, step)
		if err == nil && len(spans) == 0 {
			_, err = s.Host.Read(ctx, node, lane) // for the error that says what there is not
		}
		if err != nil {
			s.fail(w, node, lane, err)
			return
		}
		w.Header().Set("Content-Type", kind)
		for _, o := range spans {
			p.span(o)
		}
		end(p, out)
		return
	}
	h, err := s.Host.History(node, lane, from, to)
	if err != nil {
		s.fail(w, node, lane, err)
		return
	}
	point, ok := h.Next()
	if err = h.Err(); err == nil && !ok {
		_, err = s.Host.Read(ctx, node, lane)
	}
	if err != nil {
		s.fail(w, node, lane, err)
		return
	}
	w.Header().Set("Content-Type", kind)
	for ; ok; point, ok = h.Next() {
		if err := p.point(point.At, point.Body); err != nil {
			return // nobody reads it any more
		}
	}
	if h.Err() != nil {
		panic(http.ErrAbortHandler) // so that nobody takes it for all there is
	}
	end(p, out)
}

func end(p printer, out *bufio.Writer) {
	p.end()
	out.Flush()
}

// moment reads a time of a query; the zero time is no bound.
func moment(q url.Values, name string, now time.Time) (time.Time, error) {
	text := q.Get(name)
	if text == "" {
		return time.Time{}, nil
	}
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil && text[0] != '-' {
		return time.UnixMilli(ms), nil
	}
	if ago, ok := strings.CutPrefix(text, "-"); ok {
		if d, err := clock.ParseSpan(ago); err == nil {
			return now.Add(-d), nil
		}
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, fmt.Errorf(`%s=%s is no time; write 2026-11-23T08:00:00Z, milliseconds since 1970, or -24h or -7d for that long ago`, name, text)
	}
	return t, nil
}

func width(q url.Values) (time.Duration, error) {
	text := q.Get("step")
	if text == "" {
		return 0, nil
	}
	d, err := clock.ParseSpan(text)
	if err != nil || d < time.Second {
		return 0, fmt.Errorf("step=%s is no step of a second or more; write 1m, 15m or 7d", text)
	}
	return d, nil
}

// printer prints a history.
type printer interface {
	point(at clock.Stamp, body []byte) error
	span(s series.Span)
	end()
}

// jsonPrinter prints an array with an object for each point or span: {"at":…,"value":21.5,"unit":"Cel"}, with the time
// in milliseconds since 1970. A value that is no record stands under value.
type jsonPrinter struct {
	out  *bufio.Writer
	some bool
	text []byte
}

func (p *jsonPrinter) begin() {
	if p.some {
		p.out.WriteString(",\n")
	} else {
		p.out.WriteByte('[')
	}
	p.some = true
}

func (p *jsonPrinter) print(items ...recon.Item) error {
	p.begin()
	p.text = recon.AppendJSON(p.text[:0], recon.Record(items...))
	_, err := p.out.Write(p.text)
	return err
}

func (p *jsonPrinter) point(at clock.Stamp, body []byte) error {
	fields, _ := agent.Dated(body, at)
	return p.print(fields...)
}

func (p *jsonPrinter) span(s series.Span) {
	p.print(recon.Field("at", recon.Int(s.Start)), recon.Field("count", recon.Int(int64(s.Count))),
		recon.Field("min", recon.Float(s.Min)), recon.Field("mean", recon.Float(s.Mean())), recon.Field("max", recon.Float(s.Max)))
}

func (p *jsonPrinter) end() {
	if !p.some {
		p.out.WriteByte('[')
	}
	p.out.WriteString("]\n")
}

// csvPrinter prints a line with the heads, then one for each point or span, with the time as in RFC 3339.
type csvPrinter struct {
	out  *csv.Writer
	some bool
}

func (p *csvPrinter) line(heads []string, line ...string) error {
	if !p.some {
		p.out.Write(heads)
	}
	p.some = true
	return p.out.Write(line)
}

func (p *csvPrinter) point(at clock.Stamp, body []byte) error {
	line := make([]string, len(csvColumns))
	fields, _ := agent.Dated(body, at)
	for _, it := range fields[1:] {
		name, _ := it.Key.Text()
		if i := slices.Index(csvColumns, name); i > 0 {
			text, ok := it.Value.Text()
			if !ok {
				text = it.Value.String()
			}
			line[i] = text
		}
	}
	line[0] = stamp(at.Wall / int64(time.Millisecond))
	return p.line(csvColumns, line...)
}

func (p *csvPrinter) span(s series.Span) {
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	p.line([]string{"at", "count", "min", "mean", "max"}, stamp(s.Start), strconv.FormatUint(s.Count, 10), number(s.Min), number(s.Mean()), number(s.Max))
}

func (p *csvPrinter) end() { p.out.Flush() }

func stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z07:00") }
