package agent

import (
	"selvage/edge/recon"
)

// SupplyLane shows each value that its agent pushes to those who link to it then. It holds nothing and
// takes no commands.
type SupplyLane[T any] struct {
	Lane
	codec  *recon.Codec[T]
	pushed []event[T] // in this turn

	log eventLog[T] // guarded by agent.mu
}

// Supply makes a supply lane. What it keeps for links that lag is bounded; what they miss is counted.
func Supply[T any](a *Agent, name string) *SupplyLane[T] {
	l := &SupplyLane[T]{codec: codecOf[T](a, name)}
	l.log.lane, l.log.codec = &l.Lane, l.codec
	a.add(&l.Lane, name, SupplyKind, l)
	return l
}

// Push shows v to all who link to the lane, in the order of the calls. While nobody does it costs next
// to nothing.
func (l *SupplyLane[T]) Push(v T) {
	l.inTurn()
	if !l.IsRead() {
		return
	}
	l.mark(l.push(v))
}

func (l *SupplyLane[T]) push(v T) (err error) {
	var body []byte
	if l.isPrinted() {
		if body, err = l.codec.Append(nil, v); err != nil {
			return err
		}
	}
	l.touch()
	l.pushed = append(l.pushed, newEvent(v, body, 0))
	return nil
}

// command is for Apply: others' commands do not get here.
func (l *SupplyLane[T]) command(body []byte) error {
	v, err := l.codec.Decode(body)
	if err != nil {
		return err
	}
	return l.push(v)
}

func (l *SupplyLane[T]) publish() { l.pushed = l.log.apply(l.pushed) }

func (l *SupplyLane[T]) asTyped() bool        { return true }
func (l *SupplyLane[T]) events() *eventLog[T] { return &l.log }
func (l *SupplyLane[T]) nextEvent(t *Tail, _ bool) (T, bool) {
	e, ok := l.log.take(t)
	return e.val, ok
}
func (l *SupplyLane[T]) now() uint64                         { return l.log.seq }
func (l *SupplyLane[T]) next(t *Tail) ([]byte, bool)         { return l.log.next(t) }
func (l *SupplyLane[T]) due(t *Tail) uint64                  { return l.log.due(t) }
func (l *SupplyLane[T]) state(t *Tail) func() ([]byte, bool) { return l.log.state(t) }
func (l *SupplyLane[T]) left(t *Tail)                        { l.log.left(t) }
func (l *SupplyLane[T]) dropped(t *Tail) uint64              { return l.log.dropped(t) }
func (l *SupplyLane[T]) save(*Lane, Keeper)                  {}
func (l *SupplyLane[T]) snapshot() Snapshot                  { return Snapshot{Kind: SupplyKind} }
func (l *SupplyLane[T]) resume(old *Lane)                    { l.log.resume(old) }
