package agent

import "fmt"

// CommandLane takes commands of type T and shows each one it accepted to its links.
type CommandLane[T any] struct {
	eventLane[T]
	on      func(T) error
	lenient bool
	raw     []byte // the command that on has, as it came, in a lenient lane
}

// Command makes a command lane whose commands run on. An error refuses the command: its sender
// is told if there is a way, nobody else sees it.
func Command[T any](a *Agent, name string, on func(T) error) *CommandLane[T] {
	if on == nil {
		panic(fmt.Sprintf("agent %s: lane %s has nothing to run for its commands", a.uri, name))
	}
	l := &CommandLane[T]{on: on}
	l.init(a, name)
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
	return l.show(v, len(body))
}

func (l *CommandLane[T]) asTyped() bool { return !l.lenient }
