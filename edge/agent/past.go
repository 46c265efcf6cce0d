package agent

import (
	"fmt"
	"strconv"
	"time"

	"selvage/edge/clock"
	"selvage/edge/health"
	"selvage/edge/recon"
	"selvage/edge/route"
)

// Past reads the values that a lane had, in the order of time, from where the host keeps them. One goroutine at a
// time uses it.
type Past interface {
	Next() (body []byte, at clock.Stamp, ok bool)
	Err() error    // why Next has ended early
	Rest()         // gives back memory, until the next Next goes on behind the last value; after an error it tries again
	Round() uint64 // see Dropped
}

// pastLane shows the history of a value lane as a map: under each moment, in ms since 1970, the value that the lane had
// then. It is made for its readers and goes with the last of them. What it shows to who syncs is read from where the
// host keeps it, never in a turn nor with agent.mu held, and never more than a stream's room ahead of the reader. Of
// several values in one millisecond all are shown, and the last stays.
type pastLane struct {
	Lane
	holdsNothing
	of *Lane // whose history it is; guarded by agent.mu, and so is the rest

	log     keyLog // of what is kept from now on
	streams map[*Tail]*stream
	gone    map[*Tail][]cut // what they are to be told behind that
}

// Dated returns the fields of a kept value: its time first, in ms since 1970 and as it is known by now, then those of
// its body. A body that is no record with a field value stands under value, and isRecord is false.
func Dated(body []byte, at clock.Stamp) (fields []recon.Item, isRecord bool) {
	fields = []recon.Item{recon.Field("at", recon.Int(millis(at)))}
	if !at.Trusted {
		fields = append(fields, recon.Field("trusted", recon.Bool(false)))
	}
	v, err := recon.Parse(body)
	if err != nil {
		v = recon.String(string(body))
	}
	if v.Kind() != recon.KindRecord || v.Get("value").IsAbsent() {
		return append(fields, recon.Field("value", v)), false
	}
	for _, it := range v.Items() {
		switch name, _ := it.Key.Text(); name {
		case "at", "trusted", "boot", "mono":
		default:
			fields = append(fields, it)
		}
	}
	return fields, true
}

func millis(at clock.Stamp) int64 { return at.Wall / int64(time.Millisecond) }

// pastEvent is a kept value as an event. A reading has its time as it is known by now.
func pastEvent(body []byte, at clock.Stamp) keyEvent {
	if fields, isRecord := Dated(body, at); isRecord {
		body = recon.Append(nil, recon.Record(fields...))
	}
	key := strconv.FormatInt(millis(at), 10)
	return keyEvent{key, appendUpdate(key, body)}
}

// ShowsPast reports whether the lane has a history that the host keeps, which a lane of its own shows, see
// route.HistoryLane.
func (l *Lane) ShowsPast() bool {
	l.agent.mu.Lock()
	defer l.agent.mu.Unlock()
	return l.hasPast()
}

func (l *Lane) hasPast() bool { return l.rare != nil && l.rare.kept != nil }

// past is the lane that shows l's history; nil while nobody reads it. agent.mu is held.
func (l *Lane) past() *pastLane {
	if l.rare == nil {
		return nil
	}
	return l.rare.past
}

// Find is Lane, in a turn that brings a reader. The lane that shows a history is made for him.
func (a *Agent) Find(name route.LaneName) *Lane {
	if l := a.Lane(name); l != nil {
		return l
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	of := a.pastOf(name)
	if of == nil {
		return nil
	}
	l := &pastLane{of: of, streams: map[*Tail]*stream{}}
	l.agent, l.name, l.kind, l.typed, l.phase, l.readOnly = a, name, PastKind, l, here, true
	l.log.lane = &l.Lane
	of.more().past = l
	l.more().idle = l.leave
	a.lanes.add(&l.Lane)
	a.rt.Wake(Mail{Do: l.leave, Run: a.run.Load()}) // he may stay away
	return &l.Lane
}

// HasLane reports whether the agent has a lane of that name, or would have it for a reader.
func (a *Agent) HasLane(name route.LaneName) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.lane(name) != nil || a.pastOf(name) != nil
}

// pastOf returns the lane whose history a lane of that name shows. a.mu is held.
func (a *Agent) pastOf(name route.LaneName) *Lane {
	of, ok := route.HistoryOf(name)
	if !ok {
		return nil
	}
	if l := a.lane(of); l != nil && l.hasPast() {
		return l
	}
	return nil
}

// leave takes the lane away once nobody reads it, in a turn.
func (l *pastLane) leave() {
	a := l.agent
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(l.readers()) == 0 {
		l.part()
	}
}

// part takes the lane away. agent.mu is held.
func (l *pastLane) part() {
	l.agent.lanes.remove(&l.Lane)
	if l.of.past() == l {
		l.of.rare.past = nil
	}
}

