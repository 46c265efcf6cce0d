package agent

// SupplyLane shows each value that its agent pushes to those who link to it then. It holds nothing and
// takes no commands.
type SupplyLane[T any] struct{ eventLane[T] }

// Supply makes a supply lane. What it keeps for links that lag is bounded; what they miss is counted.
func Supply[T any](a *Agent, name string) *SupplyLane[T] {
	l := new(SupplyLane[T])
	l.init(a, name)
	a.add(&l.Lane, name, SupplyKind, l)
	return l
}

// Push shows v to all who link to the lane, in the order of the calls. While nobody does it costs next
// to nothing.
func (l *SupplyLane[T]) Push(v T) {
	err := l.mayChange()
	switch {
	case err == nil && !l.IsRead():
		return
	case err == nil:
		err = l.show(v, 0)
	}
	l.mark(err)
}

// command is for Apply: others' commands do not get here.
func (l *SupplyLane[T]) command(body []byte) error {
	v, err := l.codec.Decode(body)
	if err != nil {
		return err
	}
	return l.show(v, len(body))
}

func (l *SupplyLane[T]) asTyped() bool { return true }
