package schedule

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// daytime is a time of some days of the week.
type daytime struct {
	seconds int // since midnight, by the clock on the wall
	days    []time.Weekday
	zone    *time.Location
}

// before returns the latest moment not after now at which d was due.
func (d daytime) before(now time.Time) time.Time {
	for day := 1; ; day-- { // tomorrow may begin today where clocks are set forward over midnight
		if at, ok := d.on(now, day); ok && !at.After(now) {
			return at
		}
	}
}

// after returns the first moment after now at which d is due.
func (d daytime) after(now time.Time) time.Time {
	for day := -1; ; day++ {
		if at, ok := d.on(now, day); ok && at.After(now) {
			return at
		}
	}
}

// on returns when d is due, days after the day that now is in, if it is due on that day.
func (d daytime) on(now time.Time, days int) (time.Time, bool) {
	year, month, day := now.In(d.zone).Date()
	wall := time.Date(year, month, day+days, 0, 0, d.seconds, 0, time.UTC)
	return firstMoment(wall, d.zone), slices.Contains(d.days, wall.Weekday())
}

// firstMoment returns the first moment at which clocks in the zone show what wall shows in UTC. If they never do,
// since they are set forward over it, it is the moment when they are.
func firstMoment(wall time.Time, zone *time.Location) time.Time {
	const day = 24 * time.Hour // there is at most one change within it, before or after
	var found []time.Time
	earliest := wall
	for i, near := range []time.Time{wall.Add(-day), wall.Add(day)} {
		_, offset := near.In(zone).Zone()
		t := wall.Add(-time.Duration(offset) * time.Second)
		if _, is := t.In(zone).Zone(); is == offset {
			found = append(found, t)
		}
		if i == 0 || t.Before(earliest) {
			earliest = t
		}
	}
	if len(found) == 0 {
		_, change := earliest.In(zone).ZoneBounds()
		return change
	}
	return slices.MinFunc(found, time.Time.Compare)
}

func parseTime(s string) (seconds int, err error) {
	for _, layout := range []string{"15:04", "15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil && len(s) == len(layout) {
			return t.Hour()*3600 + t.Minute()*60 + t.Second(), nil
		}
	}
	return 0, fmt.Errorf("%q is no time of the day", s)
}

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} // as time.Weekday counts

func parseDays(names []string) (days []time.Weekday, err error) {
	if len(names) == 0 {
		names = weekdays
	}
	for _, name := range names {
		i := slices.Index(weekdays, strings.ToLower(name))
		if i < 0 {
			return nil, fmt.Errorf("%q is no day of the week", name)
		}
		days = append(days, time.Weekday(i))
	}
	return days, nil
}

func location(zone string) (*time.Location, error) {
	if zone == "" {
		return time.Local, nil
	}
	return time.LoadLocation(zone)
}
