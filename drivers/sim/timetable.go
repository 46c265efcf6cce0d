package sim

import (
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// timetable says when something happens, counted from a beginning.
type timetable struct {
	after  time.Duration // when it begins first
	lasts  time.Duration // 0 = for ever, or for a moment
	every  time.Duration // from one time to the next; 0 = it happens once
	spread time.Duration // up to how much later each time is, by chance
	seed   uint64        // of that chance
}

// at returns how often it has begun by a time, when it did last, and whether that still lasts.
func (t timetable) at(since time.Duration) (times int, began time.Duration, on bool) {
	n := int64(0) // the last that may have begun
	if since >= t.after && t.every > 0 {
		n = int64((since - t.after) / t.every)
	}
	for ; n >= 0; n-- {
		if began = t.begin(n); began <= since {
			return int(n) + 1, began, t.lasts == 0 || since-began < t.lasts
		}
	}
	return 0, 0, false
}

// begin is when it begins for the nth time, counted from 0. The chance of one time has nothing to do with others, so
// that it can be asked for any.
func (t timetable) begin(n int64) time.Duration {
	at := t.after + time.Duration(n)*t.every
	if t.spread > 0 {
		at += time.Duration(rand.New(rand.NewPCG(t.seed, uint64(n))).Int64N(int64(t.spread)))
	}
	return at
}

// planned is trouble of a wire by a timetable.
type planned struct {
	table timetable
	from  time.Time
	what  Trouble
	times int // how often it had begun when it was last asked
}

// troubles are what is wrong with a wire: what somebody says, or else what is planned.
type troubles struct {
	said  Trouble
	plans []*planned
}

// now returns what is wrong, and whether the device was without power since it was last asked.
func (t *troubles) now(now time.Time) (what Trouble, cut bool) {
	what = t.said
	for _, p := range t.plans {
		times, _, on := p.table.at(now.Sub(p.from))
		if on && what == None {
			what = p.what
		}
		cut = cut || p.what == Unplugged && times > p.times
		p.times = times
	}
	return what, cut
}

// turn puts a plan into force, or takes it back. What of it is past has no effect.
func (t *troubles) turn(p *planned, on bool) {
	t.plans = slices.DeleteFunc(t.plans, func(q *planned) bool { return q == p })
	if on {
		p.times, _, _ = p.table.at(time.Since(p.from))
		t.plans = append(t.plans, p)
	}
}

// wire is a simulated wire on which there can be trouble by a timetable.
type wire interface {
	plan(p *planned, on bool)
}

// findWire returns the wire of a name such as "sim:bme280", "sim:max31865", "sim:pms5003" or "sim:room".
func findWire(name string) (wire, error) {
	switch kind, _, _ := strings.Cut(chipOf(name), "/"); {
	case talkers[kind] != nil:
		l, err := FindLine(name)
		if err != nil {
			return nil, err
		}
		return l, nil
	case spiKinds[kind] != nil:
		return findSelect(name), nil
	}
	return FindBoard(name), nil
}
