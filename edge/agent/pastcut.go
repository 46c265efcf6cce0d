package agent

import (
	"fmt"
	"slices"

	"selvage/edge/route"
)

// maxGone bounds how many entries that are not kept any more wait for a reader that lags to be told of them.
const maxGone = 1 << 16

// cut is what is not kept any more of a history, as one reader is to be told.
type cut struct {
	at    []int64 // ms since 1970; what is left to be told
	whole bool    // in one event, for these are the first that he has
}

// Dropped tells who reads the history of a lane that the entries at some moments, in ms since 1970 and in order, are not
// kept any more. first says that there is nothing left of the time before the last of them. round is how often the host
// had dropped something, with this: who has read all there was before, by Past.Round, has had these entries.
func (a *Agent) Dropped(name route.LaneName, at []int64, first bool, round uint64) {
	a.mu.Lock()
	of := a.lane(name)
	if of == nil || of.past() == nil || len(at) == 0 {
		a.mu.Unlock()
		return
	}
	l := of.past()
	if l.gone == nil {
		l.gone = map[*Tail][]cut{}
	}
	readers := l.readers()
	for _, t := range readers {
		l.cut(t, cut{at, first && l.knows(t, round)})
	}
	a.mu.Unlock()
	for _, t := range readers {
		t.reader.Wake()
	}
}

// knows reports whether t's reader has had all there was before a round. To another the dropped entries may be news, or
// not the first ones.
func (l *pastLane) knows(t *Tail, round uint64) bool {
	s := l.streams[t]
	return s != nil && s.over && s.of == excerpt{} && s.round < round && t.lost == s.lost
}

func (l *pastLane) cut(t *Tail, c cut) {
	cuts := append(l.gone[t], c)
	n := 0
	for _, c := range cuts {
		n += len(c.at)
	}
	for ; n > maxGone && len(cuts) > 1; cuts = slices.Delete(cuts, 0, 1) {
		n -= len(cuts[0].at)
		t.lose(uint64(len(cuts[0].at)))
	}
	l.gone[t] = cuts
}

// nextGone returns the next event about what is not kept any more.
func (l *pastLane) nextGone(t *Tail) (body []byte, ok bool) {
	cuts := l.gone[t]
	if len(cuts) == 0 {
		return nil, false
	}
	c := &cuts[0]
	if c.whole {
		body, c.at = fmt.Appendf(nil, "@drop(%d)", len(c.at)), nil
	} else {
		body, c.at = fmt.Appendf(nil, "@remove(key:%d)", c.at[0]), c.at[1:]
	}
	if len(c.at) == 0 {
		cuts = cuts[1:]
	}
	if l.gone[t] = cuts; len(cuts) == 0 {
		delete(l.gone, t)
	}
	return body, true
}
