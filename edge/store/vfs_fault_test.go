package store

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/clock"
	"selvage/edge/health"
	"selvage/edge/leaktest"

	sqlite3 "modernc.org/sqlite/lib"
)

const logName = fileName + "-wal"

// failing is a fault of some kinds of calls on one file.
func failing(file string, code int32, kinds ...kind) func(string, kind) int32 {
	return func(name string, k kind) int32 {
		if name == file && slices.Contains(kinds, k) {
			return code
		}
		return sqlite3.SQLITE_OK
	}
}

// wantContents compares what r's store shows with what it should after a step.
func (r *script) wantContents(t *testing.T, step int) {
	t.Helper()
	if got, err := contents(r.s); err != nil || !slices.Equal(got, r.want[step]) {
		t.Errorf("contents: %.300q, %v; want those of step %d: %.300q", got, err, step, r.want[step])
	}
}

// wantCuts cuts the power throughout the log, and after each acknowledgement.
func (r *script) wantCuts(t *testing.T) {
	t.Helper()
	r.d.unmount(t)
	v := r.surveyCuts(t, r.every(sample(80, 400)), nil)
	v.log(t, r.d.log)
	for _, err := range v.first {
		t.Error(err)
	}
}

// TestFaultsWhileSaving: whatever fails, nothing is acknowledged that is not on flash, the condition
// says what to do, and when the fault ends all is saved without anybody's doing.
func TestFaultsWhileSaving(t *testing.T) {
	readonly := func(_ string, k kind) int32 {
		if k == opRead || k == opIndex {
			return sqlite3.SQLITE_OK
		}
		return sqlite3.SQLITE_READONLY
	}
	tests := []struct {
		name     string
		fault    func(name string, k kind) int32
		evicts   bool // and spares
		cold     bool // the writer has not read its pages yet, and cannot
		why, try string
	}{
		{"the log cannot be written", failing(logName, sqlite3.SQLITE_IOERR_WRITE, opWrite), false, false, "disk I/O error", "dmesg"},
		{"the disk is full", failing(logName, sqlite3.SQLITE_FULL, opWrite), false, false, "the disk is full", "make room"},
		{"fsync fails", failing(logName, sqlite3.SQLITE_IOERR_FSYNC, opSync), false, false, "disk I/O error", "dmesg"},
		{"fsync fails and some pages go", failing(logName, sqlite3.SQLITE_IOERR_FSYNC, opSync), true, false, "disk I/O error", "dmesg"},
		{"mounted read-only", readonly, false, false, "the database cannot be written", "mounted for writing"},
		{"the database cannot be read", failing(fileName, sqlite3.SQLITE_IOERR_READ, opRead), false, true, "disk I/O error", "dmesg"},
		{"the database reads as damaged", failing(fileName, sqlite3.SQLITE_CORRUPT, opRead), false, true, "is damaged", "restart Selvage"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var r *script
			synctest.Test(t, func(t *testing.T) {
				r = newScript(mount(t, nil))
				r.health, r.d.evicts, r.d.spares = health.NewBoard(), tt.evicts, tt.evicts
				r.create(t)
				for range 8 {
					r.begin()
					r.flush(t)
				}
				if tt.cold {
					r.close(t)
					r.open(t)
					synctest.Wait() // for what reads the names of the lanes
				}
				r.d.setFault(tt.fault)
				for range 3 {
					r.begin()
					err := r.s.Flush(context.Background())
					if err == nil || !strings.Contains(err.Error(), tt.why) || !strings.Contains(err.Error(), tt.try) {
						t.Errorf("Flush = %v, want %q and %q", err, tt.why, tt.try)
					}
					got := r.health.Active()
					if len(got) != 1 || got[0].Code != "store.commit" || got[0].Severity != health.Failure ||
						!strings.Contains(got[0].Text, tt.why) || !strings.Contains(got[0].Remedy, tt.try) {
						t.Errorf("conditions: %+v", got)
					}
					if !tt.cold {
						r.wantContents(t, 8)
					}
				}
				r.d.setFault(nil)
				time.Sleep(lastRetry)
				synctest.Wait()
				r.wantContents(t, 11)
				if got := r.health.Active(); len(got) != 0 {
					t.Errorf("conditions after the recovery: %+v", got)
				}
				r.flush(t)
				r.begin()
				r.flush(t)
				r.close(t)
				r.d.unmount(t)
			})
			r.wantCuts(t)
		})
	}
}

