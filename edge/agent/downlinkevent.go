package agent

import "selvage/edge/recon"

// Link follows a lane of an agent, of this host or of another one: fn runs as a turn with what the lane
// holds, then with each new value. If values come faster than turns a value lane's newest is what is
// seen. LinkValue, LinkMap, LinkList and LinkEvents do more.
//
// The value goes over as it is if T is the lane's own type, and by way of Recon otherwise. As it is means that
// no text is made of it: fields that have none go over too, and times are exact to the nanosecond. Each
// link has its own copy of what the slices, maps and pointers lead to that its Recon form is made of. What
// a type keeps besides, or prints by a method of its own, is shared and must not be altered.
func Link[T any](a *Agent, node, lane string, fn func(T), o ...LinkOptions) *Downlink {
	d := &EventDownlink[T]{codec: codecOf[T](a, lane), on: fn}
	d.fresh = true
	d.open(a, d, node, lane, ValueKind, o)
	return &d.Downlink
}

// EventDownlink is told each event of a lane, and keeps no state.
type EventDownlink[T any] struct {
	Downlink
	codec   *recon.Codec[T]
	on      func(T)
	pending []T
	losses  *losses // nil while there was none
}

// losses are the events that a lane has dropped before they were taken.
type losses struct {
	all, due  uint64 // due were not told yet
	onDropped func(n uint64)
}

// LinkEvents follows what a lane shows from now on, such as the commands that a command lane took or what
// a supply lane supplies: OnEvent tells each. Of a lane that keeps state it is what changes.
func LinkEvents[T any](a *Agent, node, lane string, o ...LinkOptions) *EventDownlink[T] {
	d := &EventDownlink[T]{codec: codecOf[T](a, lane)}
	d.open(a, d, node, lane, CommandKind, o)
	return d
}

// OnEvent has fn run for each event.
func (d *EventDownlink[T]) OnEvent(fn func(T)) *EventDownlink[T] {
	d.inTurn()
	d.on = then(d.on, fn)
	return d
}

// OnDropped has fn run when the lane has dropped n events because this agent lagged behind.
func (d *EventDownlink[T]) OnDropped(fn func(n uint64)) *EventDownlink[T] {
	d.inTurn()
	l := d.lossesOf()
	l.onDropped = then(l.onDropped, fn)
	return d
}

// Dropped returns how many events the lane has dropped because this agent lagged behind.
func (d *EventDownlink[T]) Dropped() uint64 {
	if d.losses == nil {
		return 0
	}
	return d.losses.all
}

func (d *EventDownlink[T]) lossesOf() *losses {
	if d.losses == nil {
		d.losses = new(losses)
	}
	return d.losses
}

// Send sends v to the lane as a command.
func (d *EventDownlink[T]) Send(v T) error { return sendValue(&d.Downlink, d.codec, v) }

// eventSource is a lane that hands over events, or the newest value, as they are, if asTyped says so. fresh
// asks for what it holds.
type eventSource[T any] interface {
	asTyped() bool
	nextEvent(t *Tail, fresh bool) (v T, ok bool)
}

func (d *EventDownlink[T]) take(t *Tail, in *intake) (n int) {
	if l, same := t.lane.typed.(eventSource[T]); same && l.asTyped() {
		for v, ok := l.nextEvent(t, d.fresh); ok; v, ok = l.nextEvent(t, false) {
			own(&v)
			d.pending = append(d.pending, v)
			n++
		}
	} else {
		d.bodies(t, in)
	}
	if t.lost > 0 {
		d.lossesOf().due += t.lost
		t.lost = 0
		n++
	}
	return n
}

func (d *EventDownlink[T]) load(bodies [][]byte) (err error) {
	for _, body := range bodies {
		v, bad := d.codec.Decode(body)
		if bad != nil {
			err = bad
			continue
		}
		d.pending = append(d.pending, v)
	}
	return err
}

func (d *EventDownlink[T]) tell() {
	if l := d.losses; l != nil && l.due > 0 {
		n := l.due
		l.all, l.due = l.all+n, 0
		if l.onDropped != nil {
			l.onDropped(n)
		}
	}
	all := d.pending
	d.pending = nil
	for _, v := range all {
		if d.on != nil && !d.closed {
			d.on(v)
		}
	}
	if len(all) == 1 { // room for the next one
		clear(all)
		d.pending = all[:0]
	}
}
