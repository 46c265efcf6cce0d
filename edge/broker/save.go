package broker

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"selvage/edge/health"
)

// Book is where a broker's retained messages outlast it. Its methods are called by one goroutine at a time.
type Book interface {
	// Load returns all that is there, by topic.
	Load() (map[string][]byte, error)
	// Save takes changes; nil takes a topic out. They are on flash after the next Flush, or soon.
	Save(ctx context.Context, changes map[string][]byte) error
	// Flush returns when what was saved is on flash, or with why it is not yet.
	Flush(ctx context.Context) error
}

const bookCode = "broker.book"

// Messages with QoS 0, for which nobody waits, are saved in the background at this pace, so that a state that
// changes all the time does not wear the flash.
const (
	savePause = time.Second
	saveRate  = 64 << 10 // bytes a second, in the long run
)

const (
	saveChunk  = 1 << 20          // bytes that are saved together, or one message
	flushTime  = 10 * time.Second // for the book to have changes on flash
	finishTime = 2 * time.Second  // for the last changes, when the broker stops
)

// saver brings a book in line with the retained messages.
type saver struct {
	book  Book
	get   func(topic string) (m message, retained bool)
	board *health.Board
	wake  chan struct{}

	mu      sync.Mutex
	changed map[string]struct{} // topics
	waiting []waiting

	saved map[string][sha256.Size]byte // sums of what the book has, by topic; only the saver's goroutine asks
}

// waiting is one who waits until what is retained under a topic is on flash.
type waiting struct {
	topic string
	then  func()
}

func newSaver(o Options, get func(topic string) (m message, retained bool)) *saver {
	return &saver{
		book: o.Book, get: get, board: o.Health, wake: make(chan struct{}, 1),
		changed: map[string]struct{}{}, saved: map[string][sha256.Size]byte{},
	}
}

// load returns what the book has.
func (s *saver) load() (all []message) {
	if s.book == nil {
		return nil
	}
	entries, err := s.book.Load()
	if err != nil {
		s.tell(fmt.Errorf("what the MQTT broker retained before the start cannot be read, so it goes without: %w", err))
	}
	for topic, entry := range entries {
		if m, ok := decode(topic, entry); ok {
			s.saved[topic] = sha256.Sum256(entry)
			all = append(all, m)
		}
	}
	return all
}

// change notes that what is retained under a topic has changed.
func (s *saver) change(topic string) {
	if s.book == nil {
		return
	}
	s.mu.Lock()
	s.changed[strings.Clone(topic)] = struct{}{} // it is part of a packet
	s.mu.Unlock()
	s.rouse()
}

// await has then called when what is retained under a topic is on flash, or cannot be brought there: the house goes on
// when the flash is full, and a condition says so.
func (s *saver) await(topic string, then func()) {
	s.mu.Lock()
	s.waiting = append(s.waiting, waiting{topic, then})
	s.mu.Unlock()
	s.rouse()
}

func (s *saver) rouse() {
	select {
	case s.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// run saves changes until ctx ends: at once those that somebody waits for, the others when it is their time.
func (s *saver) run(ctx context.Context) {
	if s.book == nil {
		return
	}
	defer s.board.Clear(bookCode)
	rest := time.NewTimer(0)
	defer rest.Stop()
	rested := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-rest.C:
			rested = true
		case <-s.wake:
		}
		s.urgent(ctx)
		if !rested {
			continue
		}
		if _, size, _ := s.some(ctx, s.all()); size > 0 {
			rested = false
			rest.Reset(max(savePause, time.Duration(size)*time.Second/saveRate))
		}
	}
}

// urgent saves what is waited for.
func (s *saver) urgent(ctx context.Context) {
	s.mu.Lock()
	all := s.waiting
	s.waiting = nil
	var topics []string
	for _, w := range all {
		if _, is := s.changed[w.topic]; is {
			topics = append(topics, w.topic)
		}
	}
	s.mu.Unlock()
	if len(all) == 0 {
		return
	}
	slices.Sort(topics)
	topics = slices.Compact(topics)
	well := true
	for len(topics) > 0 && well {
		var taken int
		taken, _, well = s.some(ctx, topics)
		topics = topics[taken:]
	}
	s.flush(ctx, well)
	if ctx.Err() != nil {
		return // the broker stops, and with it the connections that wait
	}
	for _, w := range all {
		w.then()
	}
}

// flush has on flash what was saved; well is whether all was that had to be.
func (s *saver) flush(ctx context.Context, well bool) {
	ctx, cancel := context.WithTimeout(ctx, flushTime)
	defer cancel()
	if err := s.book.Flush(ctx); err != nil {
		s.tell(fmt.Errorf("what the MQTT broker retains is not on flash yet: %w", err))
		return
	}
	if well {
		s.board.Clear(bookCode)
	}
}

// all returns the topics that have changed.
func (s *saver) all() (topics []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for topic := range s.changed {
		topics = append(topics, topic)
	}
	return topics
}

// some saves the first of topics, as many as go together, and returns how many these were, how many bytes that took, and
// whether it went well.
func (s *saver) some(ctx context.Context, topics []string) (taken, size int, well bool) {
	changes := map[string][]byte{}
	sums := map[string][sha256.Size]byte{}
	for _, topic := range topics {
		if size >= saveChunk {
			break
		}
		taken++
		s.mu.Lock()
		delete(s.changed, topic) // first: what changes from here on is noted anew
		s.mu.Unlock()
		m, retained := s.get(topic)
		was, had := s.saved[topic]
		switch {
		case retained:
			entry := encode(m)
			if sum := sha256.Sum256(entry); sum != was {
				changes[topic], sums[topic] = entry, sum
				size += len(topic) + len(entry)
			}
		case had:
			changes[topic] = nil
			size += len(topic)
		}
	}
	if len(changes) == 0 {
		return taken, 0, true
	}
	if err := s.book.Save(ctx, changes); err != nil {
		s.tell(fmt.Errorf("what the MQTT broker retains cannot be saved: %w", err))
		s.mu.Lock()
		for _, topic := range topics[:taken] {
			s.changed[topic] = struct{}{}
		}
		s.mu.Unlock()
		return taken, size, false
	}
	for topic := range changes {
		if sum, retained := sums[topic]; retained {
			s.saved[topic] = sum
		} else {
			delete(s.saved, topic)
		}
	}
	return taken, size, true
}

// finish saves what is left when nothing changes any more.
func (s *saver) finish() {
	if s.book == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), finishTime)
	defer cancel()
	for topics, well := s.all(), true; len(topics) > 0 && well; {
		var taken int
		taken, _, well = s.some(ctx, topics)
		topics = topics[taken:]
	}
}

func (s *saver) tell(err error) {
	s.board.Raise(health.Condition{
		Code: bookCode, Text: err.Error() + "; a restart of the host may lose some of it",
		Remedy: "see what else is said of the store: selvage store stats",
	})
}

// An entry of the book is the QoS of a message, as a digit, and its payload.
func encode(m message) []byte {
	return append([]byte{'0' + m.qos}, m.payload...)
}

func decode(topic string, entry []byte) (m message, ok bool) {
	if len(entry) < 2 || entry[0] < '0' || entry[0] > '2' {
		return m, false
	}
	return message{topic: topic, payload: entry[1:], qos: entry[0] - '0'}, true
}
