package main

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sort"
	"sync"
	"syscall"
	"testing"
)

const (
	writers  = 4
	diskSize = 64 << 20
	logSize  = 2 << 30 // at most, it is sparse; an acknowledgement takes about 12 KB
)

// An ack says that n was acknowledged when the log had so many entries.
type ack struct{ n, entries int }

// A recording is all that was asked of a disk while numbers were written to it.
type recording struct {
	log   *writeLog
	blank disk           // what it began with
	acks  [writers][]ack // rising
	first int            // entries of the log at the first acknowledgement
}

// record has write use a new file system in dir and call acked when a number was acknowledged, and
// keeps the log of what reaches the disk.
func record(t *testing.T, write func(t *testing.T, dir string, acked func(writer, n int))) *recording {
	t.Helper()
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	sparse(t, in("disk"), diskSize)
	run(t, "mkfs.ext4", "-q", "-F", "-b", "4096", "-E", "lazy_itable_init=0,lazy_journal_init=0", in("disk"))
	r := &recording{blank: disk{}}
	b, err := os.ReadFile(in("disk"))
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; at < len(b); at += blockSize {
		if block := [blockSize]byte(b[at:]); block != [blockSize]byte{} {
			r.blank[int64(at/blockSize)] = &block
		}
	}
	log := sparse(t, in("log"), logSize)
	ok := t.Run("record", func(t *testing.T) { // what it starts and mounts ends with it
		logged := exportLogged(t, in("disk"), in("log"))
		mnt := t.TempDir()
		mount(t, logged, mnt)
		var mu sync.Mutex
		write(t, mnt, func(writer, n int) {
			mu.Lock()
			defer mu.Unlock()
			var count [8]byte
			if _, err := log.ReadAt(count[:], logEntriesAt); err != nil {
				t.Error(err)
			}
			entries := int(binary.LittleEndian.Uint64(count[:]))
			if r.first == 0 {
				r.first = entries
			}
			r.acks[writer] = append(r.acks[writer], ack{n, entries})
		})
	})
	if !ok {
		t.FailNow()
	}
	if r.log, err = openLog(log); err != nil {
		t.Fatal(err)
	}
	return r
}

// moments returns when to cut, as numbers of entries in order.
func (r *recording) moments(n int) []int {
	ks := r.acknowledged(n / 4)
	for len(ks) < n {
		k := rand.IntN(len(r.log.entries) + 1)
		switch len(ks) % 3 {
		case 0: // while nothing is acknowledged yet
			k %= r.first + 1
		case 1: // while the most is not flushed
			for k < len(r.log.entries) && r.log.entries[k].flags&flagFlush == 0 {
				k++
			}
		}
		ks = append(ks, k)
	}
	slices.Sort(ks)
	return ks
}

// acknowledged returns n moments right after an acknowledgement, in order.
func (r *recording) acknowledged(n int) []int {
	var all []int
	for _, acks := range r.acks {
		for _, a := range acks {
			all = append(all, a.entries)
		}
	}
	ks := make([]int, n)
	for i := range ks {
		ks[i] = all[rand.IntN(len(all))]
	}
	slices.Sort(ks)
	return ks
}

// acked returns what was acknowledged of each writer before entry k.
func (r *recording) acked(k int) (n [writers]int) {
	for i, acks := range r.acks {
		if after := sort.Search(len(acks), func(j int) bool { return acks[j].entries > k }); after > 0 {
			n[i] = acks[after-1].n
		}
	}
	return n
}

// cut mounts the disks that cuts after so many entries leave and has look see what is there of what was
// acknowledged, as long as that returns true. What the entries before durable wrote is there; what those
// after it wrote is if kept says so, block by block.
func (r *recording) cut(t *testing.T, ks []int, durable func(k int) int, kept func() bool, look func(t *testing.T, dir string, want [writers]int) bool) {
	t.Helper()
	re := &replay{log: r.log, disk: r.blank.clone()}
	on := true
	for _, k := range ks {
		t.Run(fmt.Sprintf("after %d", k), func(t *testing.T) {
			dir := t.TempDir()
			image, mnt := filepath.Join(dir, "disk"), filepath.Join(dir, "mnt")
			if err := os.Mkdir(mnt, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := re.cut(sparse(t, image, diskSize), k, durable(k), kept); err != nil {
				t.Fatal(err)
			}
			mount(t, image, mnt)
			on = look(t, mnt, r.acked(k))
		})
		if !on || t.Failed() {
			return
		}
	}
}

// exportLogged returns a file that is the disk, with what is written to it logged.
func exportLogged(t *testing.T, disk, log string) string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "logged")
	if err := os.WriteFile(file, nil, 0o600); err != nil { // FUSE mounts over it
		t.Fatal(err)
	}
	c := exec.Command("qemu-storage-daemon",
		"--blockdev", "driver=file,cache.no-flush=on,node-name=disk,filename="+disk,
		"--blockdev", "driver=file,cache.no-flush=on,node-name=log,filename="+log,
		// With an interval of 1 the number of entries in the log is right at any time, not only after a flush.
		"--blockdev", "driver=blklogwrites,node-name=logged,file=disk,log=log,log-sector-size=512,log-super-update-interval=1",
		"--export", "type=fuse,id=export,node-name=logged,mountpoint="+file+",writable=on,growable=off",
		// The monitor comes last; its greeting tells that all is there.
		"--chardev", "stdio,id=stdio", "--monitor", "chardev=stdio")
	// The daemon has its own mounts and shares this one only. When all are killed, the last to have the
	// disk mounted writes it back; the daemon would wait for itself to take that.
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	run(t, "mount", "--bind", dir, dir)
	t.Cleanup(func() { run(t, "umount", dir) })
	run(t, "mount", "--make-shared", dir)
	p := start(t, c)
	t.Cleanup(func() { p.stop(t, syscall.SIGTERM, patience) }) // unmounts
	p.out.wait(t, p, "QMP")
	return file
}

// mount mounts an ext4 until the test's end; umount lets go of the loop device too.
func mount(t *testing.T, image, dir string) {
	t.Helper()
	run(t, "mount", "-t", "ext4", "-o", "loop", image, dir)
	t.Cleanup(func() { run(t, "umount", dir) })
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
}

// sparse makes a file of zeros that takes no space.
func sparse(t *testing.T, name string, size int64) *os.File {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	return f
}
