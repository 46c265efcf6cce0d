package agent

import (
	"selvage/edge/recon"
)

// defaultPending bounds in bytes what a command lane keeps for readers that lag.
const defaultPending = 1 << 20

// CommandLane takes commands of type T and shows each one it accepted to its links.
type CommandLane[T any] struct {
	Lane
	codec *recon.Codec[T]
	on    func(T) error
	heard [][]byte // accepted in this turn

	// Guarded by agent.mu.
	log   [][]byte // newest last; the last one's number is seq
	bytes int
	seq   uint64
	late  int // readers below seq
}

// Command makes a command lane whose commands run on. An error refuses the command: its sender
// is told if there is a way, nobody else sees it.
func Command[T any](a *Agent, name string, on func(T) error) *CommandLane[T] {
	l := &CommandLane[T]{codec: codecOf[T](a, name), on: on}
	a.add(&l.Lane, name, CommandKind, l)
	return l
}

// ReadOnly refuses commands from outside: only the agent itself gives the lane something to show.
func (l *CommandLane[T]) ReadOnly() *CommandLane[T] {
	l.readOnly = true
	return l
}

func (l *CommandLane[T]) command(body []byte) error {
	v, err := l.codec.Decode(body)
	if err != nil {
		return err
	}
	if err := l.on(v); err != nil {
		return err
	}
	echo, err := l.codec.Append(nil, v)
	if err != nil {
		return err
	}
	l.touch()
	l.heard = append(l.heard, echo)
	return nil
}

func (l *CommandLane[T]) publish() {
	l.seq += uint64(len(l.heard))
	if len(l.readers()) > 0 {
		for _, b := range l.heard {
			l.bytes += len(b)
		}
		l.log = append(l.log, l.heard...)
		for l.bytes > l.agent.pending() && len(l.log) > 1 {
			l.bytes -= len(l.log[0])
			l.log[0] = nil
			l.log = l.log[1:]
		}
		l.late = len(l.readers())
	}
	clear(l.heard)
	l.heard = l.heard[:0]
}

func (l *CommandLane[T]) now() uint64 { return l.seq }

func (l *CommandLane[T]) next(t *Tail) ([]byte, bool) {
	if t.at >= l.seq {
		return nil, false
	}
	oldest := l.seq - uint64(len(l.log))
	if t.at < oldest {
		t.lost += oldest - t.at
		t.at = oldest
		if t.at == l.seq {
			l.caughtUp()
			return nil, false
		}
	}
	body := l.log[t.at-oldest]
	t.at++
	if t.at == l.seq {
		l.caughtUp()
	}
	return body, true
}

// state is what is still due: a command lane holds nothing, but a reader that syncs is owed the
// echo of every command before it.
func (l *CommandLane[T]) state(t *Tail) func() ([]byte, bool) {
	until := l.seq
	return func() ([]byte, bool) {
		if t.at >= until {
			return nil, false
		}
		return l.next(t)
	}
}

func (l *CommandLane[T]) left(t *Tail) {
	if t.at < l.seq {
		l.caughtUp()
	}
}

func (l *CommandLane[T]) caughtUp() {
	if l.late--; l.late == 0 {
		clear(l.log)
		l.log, l.bytes = l.log[:0], 0
	}
}

func (l *CommandLane[T]) save(*Lane, Keeper) {}
func (l *CommandLane[T]) snapshot() Snapshot { return Snapshot{Kind: CommandKind} }

func (l *CommandLane[T]) resume(old *Lane) {
	if was, ok := old.typed.(*CommandLane[T]); ok {
		l.log, l.bytes = was.log, was.bytes
	}
	l.seq = old.typed.now()
	l.late = 0
	for _, t := range l.readers() {
		t.at = min(t.at, l.seq)
		if t.at < l.seq {
			l.late++
		}
	}
}
