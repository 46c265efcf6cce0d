package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"selvage/edge/health"
	"selvage/edge/series"
)

const (
	// damagedName is a mark in the data folder: a page could not be read, and the file is to be salvaged at the
	// next start.
	damagedName = "selvage.db.is-damaged"

	damagedCode = "store.damaged"
)

// errPacked is the cause of all that cannot be unpacked, of which SQLite knows nothing.
var errPacked = errors.New("what is packed there is not whole")

// isDamage reports whether err says that the file is not as it was written.
func isDamage(err error) bool {
	var e *sqlite.Error
	if errors.As(err, &e) {
		code := e.Code() & 0xff
		return code == sqlite3.SQLITE_CORRUPT || code == sqlite3.SQLITE_NOTADB
	}
	return errors.Is(err, errPacked)
}

// isMisfit reports whether err says that a row is not one its table can have.
func isMisfit(err error) bool {
	var e *sqlite.Error
	if errors.As(err, &e) {
		code := e.Code() & 0xff
		return code == sqlite3.SQLITE_CONSTRAINT || code == sqlite3.SQLITE_MISMATCH || code == sqlite3.SQLITE_TOOBIG
	}
	return false
}

func isMarked(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, damagedName))
	return err == nil
}

func mark(dir string) error {
	f, err := os.Create(filepath.Join(dir, damagedName))
	if err != nil {
		return err
	}
	return f.Close()
}

// noteDamage marks the file as damaged if err says so, and reports whether that is news.
func (s *Store) noteDamage(err error) bool {
	if !isDamage(err) || isMarked(s.opts.Dir) {
		return false
	}
	s.opts.Log.Error("the database is damaged; what can be read of it is saved at the next start", "err", err)
	mark(s.opts.Dir)
	return true
}

// suspect is noteDamage for what stops nothing, of which people hear by a condition of its own.
func (s *Store) suspect(err error) {
	if !s.noteDamage(err) {
		return
	}
	why, try := explain(err)
	s.opts.Health.Raise(health.Condition{
		Code:     damagedCode,
		Text:     "a part of " + s.path + " cannot be read: " + why + "; the rest is in use",
		Remedy:   try + "; a worn card wants replacing",
		Severity: health.Failure,
	})
}

// unpack returns the points of a block.
func unpack(block []byte) (points []series.Point, err error) {
	r, err := series.Open(block)
	if err != nil {
		return nil, packed("a block", err)
	}
	for p := (series.Point{}); r.Next(&p); p = (series.Point{}) {
		points = append(points, p)
	}
	if r.Err() != nil {
		return nil, packed("a block", r.Err())
	}
	return points, nil
}

// unpackSpans returns the spans of a row of a roll-up.
func unpackSpans(row []byte) ([]series.Span, error) {
	spans, err := series.ReadSpans(nil, row)
	if err != nil {
		return nil, packed("a roll-up", err)
	}
	return spans, nil
}

func packed(what string, err error) error { return fmt.Errorf("%w: %s: %w", errPacked, what, err) }
