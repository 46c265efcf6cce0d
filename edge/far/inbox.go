package far

import (
	"bytes"
	"sync"

	"selvage/edge/peer"
)

// maxInbox bounds in bytes what a far agent has been sent and not taken in. Behind it nothing more
// is read from its host.
const maxInbox = 256 << 10

const newsSize = 64 // what a piece of news costs beside its body

// news is what came down a link.
type news struct {
	from *listener
	what event
	body []byte
	err  error
}

type event uint8

const (
	changed event = iota
	linked
	synced
	lost
	ended
)

// inbox holds a far agent's news until its next turn, which takes all of it.
type inbox struct {
	mu      sync.Mutex
	news    []news
	bytes   int
	due     bool          // a turn is
	emptied chan struct{} // closed when all was taken
}

// listener brings what comes down one link to the turns of its agent. It waits while there is no room.
type listener struct{ lane *lane }

func (l *listener) Event(body []byte) { l.put(news{what: changed, body: bytes.Clone(body)}) }
func (l *listener) Linked()           { l.put(news{what: linked}) }
func (l *listener) Synced()           { l.put(news{what: synced}) }
func (l *listener) Lost(err error)    { l.put(news{what: lost, err: err}) }
func (l *listener) Ended(err error)   { l.put(news{what: ended, err: err}) }

func (l *listener) put(m news) {
	m.from = l
	l.lane.node.put(m)
}

// put adds m and sees to it that a turn will take it.
func (n *node) put(m news) {
	b := &n.inbox
	size := newsSize + len(m.body)
	b.mu.Lock()
	for b.bytes > 0 && b.bytes+size > maxInbox {
		emptied := b.emptied
		b.mu.Unlock()
		select {
		case <-emptied:
		case <-n.ctx.Done():
			return
		}
		b.mu.Lock()
	}
	b.news = append(b.news, m)
	b.bytes += size
	due := b.due
	b.due = true
	b.mu.Unlock()
	if !due {
		n.agent.Wake(n.takeIn)
	}
}

func (b *inbox) take() []news {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.news
	b.news, b.bytes, b.due = nil, 0, false
	close(b.emptied)
	b.emptied = make(chan struct{})
	return all
}

var (
	_ peer.Listener = (*listener)(nil)
	_ peer.Linker   = (*listener)(nil)
)
