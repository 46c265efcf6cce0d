package twin

import "selvage/edge/device"

// totals are what channels that count had when their device was opened. The lane of such a channel is
// stored as every other, and that is where the total survives: a device only counts what comes while it
// is open.
type totals map[string]float64

// carry makes the lanes of a device that was opened, and takes over what they have counted.
func (t *Twin) carry(channels []device.Channel) {
	t.before = nil
	for _, c := range channels {
		held := t.channel(c.Name).Get()
		if !c.Total || held.Bad() || held.Unit != c.Unit {
			continue
		}
		if t.before == nil {
			t.before = totals{}
		}
		t.before[c.Name] = held.Value
	}
}
