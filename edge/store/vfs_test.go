package store

import (
	"maps"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// disk stands between SQLite and the files of one folder. It is SQLite's unix VFS with another
// xOpen, xDelete and other methods for what changes a file: all is passed on to the real files, which
// play the page cache, and noted in log, from which platter knows what a power cut would leave. The
// one thing not passed on is fsync: the log is the disk. See sqlite.org/vfs.html.
type disk struct {
	dir string

	base image // before the log

	mu    sync.Mutex
	log   []diskOp
	files map[uintptr]*diskFile // by address of their sqlite3_file
	names map[string]int        // file numbers by base name, as the running system sees them
	last  int                   // file number
	now   *platter              // state after log

	// fault, if set, is asked before each call and answers with the SQLite code to fail with. It is
	// called under mu.
	fault func(name string, k kind) int32
	// lies makes every sync return at once, as cards with a false promise do.
	lies bool
	// evicts drops the page cache of a file whose sync failed. Else reads go on to show what was
	// written, as on ext4, though it will never reach the disk.
	evicts bool
	// spares lets every other write of a sync that failed reach the disk.
	spares bool
}

type diskFile struct {
	number  int
	name    string // base name
	path    string
	dirSync bool // the first sync is one of the folder too: unixSync does so for a new log or journal
	unix    *sqlite3.Tsqlite3_io_methods
}

type kind int

const (
	opCreate kind = iota
	opRemove
	opWrite
	opTruncate
	opSync
	opRead  // asked for, but not logged
	opIndex // likewise: the log's index in memory is mapped, and made longer on the disk
	opBegin // of a step of the script: from here on it may be found
	opAck   // of a step of the script: from here on it must be found
)

// diskOp is one entry of the log.
type diskOp struct {
	kind kind
	file int
	name string // opCreate, opRemove
	at   int64  // opWrite; opTruncate: the new size; opBegin, opAck: the step
	data []byte // opWrite
	dir  bool   // opSync, opRemove: the folder is synced as well
	lost bool   // opSync: it failed, and what it was to write is lost,
	half bool   // but for every other write
}

var (
	unixVFS, diskVFS *sqlite3.Tsqlite3_vfs

	// diskMethods has our methods by the address of the unix VFS's: databases, which are locked, have
	// others than logs and journals.
	diskMethods = map[uintptr]*sqlite3.Tsqlite3_io_methods{}

	registerVFS = sync.OnceValue(func() *libc.TLS {
		tls := libc.NewTLS()
		unixVFS = object[sqlite3.Tsqlite3_vfs](sqlite3.Xsqlite3_vfs_find(tls, 0))
		name, err := libc.CString("disk")
		if err != nil {
			panic(err)
		}
		diskVFS = clone(tls, unixVFS)
		diskVFS.FzName, diskVFS.FpNext = name, 0
		diskVFS.FxOpen, diskVFS.FxDelete = code(diskOpen), code(diskDelete)
		return tls
	})

	mounted *disk // the one disk there is at a time
)

// clone copies a C object into C memory, where it stays: the transpiled C computes with its address,
// which Go's checks under -race allow for no object of Go.
func clone[T any](tls *libc.TLS, from *T) *T {
	p := sqlite3.Xsqlite3_malloc(tls, int32(unsafe.Sizeof(*from)))
	if p == 0 {
		panic("out of memory")
	}
	*object[T](p) = *from
	return object[T](p)
}

// object is the C object at an address.
func object[T any](p uintptr) *T { return *(**T)(unsafe.Pointer(&p)) }

// code is the address of a function as the transpiled C calls it, and function the way back.
func code[F any](f F) uintptr       { return *(*uintptr)(unsafe.Pointer(&f)) }
func function[F any](p uintptr) F   { return *(*F)(unsafe.Pointer(&p)) }
func address[T any](p *T) uintptr   { return uintptr(unsafe.Pointer(p)) }
func slice(p uintptr, n int) []byte { return unsafe.Slice(object[byte](p), n) }

type (
	xOpen     = func(tls *libc.TLS, vfs, name, file uintptr, flags int32, outFlags uintptr) int32
	xDelete   = func(tls *libc.TLS, vfs, name uintptr, dirSync int32) int32
	xClose    = func(tls *libc.TLS, file uintptr) int32
	xTransfer = func(tls *libc.TLS, file, buf uintptr, n int32, offset int64) int32
	xTruncate = func(tls *libc.TLS, file uintptr, size int64) int32
	xShmMap   = func(tls *libc.TLS, file uintptr, region, size, extend int32, at uintptr) int32
)

// mount puts a disk that holds img under the connections that are opened from now on, until unmount
// or the end of the test. They are expected to keep to its dir.
func mount(t *testing.T, img image) *disk {
	t.Helper()
	if mounted != nil {
		t.Fatal("another disk is mounted")
	}
	d := &disk{dir: t.TempDir(), files: map[uintptr]*diskFile{}, base: img, now: newPlatter(img)}
	d.names, d.last = maps.Clone(d.now.names), len(img)
	img.write(t, d.dir)
	tls := registerVFS()
	mounted = d
	if rc := sqlite3.Xsqlite3_vfs_register(tls, address(diskVFS), 1); rc != sqlite3.SQLITE_OK {
		t.Fatalf("register the VFS: %d", rc)
	}
	t.Cleanup(func() { d.unmount(t) })
	return d
}

// unmount lets new connections go to the real files again. All files must be closed.
func (d *disk) unmount(t *testing.T) {
	t.Helper()
	if mounted != d {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range d.files {
		t.Errorf("%s is open at the end", f.name)
	}
	sqlite3.Xsqlite3_vfs_unregister(registerVFS(), address(diskVFS))
	mounted = nil
}

// setFault sets or, with nil, ends a fault.
func (d *disk) setFault(fault func(name string, k kind) int32) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault = fault
}

// fails asks for a fault. The caller holds mu.
func (d *disk) fails(name string, k kind) int32 {
	if d.fault == nil {
		return sqlite3.SQLITE_OK
	}
	return d.fault(name, k)
}

// note enters o into the log. The caller holds mu.
func (d *disk) note(o diskOp) {
	d.log = append(d.log, o)
	d.now.step(o)
}

// mark notes the beginning or the acknowledgement of a step.
func (d *disk) mark(k kind, step int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.note(diskOp{kind: k, at: int64(step)})
}

func diskOpen(tls *libc.TLS, vfs, name, file uintptr, flags int32, outFlags uintptr) int32 {
	d := mounted
	if name == 0 { // a temporary file, which no power cut is to spare
		return function[xOpen](unixVFS.FxOpen)(tls, vfs, name, file, flags, outFlags)
	}
	path := libc.GoString(name)
	d.mu.Lock()
	defer d.mu.Unlock()
	base := filepath.Base(path)
	_, err := os.Stat(path)
	fresh := os.IsNotExist(err)
	if fresh && flags&sqlite3.SQLITE_OPEN_CREATE != 0 {
		if rc := d.fails(base, opCreate); rc != sqlite3.SQLITE_OK {
			return rc
		}
	}
	if rc := function[xOpen](unixVFS.FxOpen)(tls, vfs, name, file, flags, outFlags); rc != sqlite3.SQLITE_OK {
		return rc
	}
	if fresh {
		d.last++
		d.names[base] = d.last
		d.note(diskOp{kind: opCreate, file: d.last, name: base})
	}
	f := object[sqlite3.Tsqlite3_file](file)
	unix := f.FpMethods
	ours := diskMethods[unix]
	if ours == nil {
		ours = clone(tls, object[sqlite3.Tsqlite3_io_methods](unix))
		ours.FxClose, ours.FxRead, ours.FxWrite = code(diskClose), code(diskRead), code(diskWrite)
		ours.FxTruncate, ours.FxSync, ours.FxShmMap = code(diskTruncate), code(diskSync), code(diskShmMap)
		diskMethods[unix] = ours
	}
	f.FpMethods = address(ours)
	logs := int32(sqlite3.SQLITE_OPEN_WAL | sqlite3.SQLITE_OPEN_MAIN_JOURNAL)
	d.files[file] = &diskFile{
		number: d.names[base], name: base, path: path, unix: object[sqlite3.Tsqlite3_io_methods](unix),
		dirSync: flags&sqlite3.SQLITE_OPEN_CREATE != 0 && flags&logs != 0,
	}
	return sqlite3.SQLITE_OK
}

func diskDelete(tls *libc.TLS, vfs, name uintptr, dirSync int32) int32 {
	d, base := mounted, filepath.Base(libc.GoString(name))
	d.mu.Lock()
	defer d.mu.Unlock()
	if rc := d.fails(base, opRemove); rc != sqlite3.SQLITE_OK {
		return rc
	}
	rc := function[xDelete](unixVFS.FxDelete)(tls, vfs, name, 0)
	if n, ok := d.names[base]; ok && rc == sqlite3.SQLITE_OK {
		delete(d.names, base)
		d.note(diskOp{kind: opRemove, file: n, name: base, dir: dirSync != 0 && !d.lies})
	}
	return rc
}

func diskClose(tls *libc.TLS, file uintptr) int32 {
	d := mounted
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.files[file]
	delete(d.files, file)
	return function[xClose](f.unix.FxClose)(tls, file)
}

func diskRead(tls *libc.TLS, file, buf uintptr, n int32, offset int64) int32 {
	d := mounted
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.files[file]
	if rc := d.fails(f.name, opRead); rc != sqlite3.SQLITE_OK {
		return rc
	}
	return function[xTransfer](f.unix.FxRead)(tls, file, buf, n, offset)
}

// diskWrite fails half-way: what the full disk still took stays written.
func diskWrite(tls *libc.TLS, file, buf uintptr, n int32, offset int64) int32 {
	d := mounted
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.files[file]
	fault := d.fails(f.name, opWrite)
	if fault != sqlite3.SQLITE_OK {
		n /= 2
	}
	rc := function[xTransfer](f.unix.FxWrite)(tls, file, buf, n, offset)
	if rc == sqlite3.SQLITE_OK {
		data := append([]byte(nil), slice(buf, int(n))...)
		d.note(diskOp{kind: opWrite, file: f.number, at: offset, data: data})
		rc = fault
	}
	return rc
}

func diskTruncate(tls *libc.TLS, file uintptr, size int64) int32 {
	d := mounted
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.files[file]
	if rc := d.fails(f.name, opTruncate); rc != sqlite3.SQLITE_OK {
		return rc
	}
	rc := function[xTruncate](f.unix.FxTruncate)(tls, file, size)
	if rc == sqlite3.SQLITE_OK {
		d.note(diskOp{kind: opTruncate, file: f.number, at: size})
	}
	return rc
}

// diskSync fails as fsync does in Linux: the pages it could not write are clean afterwards, so that no
// later fsync writes them (lwn.net/Articles/752063).
func diskSync(_ *libc.TLS, file uintptr, _ int32) int32 {
	d := mounted
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.files[file]
	if rc := d.fails(f.name, opSync); rc != sqlite3.SQLITE_OK {
		d.note(diskOp{kind: opSync, file: f.number, lost: true, half: d.spares})
		if d.evicts {
			d.evict(f)
		}
		return rc
	}
	if !d.lies {
		d.note(diskOp{kind: opSync, file: f.number, dir: f.dirSync})
		f.dirSync = false
	}
	return sqlite3.SQLITE_OK
}

func diskShmMap(tls *libc.TLS, file uintptr, region, size, extend int32, at uintptr) int32 {
	d := mounted
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.files[file]
	if rc := d.fails(f.name, opIndex); rc != sqlite3.SQLITE_OK {
		return rc
	}
	return function[xShmMap](f.unix.FxShmMap)(tls, file, region, size, extend, at)
}

// evict makes the real file what the disk has. The caller holds mu.
func (d *disk) evict(f *diskFile) {
	content := d.now.content[f.number]
	real, err := os.OpenFile(f.path, os.O_WRONLY, 0)
	if err == nil {
		_, err = real.WriteAt(content, 0)
	}
	if err == nil {
		err = real.Truncate(int64(len(content)))
	}
	if err == nil {
		err = real.Close()
	}
	if err != nil {
		panic(err) // below SQLite there is nobody to return it to
	}
}