// handPast has the lane that shows the history of l's predecessor show that of l, which is being made, if there is
// still one. agent.mu is held.
func (l *Lane) handPast(h *handover) {
	old := l.agent.orphan(route.HistoryLane(l.name))
	if old == nil || old.kind != PastKind {
		return
	}
	p, _ := old.typed.(*pastLane)
	if !l.hasPast() || len(p.readers()) == 0 {
		p.part()
		h.leavers = p.dismiss(h.leavers)
		return
	}
	if p.of.past() == p {
		p.of.rare.past = nil
	}
	p.of, p.phase, l.more().past = l, here, p
}

// endPast ends the lane that shows l's history. agent.mu is held.
func (l *Lane) endPast(leavers []leaver) []leaver {
	p := l.past()
	if p == nil {
		return leavers
	}
	p.part()
	return p.dismiss(leavers)
}

// show tells who reads the lane of a value that is kept. agent.mu is held.
func (l *pastLane) show(body []byte, at clock.Stamp) {
	if len(l.readers()) > 0 {
		l.log.show([]keyEvent{pastEvent(body, at)})
	}
}

// open begins to show t's reader what there is of a part.
func (l *pastLane) open(t *Tail, of excerpt) func() ([]byte, bool) {
	l.left(t)
	t.at = l.log.seq
	s := &stream{lane: l, tail: t, of: of, lost: t.lost}
	l.streams[t] = s
	s.start()
	return func() ([]byte, bool) { return s.take() }
}

func (l *pastLane) end(t *Tail) {
	if s := l.streams[t]; s != nil {
		s.close()
		delete(l.streams, t)
	}
}

// isPending reports whether t's reader is still being shown what there is.
func (l *pastLane) isPending(t *Tail) bool {
	s := l.streams[t]
	return s != nil && !s.over
}

func (l *pastLane) state(t *Tail) func() ([]byte, bool) { return l.open(t, excerpt{}) }

func (l *pastLane) next(t *Tail) ([]byte, bool) {
	if l.isPending(t) {
		if body, ok := l.streams[t].take(); ok || l.isPending(t) {
			return body, ok
		}
	}
	if body, ok := l.log.next(t); ok {
		return body, true
	}
	return l.nextGone(t)
}

func (l *pastLane) due(t *Tail) uint64 {
	if l.isPending(t) {
		return 0
	}
	return l.log.due(t)
}

func (l *pastLane) left(t *Tail) {
	l.end(t)
	delete(l.gone, t)
	l.log.left(t)
}

func (l *pastLane) now() uint64          { return l.log.seq }
func (l *pastLane) command([]byte) error { return ErrReadOnly }
func (l *pastLane) publish()             {}
func (l *pastLane) resume(*Lane)         {}

// troubled shows why the history cannot be read, or that it can again.
func (l *pastLane) troubled(err error) {
	code := "history." + string(l.agent.uri) + "." + string(l.name)
	if err == nil {
		l.agent.rt.Health().Clear(code)
		return
	}
	l.agent.rt.Health().Raise(health.Condition{
		Code:     code,
		Text:     fmt.Sprintf("%s of %s cannot be read: %v", l.name, l.agent.uri, err),
		Remedy:   "who has asked for it is told; see whether the store is damaged: selvage store check",
		Severity: health.Failure,
	})
}

// excerpt is which entries somebody asks for; the zero excerpt is all.
type excerpt struct {
	op opKind // takeOp or dropOp, 0 for all
	n  int    // the first n, or with takeOp the newest -n
}

const maxExcerpt = 1 << 30

// parseExcerpt reads what a sync asks for: @take(n), the first n entries, @drop(n), all but these, or @take(-n), the
// newest n. Anything else is no wish of that kind.
func parseExcerpt(body []byte) (of excerpt, err error) {
	v, err := recon.Parse(body)
	if err != nil {
		return of, err
	}
	switch v.Tag() {
	case "take":
		of.op = takeOp
	case "drop":
		of.op = dropOp
	default:
		return of, nil
	}
	n, ok := v.Header(v.Tag()).Index(0).Int()
	if !ok || n < -maxExcerpt || n > maxExcerpt || n < 0 && of.op == dropOp {
		return excerpt{}, fmt.Errorf("%s is no part of a history; ask for @take(n), @drop(n), or @take(-n), the newest n", body)
	}
	of.n = int(n)
	return of, nil
}

// CanShow reports whether the lane can show what a sync asks for.
func (l *Lane) CanShow(body []byte) error {
	if l.kind != PastKind {
		return nil
	}
	_, err := parseExcerpt(body)
	return err
}

// newest returns how many of the newest entries there are in the excerpt; 0 if it does not begin with one of these.
func (e excerpt) newest() int { return max(-e.n, 0) }

// has reports whether the entry with a number, from 1 on, is in the excerpt, and whether it ends before that.
func (e excerpt) has(number int) (has, ended bool) {
	switch {
	case e.op == dropOp:
		return number > e.n, false
	case e.op == takeOp && e.n >= 0:
		return number <= e.n, number > e.n
	}
	return true, false
}
