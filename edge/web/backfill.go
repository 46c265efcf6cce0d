package web

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"selvage/edge/clock"
	"selvage/edge/host"
	"selvage/edge/recon"
	"selvage/edge/route"
)

// csvColumns are those of a history, in the order in which they are printed.
var csvColumns = []string{"at", "value", "unit", "quality"}

// Recorded is the answer to a request that brings values of the past.
type Recorded struct {
	Taken   int `json:"taken"`   // into the history, or there already
	Expired int `json:"expired"` // left out, being older than what is kept
}

// backfill takes values that a value lane had, as CSV as a history prints it: at and value, perhaps unit and
// quality, in any order. It answers after the commit that holds them. What the lane holds stays, so it may be done
// to one that only its agent sets, by who may send it commands. Values that are there already count once.
func (s *Server) backfill(ctx context.Context, w http.ResponseWriter, r *http.Request, node route.NodeURI, lane route.LaneName) {
	body, ok := s.body(w, r)
	if !ok {
		return
	}
	timed := false
	if a, ok := s.Host.Node(node); ok {
		if l := a.Lane(lane); l != nil {
			timed = l.IsTimed()
		}
	}
	values, err := readCSV(body, timed)
	if err != nil {
		say(w, http.StatusBadRequest, err.Error()+"; nothing was recorded")
		return
	}
	taken, expired, err := s.Host.Record(ctx, node, lane, values)
	if err != nil {
		if status(err) == http.StatusBadRequest && taken < len(values) {
			err = fmt.Errorf("%d of %d values were recorded, then: %w", taken, len(values), err)
		}
		s.fail(w, node, lane, err)
		return
	}
	w.Header().Set("Content-Type", jsonType)
	json.NewEncoder(w).Encode(Recorded{taken - expired, expired})
}

// readCSV reads values of a lane; timed says that they are records with their time.
func readCSV(text []byte, timed bool) (values []host.Past, err error) {
	in := csv.NewReader(bytes.NewReader(text))
	in.ReuseRecord = true
	heads, err := in.Read()
	if err != nil {
		return nil, errors.New("there are no values; the first line is at,value,unit,quality")
	}
	place := map[string]int{}
	for i, name := range heads {
		if name = strings.TrimPrefix(name, "\ufeff"); !slices.Contains(csvColumns, name) {
			return nil, fmt.Errorf("there is no column %q; there are at, value, unit and quality", name)
		}
		place[name] = i
	}
	for _, name := range csvColumns[:2] {
		if _, ok := place[name]; !ok {
			return nil, fmt.Errorf("the column %s is missing; the first line is at,value,unit,quality", name)
		}
	}
	for {
		line, err := in.Read()
		if err == io.EOF {
			return values, nil
		}
		if err != nil {
			return nil, err // which names the line
		}
		column := func(name string) string {
			if i, ok := place[name]; ok {
				return line[i]
			}
			return ""
		}
		at, ok := readTime(column("at"))
		if !ok {
			n, _ := in.FieldPos(place["at"])
			return nil, fmt.Errorf("line %d: %.40q is no time, such as 2026-11-23T08:00:00Z or milliseconds since 1970", n, column("at"))
		}
		body := pastBody(at, column("value"), column("unit"), column("quality"), timed)
		values = append(values, host.Past{Body: body, At: at})
	}
}

func readTime(text string) (clock.Stamp, bool) {
	t, err := time.Parse(time.RFC3339, text)
	if ms, no := strconv.ParseInt(text, 10, 64); no == nil {
		t, err = time.UnixMilli(ms), nil
	}
	return clock.At(t.Truncate(time.Millisecond)), err == nil && t.Unix() > 0 && t.Year() < 2262 // or it has no nanoseconds
}

// pastBody is the text of a value, with its time, unit and quality in a record if the lane has such, or they are
// given.
func pastBody(at clock.Stamp, value, unit, quality string, timed bool) []byte {
	v, err := recon.Parse([]byte(value))
	if _, isBool := v.Bool(); err != nil || !v.IsNumber() && !isBool && v.Kind() != recon.KindRecord {
		v = recon.String(value)
	}
	if !timed && unit == "" && quality == "" {
		return recon.Append(nil, v)
	}
	items := []recon.Item{recon.Field("value", v)}
	if unit != "" {
		items = append(items, recon.Field("unit", recon.String(unit)))
	}
	items = append(items, recon.Field("at", recon.Int(at.Wall/int64(time.Millisecond))))
	if quality != "" {
		items = append(items, recon.Field("quality", recon.String(quality)))
	}
	return recon.Append(nil, recon.Record(items...))
}
