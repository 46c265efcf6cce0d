//go:build kernels

package kerneltest

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// modules finds the modules of a kernel that are asked for, with those they need before them.
type modules struct {
	files   map[string]string // by name, with "_" for "-"
	content map[string][]byte
	order   []string
}

func newModules(t *testing.T, kernel string) *modules {
	t.Helper()
	m := &modules{files: map[string]string{}, content: map[string][]byte{}}
	err := filepath.WalkDir(kernel, func(path string, d fs.DirEntry, err error) error {
		if base := d.Name(); strings.Contains(base, ".ko") {
			m.files[moduleName(base)] = path
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func moduleName(file string) string {
	name, _, _ := strings.Cut(file, ".ko")
	return strings.ReplaceAll(name, "-", "_")
}

// add takes a module and what it depends on, as its own section .modinfo tells. What the kernel has
// built in is no module.
func (m *modules) add(t *testing.T, name string) {
	t.Helper()
	name = moduleName(name)
	file, ok := m.files[name]
	if _, there := m.content[name]; there || !ok {
		return
	}
	out, err := exec.Command("xz", "-dc", file).Output()
	if err != nil {
		t.Fatalf("xz -dc %s: %v", file, err)
	}
	m.content[name] = out
	module, err := elf.NewFile(bytes.NewReader(out))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	info, err := module.Section(".modinfo").Data()
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	for _, entry := range strings.Split(string(info), "\x00") {
		if list, ok := strings.CutPrefix(entry, "depends="); ok && list != "" {
			for _, needs := range strings.Split(list, ",") {
				m.add(t, needs)
			}
		}
	}
	m.order = append(m.order, name)
}

// initrd packs a folder of files as the kernel wants its first file system: a cpio archive of the kind
// "newc" (Documentation/driver-api/early-userspace/buffer-format.rst), compressed.
func initrd(files map[string][]byte) []byte {
	var out bytes.Buffer
	z, _ := gzip.NewWriterLevel(&out, gzip.BestSpeed) // the only error is a level that there is not
	n := 0
	entry := func(name string, mode int, content []byte) {
		n++
		head := fmt.Sprintf("070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
			n, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name)+1, 0) + name + "\x00"
		_, _ = z.Write(pad([]byte(head))) // into memory
		_, _ = z.Write(pad(content))
	}
	names := make([]string, 0, len(files))
	dirs := map[string]bool{}
	for name := range files {
		names = append(names, name)
		for dir := filepath.Dir(name); dir != "."; dir = filepath.Dir(dir) {
			dirs[dir] = true
		}
	}
	slices.Sort(names)
	for _, dir := range sorted(dirs) {
		entry(dir, 0o040755, nil)
	}
	for _, name := range names {
		entry(name, 0o100755, files[name])
	}
	entry("TRAILER!!!", 0, nil)
	_ = z.Close()
	return out.Bytes()
}

func sorted(set map[string]bool) []string {
	list := make([]string, 0, len(set))
	for name := range set {
		list = append(list, name)
	}
	slices.Sort(list) // a folder before what is in it
	return list
}

func pad(b []byte) []byte { return append(b[:len(b):len(b)], make([]byte, -len(b)&3)...) }
