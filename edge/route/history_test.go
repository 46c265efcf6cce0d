package route

import "testing"

// The name of a history is one on the wire, stays what it is, and is told from others.
func TestHistoryLane(t *testing.T) {
	for _, name := range []LaneName{"temperature", "a.b", "ENERGY-1", "history"} {
		past := HistoryLane(name)
		if of, ok := HistoryOf(past); !ok || of != name {
			t.Errorf("%s is taken for that of %q", past, of)
		}
		if lane, spelling, err := Lane(string(past)); err != nil || lane != past || spelling != string(past) {
			t.Errorf("%s is read as %s, %s: %v", past, lane, spelling, err)
		}
	}
	for _, name := range []LaneName{"", "history", "/history", "temperature/", "temperature/history/", "temperature-history"} {
		if of, ok := HistoryOf(name); ok {
			t.Errorf("%q is taken for the history of %q", name, of)
		}
	}
}
