package cli

import (
	"crypto/sha256"
	"os"
	"time"
)

// lookTime is how often a config file is looked at that is to be loaded again whenever it changes. Not
// every file system tells of changes, and a look costs a few microseconds.
const lookTime = 2 * time.Second

// watched is a file that is looked at for changes.
type watched struct {
	path string
	was  os.FileInfo // when its text was read
	next os.FileInfo // how it was found since, nil if it was the same
	sum  [sha256.Size]byte
}

func newWatched(path string) *watched {
	w := &watched{path: path}
	w.note()
	return w
}

// note takes the file as it is now for read.
func (w *watched) note() {
	w.was, _ = os.Stat(w.path)
	w.next = nil
	w.sum, _ = w.hash()
}

func (w *watched) hash() ([sha256.Size]byte, error) {
	text, err := os.ReadFile(w.path)
	return sha256.Sum256(text), err
}

// changed reports whether the file has another text than when it was read, and was the same at the look
// before: who writes it may not be through. A file that is missing is about to be replaced.
func (w *watched) changed() bool {
	now, err := os.Stat(w.path)
	if err != nil || alike(now, w.was) {
		w.next = nil
		return false
	}
	if !alike(now, w.next) {
		w.next = now
		return false
	}
	sum, err := w.hash()
	if err != nil {
		return false
	}
	same := sum == w.sum
	w.was, w.next, w.sum = now, nil, sum
	return !same
}

func alike(a, b os.FileInfo) bool {
	return a != nil && b != nil && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && os.SameFile(a, b)
}
