package mqtt

import (
	"hash/maphash"
	"sync"
	"time"
)

const (
	loopRounds = 5               // how often a message comes round before it is a loop
	loopTime   = 5 * time.Second // the longest that one round takes
	loopMost   = 1024            // how many messages are remembered, at least
)

// trips are the messages that routes of all uplinks publish: what one publishes another may bring back.
var trips loops

// loops finds messages that go round: what we publish comes back on the same topic, by another bridge or by another of
// our uplinks, and has us publish it again. Messages that are no longer the same when they come back,
// as with a time in them, it does not find.
//
// The zero value is ready, and any goroutine may use it.
type loops struct {
	mu       sync.Mutex
	seed     maphash.Seed
	now, old map[uint64]trip // by what the messages are; old is forgotten when now is full
}

// trip is what is known of a message on a topic.
type trip struct {
	out, back time.Time // when it was last published, and last came
	home      bool      // it has come since it was published
	rounds    int       // that it has made without a pause
}

// note takes in what is published.
func (l *loops) note(topic string, payload []byte, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key, t, _ := l.find(topic, payload)
	if at.Sub(t.back) > loopTime {
		t.rounds = 0
	}
	t.out, t.home = at, false
	l.keep(key, t)
}

// seen takes in what has come, and tells whether it goes round.
func (l *loops) seen(topic string, payload []byte, at time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now == nil {
		return false
	}
	key, t, ours := l.find(topic, payload)
	if !ours || at.Sub(t.out) > loopTime {
		return false
	}
	if !t.home { // else the broker has it for us twice, which is one round
		t.rounds++
	}
	t.back, t.home = at, true
	l.keep(key, t)
	return t.rounds >= loopRounds
}

func (l *loops) find(topic string, payload []byte) (key uint64, t trip, known bool) {
	if l.now == nil {
		l.now, l.seed = map[uint64]trip{}, maphash.MakeSeed()
	}
	var h maphash.Hash
	h.SetSeed(l.seed)
	_, _ = h.WriteString(topic)
	_ = h.WriteByte(0) // which no topic has
	_, _ = h.Write(payload)
	key = h.Sum64()
	if t, known = l.now[key]; !known {
		t, known = l.old[key]
	}
	return key, t, known
}

func (l *loops) keep(key uint64, t trip) {
	if len(l.now) >= loopMost {
		l.now, l.old = map[uint64]trip{}, l.now
	}
	l.now[key] = t
}
