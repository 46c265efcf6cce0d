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

// ForEvents has those who want to be shown the lane's state wait as if it were not there, in a turn: it was
// made for readers who want its events alone, before it was known whether it keeps state. With false they
// need not wait any longer. It is for agents that copy lanes from elsewhere.
func (l *Lane) ForEvents(only bool) {
	l.inTurn()
	if l.more().forEvents = only; only {
		return
	}
	a := l.agent
	waiting := a.few().waiting[l.name]
	delete(a.few().waiting, l.name)
	for _, w := range waiting {
		a.Offer(w)
	}
}

func (l *Lane) isClosedTo(w *Wait) bool {
	return w.Kind != CommandKind && l.rare != nil && l.rare.forEvents
}

// End takes the lane away, in a turn, and tells its readers that it is no more once they have had what is
// new. They may come to another one of its name. It is for agents that copy lanes from elsewhere.
func (l *Lane) End() {
	l.inTurn()
	l.agent.publish(nil)
	l.end()
	l.mark(nil)
}

// Stale tells those who follow the lane, and those who will, that what it shows is not up to date, and
// with nil that it is again. It is for agents that copy lanes from elsewhere, in their turns.
func (l *Lane) Stale(why error) {
	l.inTurn()
	a := l.agent
	a.mu.Lock()
	if why == nil && (l.rare == nil || l.rare.stale == nil) {
		a.mu.Unlock()
		return
	}
	l.more().stale = why
	tails := l.readers()
	a.mu.Unlock()
	tellStale(tails, why)
}

func tellStale(tails []*Tail, why error) {
	for _, t := range tails {
		if r, ok := t.reader.(interface{ Stale(error) }); ok {
			r.Stale(why)
		}
	}
}

// staleness returns why what the lane shows is not up to date; nil if it is.
func (l *Lane) staleness() error {
	l.agent.mu.Lock()
	defer l.agent.mu.Unlock()
	return l.whyStale()
}

// whyStale is staleness with agent.mu held.
func (l *Lane) whyStale() error {
	if l.rare == nil {
		return nil
	}
	return l.rare.stale
}
