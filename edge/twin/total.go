package twin

import (
	"selvage/edge/agent"
	"selvage/edge/device"
	"selvage/edge/route"
)

// totalsLane is there for a device that counts: by channel, what it counted, before any adjustment. A
// device only counts what comes while it is open; this is where its total survives.
const totalsLane route.LaneName = "totals"

// total is what a channel counted.
type total struct {
	Value float64     `recon:"value"`
	Unit  device.Unit `recon:"unit"`
}

// carry takes over what the channels of a device that was opened had counted before.
func (t *Twin) carry(has []device.Channel) {
	t.before = nil
	for _, c := range has {
		if !c.Total {
			continue
		}
		if t.before == nil {
			t.before = map[string]total{}
		}
		t.keepTotals()
		held, _ := t.totals.Get(c.Name)
		if held.Unit != c.Unit {
			held = total{Unit: c.Unit} // it counts something else now
		}
		t.before[c.Name] = held
	}
}

// keepTotals makes the lane.
func (t *Twin) keepTotals() {
	if t.totals == nil {
		t.totals = agent.Map[string, total](t.agent, string(totalsLane)).ReadOnly()
	}
}

// counted adds to a reading what was counted before, and keeps that.
func (t *Twin) counted(channel string, r device.Reading) device.Reading {
	before, ok := t.before[channel]
	if !ok {
		return r
	}
	t.keepTotals()
	r.Value += before.Value
	t.totals.Set(channel, total{r.Value, before.Unit})
	return r
}
