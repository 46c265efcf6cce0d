package mqtt

import (
	"hash/maphash"
	"sync"
	"time"
)

const (
	loopRounds = 5               // how often a message comes round before it is a loop
	loopTime   = 5 * time.Second // the longest until it comes back
	loopPause  = time.Second / 2 // the longest from when it came to when it is published for that
	loopMost   = 1024            // how many topics are remembered, at least
)

// trips are the messages that routes of all uplinks publish: what one publishes another may bring back.
var trips loops

// loops finds messages that go round: what we publish comes back on the same topic, by another bridge or by another of
// our uplinks, and has us publish it again. What one uplink publishes and another reads on purpose comes back as well, but is
// not what has us publish the next: that is another message, or comes later. So it does not find messages that are no
// longer the same when they come back, as with a time in them, nor two that go round on one topic together, nor one that
// rests on its way through us.
//
// The zero value is ready, and any goroutine may use it.
type loops struct {
	mu       sync.Mutex
	seed     maphash.Seed
	now, old map[uint64]trip // by topic; old is forgotten when now is full
}

// trip is what is known of the message that was published last on a topic.
type trip struct {
	payload   uint64
	out, back time.Time // when it was last published, and last came
	home      bool      // it has come since it was published
	rounds    int       // that it has made without a pause
}

// note takes in what is published.
func (l *loops) note(topic string, payload []byte, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	topicSum, sum, t := l.find(topic, payload)
	if t.payload != sum || at.Sub(t.back) > loopPause {
		t = trip{payload: sum}
	}
	t.out, t.home = at, false
	l.keep(topicSum, t)
}

// seen takes in what has come, and tells whether it goes round.
func (l *loops) seen(topic string, payload []byte, at time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now == nil {
		return false
	}
	topicSum, sum, t := l.find(topic, payload)
	if t.payload != sum || at.Sub(t.out) > loopTime {
		return false
	}
	if !t.home { // else the broker has it for us twice, which is one round
		t.rounds++
	}
	t.back, t.home = at, true
	l.keep(topicSum, t)
	return t.rounds >= loopRounds
}

func (l *loops) find(topic string, payload []byte) (topicSum, sum uint64, t trip) {
	if l.now == nil {
		l.now, l.seed = map[uint64]trip{}, maphash.MakeSeed()
	}
	topicSum, sum = maphash.String(l.seed, topic), maphash.Bytes(l.seed, payload)
	t, known := l.now[topicSum]
	if !known {
		t = l.old[topicSum]
	}
	return topicSum, sum, t
}

func (l *loops) keep(topicSum uint64, t trip) {
	if len(l.now) >= loopMost {
		l.now, l.old = map[uint64]trip{}, l.now
	}
	l.now[topicSum] = t
}
