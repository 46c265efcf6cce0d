package agent

// The store keeps one row an element, in the order of their ranks. Ranks leave gaps, so that an
// insert or a move writes one row; where a gap is used up, the ranks near it are spread anew. The
// window that is spread widens until it is sparse enough, which keeps the rows written for an
// operation few on average, wherever a list grows.
const (
	listGap    = 1 << 32 // between neighbors at first; room for 2^29 elements at either end
	listMinGap = 64      // times a window's width: what it must have to be spread
	listMaxEnd = 1 << 61 // what no rank goes beyond
)

// rank gives the element at index i, which is new there, a rank between its neighbors'.
func (g *listLog[V]) rank(i int) {
	lo, hi := g.around(i, i+1)
	if hi-lo < 2 || lo < -listMaxEnd || hi > listMaxEnd {
		g.spread(i)
		return
	}
	e := g.items[i]
	e.rank = lo + (hi-lo)/2
	g.touch(e)
}

// around returns the ranks between which those of items[from:to] have to be. At an end of the
// list there is room for as many as are asked for.
func (g *listLog[V]) around(from, to int) (lo, hi int64) {
	room := int64(to-from+1) * listGap
	switch {
	case from == 0 && to == len(g.items):
		return -room / 2, room - room/2
	case from == 0:
		hi = g.items[to].rank
		return hi - room, hi
	case to == len(g.items):
		lo = g.items[from-1].rank
		return lo, lo + room
	}
	return g.items[from-1].rank, g.items[to].rank
}

func (g *listLog[V]) spread(i int) {
	for w := 8; ; w *= 2 {
		from, to := max(i-w, 0), min(i+w, len(g.items))
		lo, hi := g.around(from, to)
		step := (hi - lo) / int64(to-from+1)
		if step < listMinGap*int64(w) || lo < -listMaxEnd || hi > listMaxEnd {
			continue
		}
		for k, e := range g.items[from:to] {
			e.rank = lo + int64(k+1)*step
			g.touch(e)
		}
		return
	}
}
