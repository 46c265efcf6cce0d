package mqtt

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// maxUnacked is how many bytes may wait for their commit, of what brokers send ahead: see maxReceipts.
const maxUnacked = 4 << 20

// mostUnacked is how many these may be; more are left to the broker, and have no receipt yet.
const mostUnacked = 1024

// flushPause is the time between two tries to save.
const flushPause = time.Second

var errUnsaved = errors.New("what came is not saved in time, so no more is taken")

// delivery is a message of QoS 1 or 2 on its way to flash.
type delivery struct {
	ack  func()
	size int
	left atomic.Int32 // turns that are to end
	told int          // things that have a turn of it, each with a receipt
}

// acks acknowledges messages in the order they came (MQTT-4.6.0-2), each after its turns and a commit
// that followed them. All that are through when one commit ends share the next.
type acks struct {
	flush    func(context.Context) error
	together func(func())  // does what acknowledges many
	wake     chan struct{} // a delivery may be through
	room     chan struct{} // some were acknowledged

	mu       sync.Mutex
	queue    []*delivery
	bytes    int
	receipts int
}

func newAcks(flush func(context.Context) error, together func(func())) *acks {
	return &acks{flush: flush, together: together, wake: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

// add queues a delivery that has one turn to end: that of its taker, by done. It waits for room.
func (a *acks) add(ctx context.Context, ack func(), size int) (*delivery, error) {
	d := &delivery{ack: ack, size: size}
	d.left.Store(1)
	for {
		a.mu.Lock()
		if a.bytes == 0 || a.bytes+size <= maxUnacked && len(a.queue) < mostUnacked && a.receipts < mostPending {
			a.queue = append(a.queue, d)
			a.bytes += size
			a.mu.Unlock()
			return d, nil
		}
		a.mu.Unlock()
		timer := time.NewTimer(mostWait)
		select {
		case <-a.room:
			timer.Stop()
		case <-timer.C:
			return nil, errUnsaved
		case <-ctx.Done():
			timer.Stop()
			return nil, context.Cause(ctx)
		}
	}
}

// mostPending is how many receipts there may be for messages that are not acknowledged: one that is forgotten before is
// missed if the message comes again.
const mostPending = 2048

// told takes in that a thing has a turn of the delivery.
func (a *acks) told(d *delivery) {
	a.mu.Lock()
	defer a.mu.Unlock()
	d.told++
	a.receipts++
}

// done takes in that one of the delivery's turns has ended.
func (a *acks) done(d *delivery) {
	if d.left.Add(-1) == 0 {
		notify(a.wake)
	}
}

func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it will look anyway
	}
}

func (a *acks) run(ctx context.Context) {
	for {
		select {
		case <-a.wake:
		case <-ctx.Done():
			return
		}
		for through := a.through(); len(through) > 0; through = a.through() {
			if !a.save(ctx) {
				return
			}
			a.together(func() {
				for _, d := range through {
					d.ack()
				}
			})
			a.forget(through)
		}
	}
}

// through returns the deliveries at the head of the queue whose turns have ended.
func (a *acks) through() []*delivery {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 0
	for n < len(a.queue) && a.queue[n].left.Load() == 0 {
		n++
	}
	return a.queue[:n:n]
}

func (a *acks) forget(through []*delivery) {
	a.mu.Lock()
	for i, d := range through {
		a.bytes -= d.size
		a.receipts -= d.told
		a.queue[i] = nil
	}
	a.queue = a.queue[len(through):]
	a.mu.Unlock()
	notify(a.room)
}

// save commits what has been set. While it cannot, which the store tells people, nothing is
// acknowledged.
func (a *acks) save(ctx context.Context) bool {
	for a.flush(ctx) != nil {
		select {
		case <-time.After(flushPause):
		case <-ctx.Done():
			return false
		}
	}
	return true
}
