package store

import (
	"errors"
	"io/fs"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// reason is a cause in words for people.
type reason struct{ why, try string }

func (r reason) Error() string { return r.why + "; " + r.try }

// failure says what failed, why, and what to try.
type failure struct {
	what  string
	cause error
}

// fault returns a failure, or nil for no error.
func fault(what string, err error) error {
	if err == nil {
		return nil
	}
	return &failure{what, err}
}

func (f *failure) Error() string {
	why, try := explain(f.cause)
	return f.what + ": " + why + "; " + try
}

func (f *failure) Unwrap() error { return f.cause }

const (
	tryOwner = "give the data folder to the user Selvage runs as (chown -R), or set another one"
	trySpace = "make room on the disk of the data folder (df -h shows it)"
	tryDisk  = "look for disk errors in the kernel's log (dmesg); a worn card wants replacing"
	tryAnew  = "restart Selvage: it then keeps what can be read and sets the damaged file aside"
)

// explain says why something failed and what to try.
func explain(err error) (why, try string) {
	var f *failure
	if errors.As(err, &f) {
		err = f.cause
	}
	var known reason
	if errors.As(err, &known) {
		return known.why, known.try
	}
	var e *sqlite.Error
	if errors.As(err, &e) {
		return explainSQLite(e)
	}
	var made *fs.PathError
	switch {
	case errors.Is(err, errPacked):
		return fileName + " is damaged (" + err.Error() + ")", tryAnew
	case errors.Is(err, ErrClosed):
		return err.Error(), "open it again"
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, fs.ErrExist):
		return "that is a file, not a folder", "set a folder as the data folder"
	case errors.As(err, &made) && made.Op == "mkdir" && errors.Is(err, fs.ErrNotExist): // as in /proc
		return "that folder cannot be made there (" + err.Error() + ")", "set another data folder"
	case errors.Is(err, fs.ErrPermission):
		return "no permission to write there (" + err.Error() + ")", tryOwner
	case errors.Is(err, syscall.EROFS):
		return "its file system is read-only (" + err.Error() + ")", "mount it for writing; if nobody has made it so, the kernel did after disk errors: see its log (dmesg), stop the host, check the disk (fsck)"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "the disk is full (" + err.Error() + ")", trySpace
	}
	return err.Error(), tryDisk
}

func explainSQLite(e *sqlite.Error) (why, try string) {
	detail := " (" + e.Error() + ")"
	if e.Code() == sqlite3.SQLITE_IOERR_SHMSIZE { // the log's index, which is to grow
		return "the disk is full" + detail, trySpace
	}
	switch e.Code() & 0xff { // without what the extended code adds
	case sqlite3.SQLITE_FULL:
		return "the disk is full" + detail, trySpace
	case sqlite3.SQLITE_READONLY:
		return "the database cannot be written" + detail, "check that the disk is mounted for writing, and " + tryOwner
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return "the database cannot be opened" + detail, tryOwner
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return "another program holds the database" + detail, "close what else has " + fileName + " open, such as an SQLite shell"
	case sqlite3.SQLITE_NOTADB:
		return fileName + " is not a database" + detail, tryAnew
	case sqlite3.SQLITE_CORRUPT:
		return fileName + " is damaged" + detail, tryAnew
	case sqlite3.SQLITE_NOMEM:
		return "there is not enough memory" + detail, "give the host more memory or fewer agents"
	}
	return e.Error(), tryDisk
}
