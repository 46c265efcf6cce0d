// Package sysfstest is for tests of drivers that read the kernel's files: trees of them, recorded on
// real machines or made up, and files that fail as the kernel's do.
package sysfstest

import (
	"bufio"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// recorded is where recordings are, seen from a package under drivers.
const recorded = "../../../shared/data/sysfs"

// Recorded returns the root of a recorded tree: each line of the file is a path with its content or
// with where it links to.
func Recorded(t testing.TB, file string) string {
	t.Helper()
	f, err := os.Open(filepath.Join(recorded, file))
	if errors.Is(err, fs.ErrNotExist) && os.Getenv("CI") != "true" {
		t.Skipf("%s is not in %s", file, recorded)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	root := t.TempDir()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var l struct{ Path, Content, Symlink string }
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		if l.Symlink == "" {
			Put(t, root, l.Path, l.Content)
			continue
		}
		Link(t, root, l.Path, l.Symlink)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return root
}

// Tree returns the root of a tree of the given files.
func Tree(t testing.TB, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		Put(t, root, name, content)
	}
	return root
}

// Temp is Tree for examples, which have nobody to clean up for them.
func Temp(files map[string]string) (root string, remove func()) {
	root, err := os.MkdirTemp("", "sys")
	if err != nil {
		panic(err)
	}
	for name, content := range files {
		file := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(content), 0o644)); err != nil {
			panic(err)
		}
	}
	return root, func() { _ = os.RemoveAll(root) }
}

// Put writes a file of a tree, in the place of what is there.
func Put(t testing.TB, root, name, content string) {
	t.Helper()
	path := filepath.Join(root, name)
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	_ = os.Remove(path)
	must(t, os.WriteFile(path, []byte(content), 0o644))
}

// Link makes a symbolic link.
func Link(t testing.TB, root, name, to string) {
	t.Helper()
	path := filepath.Join(root, name)
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	_ = os.Remove(path)
	must(t, os.Symlink(to, path))
}

// Broken puts a file in the place of one whose reading fails with EIO, as that of a chip that does not
// answer: the memory of this process at address 0.
func Broken(t testing.TB, root, name string) { Link(t, root, name, "/proc/self/mem") }

// Get returns what is in a file of a tree, as written.
func Get(t testing.TB, root, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, name))
	must(t, err)
	return string(b)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
