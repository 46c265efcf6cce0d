package peer

import "time"

// lossPause is the least time between two reports of one link.
const lossPause = time.Second

// loss is what a link has reported of the events it missed.
type loss struct {
	told  uint64
	pause *time.Timer // since the last report; nil when that is over
}

// missed returns how many events are to be reported now, with conn.mu held. last says that the link has
// ended, so that nothing can be put off.
func (l *Link) missed(last bool) uint64 {
	if l.conn.dropped == nil {
		return 0
	}
	total := l.up.Lost()
	if l.loss == nil {
		if total == 0 {
			return 0
		}
		l.loss = new(loss)
	}
	if last && l.loss.pause != nil {
		l.loss.pause.Stop()
		l.loss.pause = nil
	}
	if total <= l.loss.told || l.loss.pause != nil {
		return 0
	}
	n := total - l.loss.told
	l.loss.told = total
	if !last {
		l.loss.pause = time.AfterFunc(lossPause, l.again)
	}
	return n
}

// again reports what was missed since the last report.
func (l *Link) again() {
	c := l.conn
	c.mu.Lock()
	missed := uint64(0)
	if c.ended == nil {
		l.loss.pause = nil
		missed = l.missed(false)
	}
	c.mu.Unlock()
	l.tell(missed)
}

func (l *Link) tell(missed uint64) {
	if missed > 0 {
		l.conn.dropped(l, missed)
	}
}
