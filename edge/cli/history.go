package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/guptarohit/asciigraph"
	"github.com/spf13/cobra"

	"selvage/edge/clock"
	"selvage/edge/device"
	"selvage/edge/recon"
	"selvage/edge/route"
)

// historyFlags say what of a history is wanted, and how.
type historyFlags struct {
	since, until, step string
	csv, plot          bool
}

func (e *env) historyCommand() *cobra.Command {
	var f historyFlags
	c := &cobra.Command{
		Use:   "history URI LANE",
		Short: "print the values that a lane had",
		Long: `History prints the values that a lane had, of those that a table [history] of the host's config keeps.
With --step it prints the least, mean and greatest value of each step, which are kept for longer.`,
		Example: "  selvage history /device/air temperature --since 24h --plot",
		Args:    takes(2, 2),
		RunE:    func(c *cobra.Command, args []string) error { return e.history(c.Context(), args[0], args[1], f) },
	}
	c.Flags().StringVar(&f.since, "since", "24h", "from when on: how long ago, a time as 2026-11-23T08:00:00Z, or all")
	c.Flags().StringVar(&f.until, "until", "", "until when, likewise (default now)")
	c.Flags().StringVar(&f.step, "step", "", "sum up steps of this width: 1m, 1h, 7d")
	c.Flags().BoolVar(&f.csv, "csv", false, "print CSV")
	c.Flags().BoolVar(&f.plot, "plot", false, "draw a plot")
	c.MarkFlagsMutuallyExclusive("csv", "plot")
	c.AddCommand(e.historyImportCommand())
	return c
}

func (e *env) history(ctx context.Context, uri, lane string, f historyFlags) error {
	node, err := e.aimLane(uri, lane)
	if err != nil {
		return err
	}
	now := time.Now()
	from, err := instant("since", f.since, now)
	if err != nil {
		return err
	}
	to, err := instant("until", f.until, now)
	if err != nil {
		return err
	}
	q := url.Values{"lane": {lane}, "from": {ms(from)}, "to": {ms(to)}}
	if f.csv {
		q.Set("format", "csv")
	}
	if f.step != "" {
		q.Set("step", f.step)
	}
	body, err := e.askHistory(ctx, http.MethodGet, node, q, nil)
	if err != nil {
		return err
	}
	defer body.Close()
	if f.csv {
		_, err = io.Copy(e.out, body)
		return err
	}
	var p plot
	uncertain := 0
	n, err := readArray(body, func(v map[string]any) error {
		if isUncertain(v) {
			uncertain++
		}
		switch {
		case e.json:
			return printLine(e.out, v)
		case f.plot:
			p.add(v)
			return nil
		}
		_, err := fmt.Fprintln(e.out, pointText(v, f.step != ""))
		return err
	})
	switch {
	case err != nil:
		return fmt.Errorf("the answer of %s was cut short: %w", e.host, err)
	case n == 0 && !e.json:
		return &trouble{fmt.Errorf("there are no values of %s %s in that time", uri, lane), `what is kept is said in the tables [history] of the host's config`}
	case f.plot:
		err = p.draw(e.out, uri+" "+lane)
	}
	if uncertain > 0 && !e.json {
		fmt.Fprintf(e.err, "~ %d of these %d times are not certain: nothing had set the host's clock from the network\n", uncertain, n)
	}
	return err
}

func isUncertain(v map[string]any) bool {
	trusted, ok := v["trusted"].(bool)
	return ok && !trusted
}

// askHistory asks the host, which answers over HTTP. A body is CSV.
func (e *env) askHistory(ctx context.Context, method, node string, q url.Values, body io.Reader) (io.ReadCloser, error) {
	at, err := e.address()
	if err != nil {
		return nil, err
	}
	path, _, err := route.Node(at.Path, node)
	if err != nil {
		return nil, usagef("%w", err)
	}
	at.Scheme = map[string]string{"ws": "http", "wss": "https"}[at.Scheme]
	ours, err := e.isSelvage(ctx, at)
	if err != nil {
		return nil, err
	}
	if !ours {
		return nil, fmt.Errorf("%s is no Selvage, and WARP has no histories", e.host)
	}
	req, err := http.NewRequestWithContext(ctx, method, at.Scheme+"://"+at.Host+string(path)+"?"+q.Encode(), body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "text/csv")
	}
	if err := e.authorize(req); err != nil {
		return nil, err
	}
	resp, err := plainHTTP.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
	err = errors.New(printable(strings.TrimSpace(string(answer))))
	if resp.StatusCode == http.StatusNotFound {
		return nil, &trouble{err, "see what there is: " + program() + " ls, " + program() + " ls URI"}
	}
	return nil, err
}

