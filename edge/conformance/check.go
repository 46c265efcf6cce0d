package conformance

import "testing"

// Difference is where this project answers otherwise than the reference, on purpose.
type Difference struct {
	File      string // of the vectors
	ID        string // of the vector; of a session the line of what the client did
	Reference string // what the reference answers
	Ours      string // what we answer
	Why       string
}

// Checker compares what one file of vectors wants with what we do.
type Checker struct {
	t      testing.TB
	file   string
	listed map[string]Difference
	seen   map[string]bool
}

// Check compares with a file of vectors. Every difference listed for it must have been met by the
// end of t.
func Check(t testing.TB, file string) *Checker {
	c := New(t, file, Differences)
	t.Cleanup(c.Complete)
	return c
}

// New compares with a file of vectors, under a list of differences. What is listed for other files
// is none of its business.
func New(t testing.TB, file string, differences []Difference) *Checker {
	c := &Checker{t: t, file: file, listed: map[string]Difference{}, seen: map[string]bool{}}
	for _, d := range differences {
		if d.File != file {
			continue
		}
		if _, twice := c.listed[d.ID]; twice {
			t.Errorf("differences.go: %s %s is listed twice", d.File, d.ID)
		}
		c.listed[d.ID] = d
	}
	return c
}

// Complete fails for each difference in the list that has not been met.
func (c *Checker) Complete() {
	c.t.Helper()
	for id := range c.listed {
		if !c.seen[id] {
			c.t.Errorf("differences.go: %s has no %s, or it was not checked", c.file, id)
		}
	}
}

// Same fails unless we answer as the reference does, or as the list of differences says.
func (c *Checker) Same(id, reference, ours string) {
	c.t.Helper()
	d, listed := c.listed[id]
	c.seen[id] = true
	switch {
	case !listed && ours != reference:
		c.t.Errorf("%s %s: got\n%s\nwhere the reference has\n%s", c.file, id, ours, reference)
	case listed && ours == reference:
		c.t.Errorf("%s %s: we do the same as the reference now; take it off differences.go", c.file, id)
	case listed && reference != d.Reference:
		c.t.Errorf("%s %s: differences.go says that the reference has\n%s\nit has\n%s", c.file, id, d.Reference, reference)
	case listed && ours != d.Ours:
		c.t.Errorf("%s %s: got\n%s\nwhere differences.go has\n%s", c.file, id, ours, d.Ours)
	}
}
