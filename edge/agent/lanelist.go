package agent

import "iter"

// laneList is an agent's lanes in the order they were made. Most agents have a few: a list through the
// lanes themselves takes no room of its own.
type laneList struct{ first *Lane }

func (s *laneList) all() iter.Seq[*Lane] {
	return func(yield func(*Lane) bool) {
		for l := s.first; l != nil; l = l.sibling {
			if !yield(l) {
				return
			}
		}
	}
}

func (s *laneList) add(l *Lane) {
	at := &s.first
	for *at != nil {
		at = &(*at).sibling
	}
	*at, l.sibling = l, nil
}

// remove takes l out, if it is there.
func (s *laneList) remove(l *Lane) bool {
	for at := &s.first; *at != nil; at = &(*at).sibling {
		if *at == l {
			*at, l.sibling = l.sibling, nil
			return true
		}
	}
	return false
}
