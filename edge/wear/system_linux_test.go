package wear

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestParseIO(t *testing.T) {
	const text = "rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: 5\nwrite_bytes: 40960\ncancelled_write_bytes: 8192\n"
	if got, err := parseIO([]byte(text)); got != 32768 || err != nil {
		t.Errorf("parseIO = %d, %v, want 32768", got, err)
	}
	for _, bad := range []string{"", "rchar: 1\n", "write_bytes: x\n", "write_bytes: 1\ncancelled_write_bytes:\n"} {
		if got, err := parseIO([]byte(bad)); err == nil {
			t.Errorf("parseIO(%q) = %d, want an error", bad, got)
		}
	}
}

// What is written to a file and synced is counted, on the disk too.
func TestRealCounters(t *testing.T) {
	dir := t.TempDir()
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		t.Fatal(err)
	}
	if uint32(fs.Type) == tmpfs {
		t.Skipf("%s is on tmpfs, where nothing is counted; set TMPDIR to a folder on a disk", dir)
	}
	before, err := Written()
	if err != nil {
		t.Fatal(err)
	}
	d := findDisk(dir)
	if d.size <= 0 || d.why != "" {
		t.Errorf("findDisk(%s) = %+v", dir, d)
	}
	var diskBefore int64
	if d.name != "" {
		if diskBefore, err = d.written(); err != nil {
			t.Fatal(err)
		}
	}

	const size = 1 << 20
	content := make([]byte, size)
	for i := range content {
		content[i] = byte(i * i >> 8) // a file system that compresses or shares blocks has to write some
	}
	f, err := os.Create(filepath.Join(dir, "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}

	after, err := Written()
	if err != nil {
		t.Fatal(err)
	}
	// Less than nothing else of this test binary writes; a page at either end may count whole.
	if got := after - before; got < size || got > size+size/4 {
		t.Errorf("%d bytes were counted for a file of %d", got, size)
	}
	if d.name != "" {
		diskAfter, err := d.written()
		if err != nil {
			t.Fatal(err)
		}
		if got := diskAfter - diskBefore; got < size/4 {
			t.Errorf("the disk %s wrote %d bytes for a file of %d", d.name, got, size)
		}
	}
	t.Logf("counted %d; disk %q of %v", after-before, d.name, d.size)
}

func TestNoDisk(t *testing.T) {
	if d := findDisk(filepath.Join(t.TempDir(), "missing")); d.size != 0 || d.name != "" || d.why == "" {
		t.Errorf("a missing folder is on %+v", d)
	}
	var fs syscall.Statfs_t
	if err := syscall.Statfs("/dev/shm", &fs); err != nil || uint32(fs.Type) != tmpfs {
		return // the rest is about what most machines have there
	}
	if d := findDisk("/dev/shm"); d.size != 0 || d.name != "" || d.why != "/dev/shm is in memory, which does not wear" {
		t.Errorf("/dev/shm is on %+v", d)
	}
}
