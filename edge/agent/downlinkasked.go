package agent

import "selvage/edge/route"

// Asked returns what all those want together who read a lane or wait for it: the highest priority, and the
// highest rate, which is none at all if one of them wants none. It is for agents that copy lanes from
// elsewhere, in their turns.
func (a *Agent) Asked(name route.LaneName) LinkOptions {
	var asked []LinkOptions
	for _, w := range a.few().waiting[name] {
		asked = append(asked, w.Ask)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if l := a.lane(name); l != nil {
		for _, t := range l.readers() {
			var o LinkOptions
			if d, ok := t.reader.(interface{ Options() LinkOptions }); ok {
				o = d.Options()
			}
			asked = append(asked, o)
		}
	}
	var all LinkOptions
	for i, o := range asked {
		all.Prio = max(all.Prio, o.Prio)
		if i == 0 || all.Rate > 0 && (o.Rate == 0 || o.Rate > all.Rate) {
			all.Rate = o.Rate
		}
	}
	return all
}