// checkpointFaults are faults that do not concern a commit, only what moves it into the database.
var checkpointFaults = []struct {
	name   string
	fault  func(name string, k kind) int32
	evicts bool
}{
	{"the disk is full", failing(fileName, sqlite3.SQLITE_FULL, opWrite), false},
	{"the database cannot be written", failing(fileName, sqlite3.SQLITE_IOERR_WRITE, opWrite), false},
	{"the database cannot be cut", failing(fileName, sqlite3.SQLITE_IOERR_TRUNCATE, opTruncate), false},
	{"fsync of the database fails", failing(fileName, sqlite3.SQLITE_IOERR_FSYNC, opSync), false},
	{"fsync of the database fails and some pages go", failing(fileName, sqlite3.SQLITE_IOERR_FSYNC, opSync), true},
}

// TestFaultsOfACheckpointLoseNothing: what is acknowledged is in the log, and stays there.
func TestFaultsOfACheckpointLoseNothing(t *testing.T) {
	for _, tt := range checkpointFaults {
		t.Run(tt.name, func(t *testing.T) {
			var r *script
			synctest.Test(t, func(t *testing.T) {
				r = newScript(mount(t, nil))
				r.pages, r.d.evicts = 1, tt.evicts // a checkpoint after each commit
				r.d.spares = tt.evicts
				r.create(t)
				for step := 1; step < 16; step++ {
					if step == 5 {
						r.d.setFault(tt.fault)
					}
					if step == 11 {
						r.d.setFault(nil)
					}
					r.begin()
					r.flush(t)
					r.wantContents(t, step)
				}
				r.close(t)
				r.d.unmount(t)
			})
			r.wantCuts(t)
		})
	}
}

// TestFailingCheckpointIsTold: a log that cannot be moved into the database grows until the disk is
// full, and each commit tries again, which wears the card. Somebody has to know.
func TestFailingCheckpointIsTold(t *testing.T) {
	for _, tt := range checkpointFaults {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newScript(mount(t, nil))
				r.health, r.pages = health.NewBoard(), 1
				r.create(t)
				r.begin()
				r.flush(t)
				r.d.setFault(tt.fault)
				for range 9 {
					r.begin()
					r.flush(t)
				}
				synctest.Wait()
				if got := r.health.Active(); len(got) != 1 || got[0].Remedy == "" {
					t.Errorf("conditions while checkpoints fail: %+v", got)
				}
				r.d.setFault(nil)
				r.begin()
				r.flush(t)
				time.Sleep(time.Minute)
				synctest.Wait()
				if got := r.health.Active(); len(got) != 0 {
					t.Errorf("conditions after the recovery: %+v", got)
				}
				r.close(t)
				r.d.unmount(t)
			})
		})
	}
}

func TestReadErrorOnLoad(t *testing.T) {
	leaktest.Check(t)
	r := newScript(mount(t, nil))
	r.create(t)
	for range 8 {
		r.begin()
		r.flush(t)
	}
	for _, tt := range []struct {
		code     int32
		why, try string
	}{
		{sqlite3.SQLITE_IOERR_READ, "disk I/O error", "dmesg"},
		{sqlite3.SQLITE_CORRUPT, "is damaged", "restart Selvage"},
	} {
		r.close(t) // moves all into the database
		r.open(t)
		<-r.s.lanes.done // which reads as well
		r.d.setFault(failing(fileName, tt.code, opRead))
		_, err := r.s.Load(nodeName(0))
		if err == nil || !strings.Contains(err.Error(), "load "+string(nodeName(0))+" from "+r.s.path) ||
			!strings.Contains(err.Error(), tt.why) || !strings.Contains(err.Error(), tt.try) {
			t.Errorf("Load = %v, want %q and %q", err, tt.why, tt.try)
		}
		r.d.setFault(nil)
		r.wantContents(t, 8)
	}
	r.close(t)
}