// instant reads a time: how long ago, or as in RFC 3339. The zero time is no bound.
func instant(flag, text string, now time.Time) (time.Time, error) {
	if text == "" || text == "all" {
		return time.Time{}, nil
	}
	if d, err := clock.ParseSpan(text); err == nil {
		return now.Add(-d), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, &usageError{&trouble{fmt.Errorf("--%s %s is no time", flag, text), "write how long ago, as 24h or 7d, or a time as 2026-11-23T08:00:00Z"}}
	}
	return t, nil
}

func ms(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return strconv.FormatInt(max(t.UnixMilli(), 0), 10)
}

// readArray calls each for the objects of a JSON array as they come.
func readArray(r io.Reader, each func(map[string]any) error) (n int, err error) {
	d := json.NewDecoder(bufio.NewReader(r))
	d.UseNumber()
	if _, err := d.Token(); err != nil {
		return 0, err
	}
	for d.More() {
		var v map[string]any
		if err := d.Decode(&v); err != nil {
			return n, err
		}
		if err := each(v); err != nil {
			return n, err
		}
		n++
	}
	_, err = d.Token()
	return n, err
}

func printLine(w io.Writer, v map[string]any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", text)
	return err
}

// pointText is a point, or the sum of a step, on one line. A value may have a field of any name.
func pointText(v map[string]any, summed bool) string {
	line := "time unknown           "
	if at, ok := atOf(v); ok {
		line = at.Local().Format("2006-01-02 15:04:05.000")
	}
	if isUncertain(v) {
		line = "~" + line
	}
	if summed {
		return fmt.Sprintf("%s  %v … %s … %v  of %v", line, v["min"], meanText(v["mean"]), v["max"], v["count"])
	}
	line += "  " + printable(valueText(v["value"]))
	if unit, ok := v["unit"].(string); ok && device.Unit(unit).Symbol() != "" {
		line += " " + printable(device.Unit(unit).Symbol())
	}
	if quality, ok := v["quality"].(string); ok && quality != "good" {
		line += "  (" + printable(quality) + ")"
	}
	return line
}

// meanText cuts a mean to seven digits, more than any sensor has.
func meanText(v any) string {
	n, _ := v.(json.Number)
	f, err := n.Float64()
	if err != nil {
		return n.String()
	}
	return strconv.FormatFloat(f, 'g', 7, 64)
}

func valueText(v any) string {
	switch v := v.(type) {
	case string:
		return recon.String(v).String()
	case json.Number:
		return v.String()
	}
	text, _ := json.Marshal(v)
	return string(text)
}

func atOf(v map[string]any) (time.Time, bool) {
	n, ok := v["at"].(json.Number)
	if !ok {
		return time.Time{}, false
	}
	at, err := n.Int64()
	return time.UnixMilli(at), err == nil
}

// plot gathers what is drawn.
type plot struct {
	at     []time.Time
	values []float64
	unit   string
}

func (p *plot) add(v map[string]any) {
	at, ok := atOf(v)
	for _, key := range []string{"value", "mean"} {
		switch n := v[key].(type) {
		case json.Number:
			if f, err := n.Float64(); err == nil && ok {
				p.at, p.values = append(p.at, at), append(p.values, f)
			}
		case bool:
			f := 0.0
			if n {
				f = 1
			}
			p.at, p.values = append(p.at, at), append(p.values, f)
		}
	}
	if unit, ok := v["unit"].(string); ok {
		p.unit = unit
	}
}

const (
	plotHeight = 12
	plotMargin = 12 // for the numbers at the left
)

// draw draws the mean of each column, gaps where there are no values.
func (p *plot) draw(w io.Writer, title string) error {
	if len(p.values) == 0 {
		return errors.New("these values are no numbers, and cannot be drawn; leave out --plot")
	}
	wide := 80
	if f, ok := w.(*os.File); ok {
		if n, err := columns(f); err == nil && n > 3*plotMargin {
			wide = n
		}
	}
	means := make([]float64, wide-plotMargin)
	counts := make([]float64, len(means))
	first, last := p.at[0], p.at[len(p.at)-1]
	whole := max(last.Sub(first), time.Millisecond)
	for i, v := range p.values {
		c := min(int(float64(p.at[i].Sub(first))/float64(whole)*float64(len(means))), len(means)-1)
		means[c], counts[c] = means[c]+v, counts[c]+1
	}
	before := math.NaN()
	for i := range means {
		if counts[i] > 0 {
			means[i] /= counts[i]
		} else if means[i] = before; len(p.values) > len(means) {
			means[i] = math.NaN() // a gap, rather than few values
		}
		before = means[i]
	}
	const layout = "2006-01-02 15:04:05"
	caption := fmt.Sprintf("%s%s   %s … %s", printable(title), unitIn(p.unit), first.Local().Format(layout), last.Local().Format(layout))
	_, err := fmt.Fprintln(w, asciigraph.Plot(means, asciigraph.Height(plotHeight), asciigraph.Caption(caption)))
	return err
}

func unitIn(unit string) string {
	symbol := device.Unit(unit).Symbol()
	if symbol == "" {
		return ""
	}
	return " in " + printable(symbol)
}
