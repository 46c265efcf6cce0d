package peer

// The classes of prio, as many as in SwimOS. A link without one is in the lowest.
const (
	classes   = 5
	maxPassed = 16 // turns that go to higher classes while somebody waits in a lower one
)

// classOf returns the class of a prio, which goes from 0 to 1; what lies beyond counts as these.
func classOf(prio float64) uint32 {
	if !(prio > 0) { // nor is it NaN
		return 0
	}
	return uint32(min(prio*classes, classes-1))
}

// ranks are the outlets that wait in the classes above the lowest, each in order.
type ranks [classes - 1]struct {
	waiting fifo
	passed  int // turns that have gone to higher classes since somebody here had one, or began to wait
}

func (r *ranks) push(o outlet, class uint32) { r[class-1].waiting.push(o) }

// pop takes out the first of the highest class, or of one that was passed over too often.
func (r *ranks) pop() outlet {
	at := -1
	for i := len(r) - 1; i >= 0; i-- {
		if !r[i].waiting.empty() && (at < 0 || r[i].passed >= maxPassed) {
			at = i
		}
	}
	for i := range at {
		if !r[i].waiting.empty() {
			r[i].passed++
		}
	}
	r[at].passed = 0
	return r[at].waiting.pop()
}

// fifo is a queue whose room is used again.
type fifo struct {
	items []outlet
	head  int
}

func (f *fifo) empty() bool { return f.head == len(f.items) }

func (f *fifo) push(o outlet) {
	if len(f.items) == cap(f.items) && f.head > len(f.items)/2 {
		n := copy(f.items, f.items[f.head:])
		clear(f.items[n:])
		f.items, f.head = f.items[:n], 0
	}
	f.items = append(f.items, o)
}

func (f *fifo) pop() outlet {
	o := f.items[f.head]
	f.items[f.head] = nil
	if f.head++; f.empty() {
		f.items, f.head = f.items[:0], 0
	}
	return o
}