// TestDamagedPage: what is on other pages can be read, and the host hears of it.
func TestDamagedPage(t *testing.T) {
	leaktest.Check(t)
	r := newScript(mount(t, nil))
	r.health = health.NewBoard()
	r.create(t)
	for range 8 {
		r.begin()
		r.flush(t)
	}
	r.close(t) // moves all into the database
	r.open(t)
	<-r.s.lanes.done
	var root int64
	save(t, r.s, func(*Batch) { root, _ = r.s.writer.c.number("SELECT rootpage FROM sqlite_schema WHERE name = 'entry'") })
	f, err := os.OpenFile(r.s.path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(slices.Repeat([]byte{0x5a}, pageSize), (root-1)*pageSize); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}

	why, try := fileName+" is damaged", "restart Selvage"
	if _, err := r.s.Load(nodeName(0)); err == nil || !strings.Contains(err.Error(), why) || !strings.Contains(err.Error(), try) {
		t.Errorf("Load = %v, want %q and %q", err, why, try)
	}
	value := r.s.Lane(nodeName(0), "value", "value")
	save(t, r.s, func(b *Batch) { b.Value(value, []byte("goes on"), clock.Stamp{}) })
	if lanes, err := r.s.Load("/elsewhere"); err != nil || len(lanes) > 0 {
		t.Errorf("Load of a node without rows = %v, %v", lanes, err)
	}
	r.begin()
	if err := r.s.Flush(context.Background()); err == nil || !strings.Contains(err.Error(), why) || !strings.Contains(err.Error(), try) {
		t.Errorf("Flush = %v, want %q and %q", err, why, try)
	}
	codes := map[string]bool{}
	for _, c := range r.health.Active() {
		codes[c.Code] = strings.Contains(c.Text, why) && strings.Contains(c.Remedy, try)
	}
	if len(codes) != 2 || !codes[conditionCode] || !codes[damagedCode] {
		t.Errorf("conditions: %+v", r.health.Active())
	}
	if err := r.s.Close(); err == nil || !strings.Contains(err.Error(), "changes lost") {
		t.Errorf("Close = %v, want an error that says what is lost", err)
	}
}

func TestFaultsWhileOpening(t *testing.T) {
	for _, tt := range []struct {
		name     string
		code     int32
		kinds    []kind
		why, try string
	}{
		{"full", sqlite3.SQLITE_FULL, []kind{opWrite}, "the disk is full", "make room"},
		{"full when the log's index is to grow", sqlite3.SQLITE_IOERR_SHMSIZE, []kind{opIndex}, "the disk is full", "make room"},
		{"I/O error", sqlite3.SQLITE_IOERR_WRITE, []kind{opWrite}, "disk I/O error", "dmesg"},
		{"fsync fails", sqlite3.SQLITE_IOERR_FSYNC, []kind{opSync}, "disk I/O error", "dmesg"},
		{"no files can be made", sqlite3.SQLITE_CANTOPEN, []kind{opCreate}, "cannot be opened", "chown"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newScript(mount(t, nil))
			r.d.setFault(func(_ string, k kind) int32 {
				if slices.Contains(tt.kinds, k) {
					return tt.code
				}
				return sqlite3.SQLITE_OK
			})
			_, err := Open(r.options(r.d.dir))
			if err == nil || !strings.Contains(err.Error(), tt.why) || !strings.Contains(err.Error(), tt.try) {
				t.Errorf("Open = %v, want %q and %q", err, tt.why, tt.try)
			}
			r.d.setFault(nil)
			r.create(t)
			r.begin()
			r.flush(t)
			r.close(t)
		})
	}
}

// codes are what each kind of call fails with, in turn.
var codes = map[kind][]int32{
	opCreate:   {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL},
	opRemove:   {sqlite3.SQLITE_IOERR_DELETE},
	opWrite:    {sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY},
	opTruncate: {sqlite3.SQLITE_IOERR_TRUNCATE},
	opSync:     {sqlite3.SQLITE_IOERR_FSYNC},
	opRead:     {sqlite3.SQLITE_IOERR_READ},
	opIndex:    {sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_SHMMAP},
}

// TestEveryCallFailsOnce runs the script with a short fault at each call to the disk and cuts the power
// after the first acknowledgement that follows, and at the end.
func TestEveryCallFailsOnce(t *testing.T) {
	runs, endured, images := 0, 0, 0
	stride := sample(61, 401)
	for first, done := 0, false; !done; first += stride {
		calls := 0
		var r *script
		var healed int // place in the log
		synctest.Test(t, func(t *testing.T) {
			r = newScript(mount(t, nil))
			r.patient, r.d.evicts, r.d.spares = true, first%2 == 0, first%4 < 2
			length := 1 + first%3
			r.d.setFault(func(_ string, k kind) int32 {
				calls++
				if calls <= first || calls > first+length {
					return sqlite3.SQLITE_OK
				}
				healed = len(r.d.log)
				return codes[k][first%len(codes[k])]
			})
			r.run(t)
			r.d.unmount(t)
		})
		done = calls <= first+stride
		for healed < len(r.d.log) && r.d.log[healed].kind != opAck {
			healed++
		}
		v := r.surveyCuts(t, func(k int) bool { return k == healed || k == len(r.d.log)-1 }, nil)
		for _, err := range v.first {
			t.Errorf("with call %d failing: %v", first+1, err)
		}
		runs, endured, images = runs+1, endured+r.failed, images+v.images
	}
	if endured == 0 {
		t.Error("no fault was ever seen")
	}
	t.Logf("%d faults, %d errors seen, %d images", runs, endured, images)
}
