package agent

import "selvage/edge/route"

// note is what a turn wants remembered in a book.
type note struct {
	book       route.NodeURI
	key, value []byte
}

// Note has the store remember value under key in a book, in the same commit as what this turn sets: after a
// power cut both are there, or neither. A nil value takes the key out of the book, a nil key all of them. Of
// two agents that note under one key at about the same time either may be the last. A book has the form of a
// node URI of which there is no agent.
func (a *Agent) Note(book route.NodeURI, key, value []byte) {
	a.inTurn("Note")
	t := a.deed()
	t.notes = append(t.notes, note{book, key, value})
}

// saveNotes hands over what was noted. a.mu is held.
func (a *Agent) saveNotes(to Keeper) {
	r := a.reads
	if r == nil || len(r.notes) == 0 {
		return
	}
	for _, n := range r.notes {
		to.Note(n.book, n.key, n.value)
	}
	clear(r.notes)
	r.notes = r.notes[:0]
	if cap(r.notes) > keepNotes {
		r.notes = nil
	}
}

// keepNotes bounds the room that an agent keeps for notes.
const keepNotes = 64
