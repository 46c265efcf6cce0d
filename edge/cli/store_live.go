package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"selvage/edge/recon"
)

// liveTime bounds how long the figures of a host wait that may not be there.
const liveTime = 2 * time.Second

// live asks the host for what saving costs it. It is an error if none answers, or one of another store.
func (s *storeCommands) live(ctx context.Context, epoch string) (*Saving, error) {
	ctx, cancel := context.WithTimeout(ctx, liveTime)
	defer cancel()
	c, err := s.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close(closeNormal, "")
	bodies, err := state(ctx, c, "/host", "store")
	if err != nil {
		return nil, err
	}
	var now Saving
	if len(bodies) == 0 {
		return nil, errors.New("the host does not tell")
	}
	if err := recon.Unmarshal(bodies[len(bodies)-1], &now); err != nil {
		return nil, err
	}
	if now.Epoch != epoch {
		return nil, fmt.Errorf("the host at %s has another store", s.host)
	}
	return &now, nil
}

// aimAt has the figures come from the host of a config, unless the command line says which.
func (s *storeCommands) aimAt(listen string) {
	if at, ok := hostAt(listen); ok && !s.aimed {
		s.host = at
	}
}

// rows are the figures for people.
func (l *Saving) rows() [][]string {
	rows := [][]string{
		{"saved", fmt.Sprintf("%s in %s since the host started", count(int(l.Values), "reading"), count(int(l.Commits), "commit"))},
		{"commits", l.Commit.text() + " from gathering to flash"},
		{"unsaved", l.Unsaved.text() + fmt.Sprintf("; a change that nobody waits for is gathered after %d ms at most", l.Limit)},
	}
	each, daily := "not known yet", "not known yet"
	if l.Values > 0 {
		each = fmt.Sprintf("%.0f B to the log of the store", float64(l.Log)/float64(l.Values))
	}
	if p := l.PerReading; p != nil {
		each += fmt.Sprintf("; %.0f B %s, in the last hour", p.Bytes, byWhom(p.By))
		if l.Process != nil && p.By != ownCount {
			each += fmt.Sprintf(", of which %.0f B %s", l.Process.PerReading, byWhom(ownCount))
		}
	}
	if r := l.Rate; r != nil {
		daily = inBytes(float64(r.Day), "B") + " " + byWhom(r.By)
		if l.Process != nil && r.By != ownCount {
			daily += ", of which " + inBytes(float64(l.Process.Day), "B") + " " + byWhom(ownCount)
		}
		if day := int64(24 * time.Hour / time.Second); r.Seconds < day {
			daily += ", going by " + age(time.Duration(r.Seconds)*time.Second)
		}
	}
	return append(rows, []string{"a reading", each}, []string{"a day", daily}, []string{"card lasts", printable(l.Life)})
}

func (t Took) text() string {
	if t.Max == 0 {
		return "none in the last minute"
	}
	return fmt.Sprintf("half of them in %.1f ms, 99 %% in %.1f ms, all in %.1f ms, in the last minute", t.P50, t.P99, t.Max)
}

// ownCount is what wear calls the count of the process.
const ownCount = "process"

// byWhom says whose bytes a count of wear has.
func byWhom(by string) string {
	if by == ownCount {
		return "by the host"
	}
	return "by all that writes to " + printable(by)
}

func (t Took) json() recon.Value {
	return recon.Record(recon.Field("p50", recon.Float(t.P50)), recon.Field("p99", recon.Float(t.P99)), recon.Field("max", recon.Float(t.Max)))
}

// items are the figures for programs.
func (l *Saving) items() []recon.Item {
	items := []recon.Item{
		recon.Field("commits", recon.Int(l.Commits)), recon.Field("saved", recon.Int(l.Values)), recon.Field("logged", recon.Int(l.Log)),
		recon.Field("commitMs", l.Commit.json()), recon.Field("unsavedMs", l.Unsaved.json()), recon.Field("limitMs", recon.Int(l.Limit)),
		recon.Field("life", recon.String(l.Life)),
	}
	if r := l.Rate; r != nil {
		items = append(items, recon.Field("perDay", recon.Int(r.Day)), recon.Field("by", recon.String(r.By)))
	}
	if p := l.PerReading; p != nil {
		items = append(items, recon.Field("perReading", recon.Float(p.Bytes)))
	}
	if p := l.Process; p != nil {
		items = append(items, recon.Field("process", recon.Record(recon.Field("perDay", recon.Int(p.Day)), recon.Field("perReading", recon.Float(p.PerReading)))))
	}
	return items
}
