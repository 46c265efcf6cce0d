package agent

// moment is what a reader of a lane does that its agent may want to know.
type moment uint8

const (
	linked moment = iota
	synced
	unlinked
	moments
)

// OnLink has fn run as a turn each time somebody has linked to the lane: a client, another host, or a
// local agent. So a lane may be fed while it is read only; see IsRead.
func (l *Lane) OnLink(fn func()) { l.when(linked, fn) }

// OnSync has fn run as a turn each time a reader is being shown the lane's state. What fn sets comes
// after that state, or is in it already.
func (l *Lane) OnSync(fn func()) { l.when(synced, fn) }

// OnUnlink has fn run as a turn each time a reader has gone.
func (l *Lane) OnUnlink(fn func()) { l.when(unlinked, fn) }

func (l *Lane) when(m moment, fn func()) {
	l.inTurn()
	l.agent.mu.Lock()
	defer l.agent.mu.Unlock()
	r := l.more()
	if r.on == nil {
		r.on = new([moments][]func())
	}
	r.on[m] = append(r.on[m], fn)
}

// handlers returns those of a moment. agent.mu is held.
func (l *Lane) handlers(m moment) []func() {
	if l.rare == nil || l.rare.on == nil {
		return nil
	}
	return l.rare.on[m]
}

// tell has handlers run, each in a turn of its own. agent.mu must not be held: a host has its locks, too.
func (l *Lane) tell(handlers []func()) {
	for _, fn := range handlers {
		l.agent.rt.Wake(Mail{Run: l.agent.run.Load(), Do: func() {
			if l.agent.Lane(l.name) == l { // else it has been made anew since
				fn()
			}
		}})
	}
}
