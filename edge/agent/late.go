package agent

import (
	"errors"
	"fmt"
	"time"

	"selvage/edge/clock"
)

// MostAhead is how far the time of a value may be beyond the present: clocks differ, but a reading of next
// year would be the newest until then.
const MostAhead = 5 * time.Minute

// Why a value of the past is not recorded.
var (
	ErrNoHistory = errors.New(`nothing is kept of this lane; a table [history."/…"] of the host's config has it kept`)
	ErrFuture    = errors.New("its time is still to come")
	ErrNoTime    = errors.New("it has no time")
	ErrBehind    = errors.New("more values wait to be saved than there is room for; try again after the next commit")
)

// Record puts a value that the lane had at a past time into its history, at its place there. What the lane holds
// stays, its handlers do not run and its readers do not see it. One of the same time that is there already is
// left out, and so is one older than what is kept. The history has at and v's text as they are: a v that is Timed
// is to have the same time.
func (l *ValueLane[T]) Record(v T, at clock.Stamp) error {
	if err := l.mayChange(); err != nil {
		return err
	}
	text, err := l.codec.Append(nil, v)
	if err != nil {
		return err
	}
	return l.record(text, at)
}

// RecordText is Record for the text of a value, of a lane of any type. It reports an error if the lane would not
// take the value.
func (l *Lane) RecordText(body []byte, at clock.Stamp) error {
	r, ok := l.typed.(interface {
		recordText([]byte, clock.Stamp) error
	})
	if !ok {
		return fmt.Errorf("it is a %s lane, and only value lanes have a history", l.kind)
	}
	return r.recordText(body, at)
}

func (l *ValueLane[T]) recordText(body []byte, at clock.Stamp) error {
	v, err := l.codec.Decode(body)
	if err != nil {
		return err
	}
	return l.Record(v, at)
}

// IsTimed reports whether the lane's values know when they were.
func (l *Lane) IsTimed() bool {
	t, ok := l.typed.(interface{ timed() bool })
	return ok && t.timed()
}

func (l *ValueLane[T]) timed() bool {
	_, ok := any(l.cur).(Timed)
	return ok
}

// record notes a value for the end of the turn.
func (l *Lane) record(body []byte, at clock.Stamp) error {
	now := l.agent.rt.Clock().Now()
	l.agent.mu.Lock()
	defer l.agent.mu.Unlock()
	if l.phase == coming {
		l.keeps()
	}
	turn := l.agent.deed()
	switch {
	case l.rare == nil || l.rare.kept == nil:
		return ErrNoHistory
	case at.Wall == 0 && at.Boot == "":
		return ErrNoTime
	case at.Trusted && now.Trusted && at.Wall > now.Wall+int64(MostAhead):
		return ErrFuture
	case l.rare.kept.bytes+turn.lateBytes+pointCost+len(body) > maxKept:
		return ErrBehind
	}
	turn.late = append(turn.late, latePoint{l, Point{Body: body, At: at, Late: true, Owed: len(turn.notes) > 0}})
	turn.lateBytes += pointCost + len(body)
	return nil
}

// latePoint is a value of the past that a turn has recorded.
type latePoint struct {
	lane *Lane
	Point
}

// keepLate hands what the turn has recorded to the lanes, and reports whether there is something to save. a.mu
// is held.
func (t *turn) keepLate() (some bool) {
	for _, p := range t.late {
		l := p.lane.heirs()
		if l.rare == nil || l.rare.kept == nil {
			continue
		}
		k := l.rare.kept
		if l.rare.past != nil {
			l.rare.past.show(p.Body, p.At)
		}
		k.points = append(k.points, p.Point)
		k.bytes += p.cost()
		if !l.unsaved {
			l.unsaved, k.onlyLate = true, true
		}
		some = true
	}
	clear(t.late)
	t.late, t.lateBytes = t.late[:0], 0
	return some
}
