package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

const lockName = "selvage.lock"

// folderLock keeps other processes out of a data folder. The kernel drops it when the process ends,
// however it ends; the file stays and only says who had it last.
type folderLock struct{ file *os.File }

// lockFolder creates dir if it is missing and locks it.
func lockFolder(dir string) (*folderLock, error) {
	if err := makeFolder(dir); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, err
	}
	switch err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
	case errors.Is(err, syscall.EWOULDBLOCK):
		err := inUse(f)
		f.Close()
		return nil, err
	case err != nil:
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	// The pid is for people; the lock holds without it, even on a full disk.
	if f.Truncate(0) == nil {
		f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return &folderLock{f}, nil
}

// InUse says who has a data folder open, "process 1234"; "" if nobody does, as far as can be seen. For the moment that
// it takes, nobody else can open the folder.
func InUse(dir string) (by string) {
	f, err := os.Open(filepath.Join(dir, lockName))
	if err != nil {
		return ""
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB); errors.Is(err, syscall.EWOULDBLOCK) {
		by, _ = holder(f)
	}
	return by
}

// makeFolder creates dir and has its name on flash before anything in it is acknowledged.
func makeFolder(dir string) error {
	if info, err := os.Stat(dir); err == nil {
		if !info.IsDir() {
			return &os.PathError{Op: "open", Path: dir, Err: syscall.ENOTDIR}
		}
		return nil
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	parent, err := os.Open(filepath.Dir(dir))
	if err != nil {
		return nil // not ours to read; whoever made it deep enough to matter has synced it
	}
	defer parent.Close()
	return parent.Sync()
}

func inUse(f *os.File) error {
	who, try := holder(f)
	return reason{why: who + " has it open", try: try + ", or set another data folder"}
}

// holder says who holds the lock, and what to do for it to be given up.
func holder(f *os.File) (who, try string) {
	b := make([]byte, 20)
	n, _ := f.ReadAt(b, 0)
	if pid := strings.TrimSpace(string(b[:n])); pid != "" {
		return "process " + pid, "stop it first (kill " + pid + ")"
	}
	return "another process", "stop it first"
}

func (l *folderLock) release() { l.file.Close() }
