package host

import (
	"context"
	"errors"
	"sync"

	"selvage/edge/agent"
)

const (
	maxMail  = 256 << 10              // bytes a mailbox holds, beside what is having its turns
	mailSize = 64                     // what a piece of mail costs beside its body
	maxBox   = 2 * maxMail / mailSize // pieces of mail for which a mailbox is kept; append makes some more room than is needed
)

// ErrFull is what a sender gets whose mail finds no room.
var ErrFull = errors.New("its mailbox is full; the agent is slower than what it is sent")

// mailbox holds what waits for its turn.
type mailbox struct {
	mail  []agent.Mail
	begun int // of mail has had its turns, and is empty
	bytes int
	room  chan struct{} // closed when mail was taken; nil while nobody waits
}

// mailboxes are those that have been emptied, for whoever gets mail next: an idle agent needs none.
var mailboxes = sync.Pool{New: func() any { return new(mailbox) }}

func (b *mailbox) add(m agent.Mail) {
	if len(b.mail) == cap(b.mail) && b.begun > len(b.mail)/2 {
		n := copy(b.mail, b.mail[b.begun:])
		clear(b.mail[n:])
		b.mail, b.begun = b.mail[:n], 0
	}
	b.mail = append(b.mail, m)
	b.bytes += sizeOf(m)
}

// waiting may be asked of nil.
func (b *mailbox) waiting() []agent.Mail {
	if b == nil {
		return nil
	}
	return b.mail[b.begun:]
}

func sizeOf(m agent.Mail) int { return mailSize + len(m.Body) }

// recycle is called when all of the mail has had its turn.
func (b *mailbox) recycle() {
	if cap(b.mail) > maxBox {
		return
	}
	clear(b.mail)
	b.mail, b.begun, b.bytes = b.mail[:0], 0, 0
	mailboxes.Put(b)
}

// push puts m in the mailbox. Urgent mail is bounded by those who send it, and never refused.
func (c *cell) push(m agent.Mail, urgent bool) (room <-chan struct{}, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch c.state {
	case stopped:
		return nil, ErrStopped
	case retired:
		return nil, errRetired
	case ended:
		if !urgent {
			return nil, ErrNoNode
		}
	}
	b := c.box
	if b == nil {
		b = mailboxes.Get().(*mailbox)
		c.box = b
	}
	if !urgent && b.bytes+sizeOf(m) > maxMail && len(b.waiting()) > 0 {
		if b.room == nil {
			b.room = make(chan struct{})
		}
		return b.room, ErrFull
	}
	b.add(m)
	c.touched = c.host.rounds.Load()
	if c.state == idle {
		c.state = queued
		c.host.sched.add(c)
	}
	return nil, nil
}

// deliver puts m in the mailbox, waiting for room while ctx lasts.
func (c *cell) deliver(ctx context.Context, m agent.Mail) error {
	for {
		room, err := c.push(m, false)
		if room == nil {
			return err
		}
		select {
		case <-room:
		case <-ctx.Done():
			return err
		}
	}
}

// take returns the mail that is to have its turns now, and the mailbox if it is all there was. Else it is in batch.
func (c *cell) take(batch *[maxTurns]agent.Mail) (mail []agent.Mail, all *mailbox) {
	b := c.box
	if b == nil {
		return nil, nil
	}
	if b.room != nil {
		close(b.room)
		b.room = nil
	}
	waiting := b.waiting()
	if len(waiting) <= maxTurns {
		c.box = nil
		return waiting, b
	}
	mail = batch[:copy(batch[:], waiting)]
	clear(waiting[:maxTurns])
	b.begun += maxTurns
	for _, m := range mail {
		b.bytes -= sizeOf(m)
	}
	return mail, nil
}

// putBack has mail that had no turn wait again, before what came since.
func (c *cell) putBack(mail []agent.Mail) {
	b := &mailbox{mail: append([]agent.Mail(nil), mail...)}
	for _, m := range mail {
		b.bytes += sizeOf(m)
	}
	if c.box != nil {
		b.mail = append(b.mail, c.box.waiting()...)
		b.bytes += c.box.bytes
		b.room = c.box.room
	}
	if c.box = b; len(b.mail) == 0 {
		c.box = nil
	}
}

// shut ends the mailbox. Who waits for a turn is told why there is none; who wants a lane is returned.
func (c *cell) shut(state cellState, why error) (waiting []*agent.Wait) {
	c.mu.Lock()
	c.state = state
	b := c.box
	c.box = nil
	c.mu.Unlock()
	if b == nil {
		return nil
	}
	if b.room != nil {
		close(b.room)
	}
	for _, m := range b.waiting() {
		switch {
		case m.Done != nil:
			m.Done(why)
		case m.Wait != nil:
			waiting = append(waiting, m.Wait)
		case m.Do == nil:
			c.host.Health.Add("command.dropped", 1)
		}
	}
	return waiting
}

// touch has the agent run, and so start.
func (c *cell) touch() { c.push(agent.Mail{Do: func() {}}, true) }

// between has do done by the agent's worker between two turns. Whether the agent has started is for do to ask.
func (c *cell) between(do func()) error {
	_, err := c.push(agent.Mail{Do: do, Run: aside}, true)
	return err
}
