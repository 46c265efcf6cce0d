package agent

import (
	"selvage/edge/recon"
)

// CommandLane takes commands of type T and shows each one it accepted to its links.
type CommandLane[T any] struct {
	Lane
	codec   *recon.Codec[T]
	on      func(T) error
	lenient bool
	raw     []byte     // the command that on has, as it came, in a lenient lane
	heard   []event[T] // accepted in this turn

	log eventLog[T] // guarded by agent.mu
}

// Command makes a command lane whose commands run on. An error refuses the command: its sender
// is told if there is a way, nobody else sees it.
func Command[T any](a *Agent, name string, on func(T) error) *CommandLane[T] {
	l := &CommandLane[T]{codec: codecOf[T](a, name), on: on}
	l.log.lane, l.log.codec = &l.Lane, l.codec
	a.add(&l.Lane, name, CommandKind, l)
	return l
}

// ReadOnly refuses commands from outside: only the agent itself gives the lane something to show.
func (l *CommandLane[T]) ReadOnly() *CommandLane[T] {
	l.readOnly = true
	return l
}

func (l *CommandLane[T]) command(body []byte) error {
	if l.lenient {
		return l.commandAsIs(body)
	}
	v, err := l.codec.Decode(body)
	if err != nil {
		return err
	}
	if err := l.on(v); err != nil {
		return err
	}
	var echo []byte
	if l.isPrinted() {
		if echo, err = l.codec.Append(nil, v); err != nil {
			return err
		}
	}
	l.accept(newEvent(v, echo, len(body)))
	return nil
}

func (l *CommandLane[T]) accept(e event[T]) {
	l.touch()
	l.heard = append(l.heard, e)
}

func (l *CommandLane[T]) publish() { l.heard = l.log.apply(l.heard) }

func (l *CommandLane[T]) asTyped() bool        { return !l.lenient }
func (l *CommandLane[T]) events() *eventLog[T] { return &l.log }
func (l *CommandLane[T]) nextEvent(t *Tail, _ bool) (T, bool) {
	e, ok := l.log.take(t)
	return e.val, ok
}
func (l *CommandLane[T]) now() uint64                         { return l.log.seq }
func (l *CommandLane[T]) next(t *Tail) ([]byte, bool)         { return l.log.next(t) }
func (l *CommandLane[T]) due(t *Tail) uint64                  { return l.log.due(t) }
func (l *CommandLane[T]) state(t *Tail) func() ([]byte, bool) { return l.log.state(t) }
func (l *CommandLane[T]) left(t *Tail)                        { l.log.left(t) }
func (l *CommandLane[T]) dropped(t *Tail) uint64              { return l.log.dropped(t) }
func (l *CommandLane[T]) save(*Lane, Keeper)                  {}
func (l *CommandLane[T]) snapshot() Snapshot                  { return Snapshot{Kind: CommandKind} }
func (l *CommandLane[T]) resume(old *Lane)                    { l.log.resume(old) }
