package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// place knows the files that commits go to. SQLite would go on writing to them after somebody has removed them,
// or put others in their place, and nobody would ever find what it wrote.
type place struct {
	names []string
	files []fs.FileInfo
}

func placeOf(path string) (*place, error) {
	p := &place{names: []string{path, path + "-wal"}}
	for _, name := range p.names {
		info, err := os.Stat(name)
		if err != nil {
			return nil, err
		}
		p.files = append(p.files, info)
	}
	return p, nil
}

// check says which of the files is not in its place. It asks for their names only, which takes microseconds.
func (p *place) check() error {
	for i, name := range p.names {
		info, err := os.Stat(name)
		if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(info, p.files[i]) {
			return reason{
				why: filepath.Base(name) + " was removed, moved or replaced while it was in use",
				try: "put it back where it was, or restart the host, which begins with what is there then",
			}
		}
	}
	return nil
}

// diagnose says what the system has against writing to a folder, where SQLite says only that it cannot: a file system
// that was made read-only under it, or a quota, is an I/O error to it.
func diagnose(dir string, err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
	default:
		return err
	}
	// Without the name of the file, which is another one each time.
	var found syscall.Errno
	if errors.As(tryWrite(dir), &found) {
		switch found {
		case syscall.EROFS, syscall.ENOSPC, syscall.EDQUOT, syscall.EACCES, syscall.EPERM:
			return found
		}
	}
	return err
}

// tryWrite writes to a file that is gone before it returns.
func tryWrite(dir string) error {
	f, err := os.CreateTemp(dir, "selvage.try-")
	if err != nil {
		return err
	}
	defer f.Close()
	if err := os.Remove(f.Name()); err != nil {
		return err
	}
	if _, err := f.Write(make([]byte, pageSize)); err != nil {
		return err
	}
	return f.Sync()
}
