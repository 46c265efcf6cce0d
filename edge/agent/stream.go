package agent

import (
	"slices"
	"time"

	"selvage/edge/route"
)

const (
	streamRoom = 64 << 10 // bytes that are read ahead of a reader
	streamStep = 16 << 10 // of these, what is handed over at once

	streamRest  = 500 * time.Millisecond // how long a reader may take for half of that before what reads gives back its memory
	streamRetry = 10 * time.Second       // after an error, for readers that are agents of this host
)

// Failer is a reader that is to be told when its source cannot go on to show what there is. Fail is called on any
// goroutine.
type Failer interface {
	Fail(source any, reason string)
}

// stream is what a reader is being shown of a history. A goroutine reads ahead of him while there is room.
type stream struct {
	lane *pastLane
	tail *Tail
	of   excerpt
	lost uint64 // that the reader had lost when it began

	// Guarded by agent.mu.
	ready  [][]byte // events
	bytes  int      // of these
	busy   bool     // the goroutine is there
	read   bool     // all there is has been read,
	over   bool     // and taken
	closed bool
	stale  bool        // an error has kept it from going on, and its reader was told
	round  uint64      // see Past.Round
	timer  *time.Timer // until it rests or tries again

	past   Past // nil before it is opened; of the goroutine, or else guarded by agent.mu
	number int  // of entries read
	key    string
}

// start has the goroutine read. agent.mu is held, and so it is in take and close.
func (s *stream) start() {
	if s.timer != nil {
		s.timer.Stop()
	}
	s.busy = true
	s.lane.agent.rt.Work(s.work)
}

// take returns the next event; there may be none yet.
func (s *stream) take() (body []byte, ok bool) {
	if len(s.ready) == 0 {
		s.over = s.read
		return nil, false
	}
	body, s.ready[0] = s.ready[0], nil
	s.ready = s.ready[1:]
	if s.bytes -= len(body); s.bytes < streamRoom/2 && !s.read && !s.busy && !s.stale {
		s.start()
	}
	return body, true
}

func (s *stream) close() {
	s.closed, s.ready = true, nil
	if s.timer != nil {
		s.timer.Stop()
	}
	if !s.busy {
		s.past = nil
	}
}

func (s *stream) work() {
	for {
		events, done, err := s.some()
		if !s.add(events, done, err) {
			return
		}
	}
}

// some reads some events.
func (s *stream) some() (events [][]byte, done bool, err error) {
	if s.past == nil {
		of, _ := route.HistoryOf(s.lane.name)
		if s.past, err = s.lane.agent.rt.Past(of, s.of.newest()); err != nil {
			return nil, false, err
		}
	}
	for size := 0; size < streamStep; {
		body, at, ok := s.past.Next()
		if !ok {
			err := s.past.Err()
			return events, err == nil, err
		}
		e := pastEvent(body, at)
		if e.key != s.key || s.number == 0 {
			s.number++
			s.key = e.key
		}
		has, ended := s.of.has(s.number)
		if ended {
			return events, true, nil
		}
		if has {
			events = append(events, e.body)
			size += len(e.body)
		}
	}
	return events, false, nil
}

// add hands over what was read, and reports whether there is room for more.
func (s *stream) add(events [][]byte, done bool, err error) (more bool) {
	a := s.lane.agent
	a.mu.Lock()
	if s.closed {
		s.past = nil
		a.mu.Unlock()
		return false
	}
	for _, body := range events {
		s.ready = append(s.ready, body)
		s.bytes += len(body)
	}
	more = !done && err == nil && s.bytes < streamRoom
	s.busy, s.read = more, done
	if done {
		s.round, s.past = s.past.Round(), nil
	}
	was := s.stale
	s.stale = err != nil
	switch {
	case err != nil:
		s.after(streamRetry)
	case !more && !done:
		s.after(streamRest)
	}
	a.mu.Unlock()
	if err != nil || done || was {
		s.lane.troubled(err)
	}
	r := s.tail.reader
	d, local := r.(*Downlink)
	f, fails := r.(Failer)
	switch {
	case local && was != (err != nil):
		d.Stale(err)
	case err != nil && fails:
		f.Fail(s.tail, "unreadable")
	}
	r.Wake()
	return more
}

// after has the stream rest, or try again after an error, unless it has gone on by then. agent.mu is held.
func (s *stream) after(wait time.Duration) {
	if s.timer == nil {
		s.timer = time.AfterFunc(wait, s.rest)
	} else {
		s.timer.Reset(wait)
	}
}

func (s *stream) rest() {
	a := s.lane.agent
	a.mu.Lock()
	defer a.mu.Unlock()
	if s.busy || s.closed || s.read {
		return
	}
	if s.past != nil {
		s.past.Rest()
	}
	if s.stale && slices.Contains(s.lane.readers(), s.tail) {
		s.start()
	}
}
