package agent

import "selvage/edge/recon"

// ValueDownlink follows a value lane and knows its newest value.
type ValueDownlink[T any] struct {
	Downlink
	codec    *recon.Codec[T]
	onSet    func(old, now T)
	cur, old T
	news     bool
}

// LinkValue follows a value lane of an agent, of this host or of another one. The value goes over as it is
// if T is the lane's own type, see Link, and by way of Recon otherwise.
func LinkValue[T any](a *Agent, node, lane string, o ...LinkOptions) *ValueDownlink[T] {
	d := &ValueDownlink[T]{codec: codecOf[T](a, lane)}
	d.open(a, d, node, lane, ValueKind, o)
	return d
}

// OnSet has fn run with what the lane holds, and then with each value that is new, and the one before.
func (d *ValueDownlink[T]) OnSet(fn func(old, now T)) *ValueDownlink[T] {
	d.inTurn()
	d.onSet = then2(d.onSet, fn)
	return d
}

// Get returns the newest value; T's zero value before there is one.
func (d *ValueDownlink[T]) Get() T { return d.cur }

// Set sends v to the lane as a command. What Get returns follows when the lane has taken it.
func (d *ValueDownlink[T]) Set(v T) error { return sendValue(&d.Downlink, d.codec, v) }

func (d *ValueDownlink[T]) take(t *Tail, in *intake) (n int) {
	l, same := t.lane.typed.(eventSource[T])
	if !same || !l.asTyped() {
		d.bodies(t, in)
		return 0
	}
	for v, ok := l.nextEvent(t, d.fresh); ok; v, ok = l.nextEvent(t, false) {
		own(&v)
		d.set(v)
		n++
	}
	return n
}

func (d *ValueDownlink[T]) set(v T) {
	if !d.news {
		d.old = d.cur
	}
	d.cur, d.news = v, true
}

func (d *ValueDownlink[T]) load(bodies [][]byte) error {
	if len(bodies) == 0 {
		return nil
	}
	v, err := d.codec.Decode(bodies[len(bodies)-1])
	if err == nil {
		d.set(v)
	}
	return err
}

func (d *ValueDownlink[T]) tell() {
	if !d.news {
		return
	}
	var none T
	old := d.old
	d.old, d.news = none, false
	if d.onSet != nil {
		d.onSet(old, d.cur)
	}
}
