package config

import (
	"fmt"
	"reflect"
	"time"

	"selvage/edge/route"
	"selvage/edge/size"
)

// History is one table [history."/device/*/*"]: what is kept of the values that value lanes had. Of several
// tables that a lane matches the first one counts.
type History struct {
	Lanes route.Glob // the last segment is the lane
	HistoryKeys
	Pos Pos
}

// HistoryKeys are the keys of every [history."/GLOB"].
type HistoryKeys struct {
	_       struct{}      `doc:"What is kept of the values that lanes had: of those that match, where each * stands for one segment, the last of which is the lane. Of several tables that match the first counts."`
	Keep    time.Duration `doc:"how long a value is kept" unset:"for ever" example:"30d"`
	Points  int64         `doc:"how many values of a lane are kept; the oldest go a block at a time" unset:"any number" example:"1000000"`
	Bytes   size.Bytes    `doc:"how much room the values of a lane may take, packed" unset:"any" example:"50MB"`
	Minutes time.Duration `doc:"how long the least, greatest and mean value and the number of values of each minute are kept"`
	Hours   time.Duration `doc:"the same of each hour"`
	Days    time.Duration `doc:"the same of each day" unset:"for ever" example:"3650d"`
}

// defaultHistory keeps values for ever, or until the file is full.
func defaultHistory() HistoryKeys {
	return HistoryKeys{Minutes: 90 * 24 * time.Hour, Hours: 5 * 365 * 24 * time.Hour}
}

func (p *planner) history(name string, t *table) {
	lanes, err := route.ParseGlob(name)
	if err == nil && !lanes.HasLane() {
		err = fmt.Errorf("%q names no lane: its last segment is one", name)
	}
	if err != nil {
		p.doc.fault(t.at, err.Error(), `write [history."/device/*/temperature"], or "/device/*/*" for all lanes of all devices`)
	}
	h := History{Lanes: lanes, HistoryKeys: defaultHistory(), Pos: p.pos(t)}
	var fs fields
	fs.add(reflect.ValueOf(&h.HistoryKeys).Elem())
	p.doc.fill(t, fs)
	p.doc.check(reflect.ValueOf(&h.HistoryKeys).Elem(), t)
	p.plan.History = append(p.plan.History, h)
}

// Check finds what is wrong with the table's values.
func (h *HistoryKeys) Check(fault func(key, problem, remedy string)) {
	for _, k := range []struct {
		key string
		d   time.Duration
	}{{"keep", h.Keep}, {"minutes", h.Minutes}, {"hours", h.Hours}, {"days", h.Days}} {
		if k.d < 0 || k.d > 0 && k.d < time.Minute {
			fault(k.key, k.key+" is a minute at least", `write "30d", or leave it out`)
		}
	}
	if h.Points < 0 {
		fault("points", fmt.Sprintf("points is at least 1, got %d", h.Points), "write 100000, or leave it out")
	}
}

var _ checker = (*HistoryKeys)(nil)
