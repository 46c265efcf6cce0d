package store

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// What takes the place of a database is made beside it under a name of its own, and gets freshName when it is
// whole and on flash. From then on it is put in place, now or, when that is cut short, at the next start: there is no moment at
// which a start would find no database and begin an empty one.
const freshName = ".fresh"

// replace puts the closed database at part in the place of that at path, which is set aside.
func replace(path, part, why string) (aside string, err error) {
	if err := syncFile(part); err != nil {
		return "", err
	}
	if err := os.Rename(part, path+freshName); err != nil {
		return "", err
	}
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return "", err
	}
	return putInPlace(path, why)
}

// putInPlace ends what replace has begun.
func putInPlace(path, why string) (aside string, err error) {
	if aside, err = setAside(path, why); err != nil {
		return aside, err
	}
	if err := os.Rename(path+freshName, path); err != nil {
		return aside, err
	}
	if err := remove(filepath.Join(filepath.Dir(path), damagedName)); err != nil {
		return aside, err
	}
	return aside, syncFolder(filepath.Dir(path))
}

// isReplaced tells whether replace was cut short.
func isReplaced(path string) bool {
	_, err := os.Stat(path + freshName)
	return err == nil
}

// remove removes a file, if there is one.
func remove(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// removeDatabase removes a database and its log, which SQLite would take for that of the next one there.
func removeDatabase(path string) error {
	return errors.Join(remove(path), remove(path+"-wal"), remove(path+"-shm"))
}

// setAside renames a database and its log.
func setAside(path, why string) (aside string, err error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	name := path + "." + why + "-" + time.Now().UTC().Format("20060102T150405Z")
	aside = name
	for n := 2; ; n++ { // a board without time has the same second more than once
		if _, err := os.Stat(aside); err != nil {
			break
		}
		aside = fmt.Sprintf("%s-%d", name, n)
	}
	for _, suffix := range []string{"-shm", "-wal", ""} {
		if err := os.Rename(path+suffix, aside+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return aside, nil
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

func syncFile(name string) error {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return cmp.Or(errors.Join(f.Sync(), f.Close()), syncFolder(filepath.Dir(name)))
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
