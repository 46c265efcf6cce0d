package store

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"selvage/edge/leaktest"
)

// sqlFile makes a database by hand.
func sqlFile(t *testing.T, dir string, sql ...string) {
	t.Helper()
	c, err := connect(databasePath(dir))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.run(sql...); err != nil {
		t.Fatal(err)
	}
	if err := c.close(); err != nil {
		t.Fatal(err)
	}
}

func TestOpenRefusals(t *testing.T) {
	leaktest.Check(t)
	tests := []struct {
		name    string
		prepare func(t *testing.T, dir string) (open string)
		want    []string
	}{
		{"a file where the folder should be", func(t *testing.T, dir string) string {
			f := filepath.Join(dir, "file")
			if err := os.WriteFile(f, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			return f
		}, []string{"that is a file, not a folder", "set a folder"}},
		{"a file on the way to the folder", func(t *testing.T, dir string) string {
			f := filepath.Join(dir, "file")
			if err := os.WriteFile(f, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			return filepath.Join(f, "data")
		}, []string{"that is a file, not a folder", "set a folder"}},
		{"a folder where the database should be", func(t *testing.T, dir string) string {
			if err := os.Mkdir(databasePath(dir), 0o700); err != nil {
				t.Fatal(err)
			}
			return dir
		}, []string{"the database cannot be opened"}},
		{"another program's database", func(t *testing.T, dir string) string {
			sqlFile(t, dir, "CREATE TABLE theirs (x)")
			return dir
		}, []string{"the database of another program", "set another data folder"}},
		{"another program's database, empty but named", func(t *testing.T, dir string) string {
			sqlFile(t, dir, "PRAGMA application_id = 7", "CREATE TABLE x (y)", "DROP TABLE x")
			return dir
		}, []string{"the database of another program"}},
		{"newer schema", func(t *testing.T, dir string) string {
			s := open(t, dir)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			sqlFile(t, dir, fmt.Sprintf("PRAGMA user_version = %d", schemaVersion+1))
			return dir
		}, []string{"written by a newer Selvage (its schema is 3, this version knows 2)", "start that newer version"}},
		{"open already", func(t *testing.T, dir string) string {
			open(t, dir)
			return dir
		}, []string{fmt.Sprintf("process %d has it open", os.Getpid()), "stop it first"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := tt.prepare(t, t.TempDir())
			s, err := Open(Options{Dir: dir})
			if err == nil {
				s.Close()
				t.Fatal("opened")
			}
			for _, part := range append(tt.want, "open the store in "+dir+": ", "; ") {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q lacks %q", err, part)
				}
			}
		})
	}
}

// A file system such as /proc has no place for folders, which is no fault of the disk.
func TestFolderCannotBeMade(t *testing.T) {
	err := fault("open the store", &os.PathError{Op: "mkdir", Path: "/proc/x", Err: syscall.ENOENT})
	want := "open the store: that folder cannot be made there (mkdir /proc/x: no such file or directory); set another data folder"
	if err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
}

// asNobody runs fn without the rights of root, on a thread that ends with it.
func asNobody(fn func()) {
	done := make(chan bool)
	go func() {
		defer close(done)
		runtime.LockOSThread()                                // never unlocked: the thread dies with the goroutine
		syscall.RawSyscall(syscall.SYS_SETFSUID, 65534, 0, 0) // of this thread only
		fn()
	}()
	<-done
}

func TestUnwritableFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{dir, filepath.Join(dir, "new")} {
		asNobody(func() {
			s, err := Open(Options{Dir: folder})
			if err == nil {
				s.Close()
				t.Errorf("opened %s", folder)
				return
			}
			for _, part := range []string{"open the store in " + folder, "no permission to write there", "chown"} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q lacks %q", err, part)
				}
			}
		})
	}
}

func TestRefusalLeavesForeignFileAlone(t *testing.T) {
	dir := t.TempDir()
	sqlFile(t, dir, "CREATE TABLE theirs (x)")
	before, err := os.ReadFile(databasePath(dir))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Dir: dir}); err == nil {
		t.Fatal("opened")
	}
	after, err := os.ReadFile(databasePath(dir))
	if err != nil || string(after) != string(before) {
		t.Errorf("the file of another program was changed (%v)", err)
	}
}

func TestFolderIsFreeAfterClose(t *testing.T) {
	dir := t.TempDir()
	for range 3 {
		s := open(t, dir)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
