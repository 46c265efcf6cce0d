package agent

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
	if l.rare == nil {
		return nil
	}
	return l.rare.stale
}
