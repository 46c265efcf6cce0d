package mqtt

import (
	"fmt"
	"math"
	"time"

	"selvage/edge/agent"
	"selvage/edge/clock"
	"selvage/edge/jsonpath"
)

// A number is milliseconds since 1970 from this on, which as seconds is the year 5138.
const fromMillis = 1e11

// lastYear is the last whole one that fits nanoseconds since 1970.
const lastYear = 2261

// moment returns when the payload says that its readings were. ok is false if it does not say.
func (pl payload) moment(p jsonpath.Path) (at clock.Stamp, ok bool, why problem) {
	s := pl.at(p)
	if s.Absent {
		return at, false, ""
	}
	t, err := time.Parse(time.RFC3339, string(s.Text))
	if n, is := jsonpath.Number(s.Text); is {
		if n < fromMillis {
			n *= 1000
		}
		t, err = time.UnixMilli(int64(math.Round(min(max(n, 0), math.MaxInt32*1e6)))), nil
	}
	if err != nil || t.Unix() <= 0 || t.Year() > lastYear {
		return at, false, problem(shorten(s.Text) + " is no time, such as 2026-11-23T08:00:00Z or 1795420800")
	}
	return clock.At(t.Truncate(time.Millisecond)), true, ""
}

// when returns when the readings of a message were: when it came, unless it says when. doubt is why that is not
// what it seems to be.
func (a *arrival) when(m *mapping, pl payload) (at clock.Stamp, doubt string) {
	unknown := ""
	if a.kept {
		unknown = unknownSince
	}
	if m.at.Whole() {
		return a.at, unknown
	}
	at, ok, why := pl.moment(m.at)
	switch {
	case why != "":
		return a.at, fmt.Sprintf("came then; %s", why)
	case !ok:
		return a.at, unknown
	case a.at.Trusted && at.Wall > a.at.Wall+int64(agent.MostAhead):
		return a.at, ahead(at)
	}
	return at, ""
}

// unknownSince is why a reading that the broker kept is uncertain.
const unknownSince = "kept by the broker; nobody knows since when"

// ahead is why a reading is uncertain that seems to be of the future.
func ahead(at clock.Stamp) string {
	return fmt.Sprintf("came then; its clock says %s", at.Time().UTC().Format(time.RFC3339))
}
