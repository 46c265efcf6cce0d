package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// A writeLog is what QEMU's blklogwrites has kept of all that was asked of a disk, in order. The
// format is that of Linux's dm-log-writes (Documentation/admin-guide/device-mapper/log-writes.rst):
// a superblock, then entries of one sector, each followed by the data it writes. Numbers are
// little-endian.
type writeLog struct {
	file    *os.File
	entries []logEntry
}

// A logEntry is one request. With flagFlush, all entries before it are on flash.
type logEntry struct {
	at, length int64 // in bytes, on the disk
	flags      uint64
	data       int64 // where in the log
}

const (
	logMagic     = 0x6a736677736872 // "jsfwshr"
	logEntriesAt = 16               // where in the superblock the number of entries is

	flagFlush   = 1
	flagFUA     = 2 // is itself on flash at once (forced unit access)
	flagDiscard = 4
)

func openLog(file *os.File) (*writeLog, error) {
	var super struct {
		Magic, Version, Entries uint64
		Sector                  uint32
	}
	if err := binary.Read(io.NewSectionReader(file, 0, 28), binary.LittleEndian, &super); err != nil {
		return nil, err
	}
	if super.Magic != logMagic || super.Version != 1 {
		return nil, fmt.Errorf("%s is no log of writes of version 1: magic %#x, version %d", file.Name(), super.Magic, super.Version)
	}
	l := &writeLog{file: file}
	sector := int64(super.Sector)
	at := sector
	for range super.Entries {
		var e struct{ Sector, Sectors, Flags, Data uint64 }
		if err := binary.Read(io.NewSectionReader(file, at, 32), binary.LittleEndian, &e); err != nil {
			return nil, err
		}
		at += sector
		l.entries = append(l.entries, logEntry{int64(e.Sector) * sector, int64(e.Sectors) * sector, e.Flags, at})
		if e.Flags&flagDiscard == 0 {
			at += int64(e.Sectors) * sector
		}
	}
	return l, nil
}

// flushed returns the place of the last flush among the first k entries, 0 if there is none.
func (l *writeLog) flushed(k int) int {
	for k > 0 {
		if k--; l.entries[k].flags&flagFlush != 0 {
			return k
		}
	}
	return 0
}

// read returns what an entry puts on the disk. What was discarded reads as zeros.
func (l *writeLog) read(e logEntry) ([]byte, error) {
	b := make([]byte, e.length)
	if e.flags&flagDiscard != 0 {
		return b, nil
	}
	_, err := l.file.ReadAt(b, e.data)
	return b, err
}

const blockSize = 4096 // of ext4, of SQLite and of flash: what a power cut does not tear

// A disk is its blocks by their numbers; those left out are zeros.
type disk map[int64]*[blockSize]byte

func (d disk) clone() disk {
	c := disk{}
	for i, block := range d {
		b := *block
		c[i] = &b
	}
	return c
}

func (d disk) write(at int64, b []byte) {
	for len(b) > 0 {
		block := d[at/blockSize]
		if block == nil {
			block = new([blockSize]byte)
			d[at/blockSize] = block
		}
		n := copy(block[at%blockSize:], b)
		at, b = at+int64(n), b[n:]
	}
}

// A replay makes the disks that power cuts leave behind.
type replay struct {
	log  *writeLog
	disk disk // with all entries before done
	done int
}

// cut writes to file what is on flash when the power fails after the first k entries, of which those
// before durable are there for certain. Of the others, each block is there if kept says so. From call
// to call durable must not go back.
func (r *replay) cut(file io.WriterAt, k, durable int, kept func() bool) error {
	if durable < r.done {
		return errors.New("a replay does not go back")
	}
	for ; r.done < durable; r.done++ {
		e := r.log.entries[r.done]
		b, err := r.log.read(e)
		if err != nil {
			return err
		}
		r.disk.write(e.at, b)
	}
	for i, block := range r.disk {
		if _, err := file.WriteAt(block[:], i*blockSize); err != nil {
			return err
		}
	}
	for _, e := range r.log.entries[r.done:k] {
		b, err := r.log.read(e)
		if err != nil {
			return err
		}
		for at := e.at; len(b) > 0; {
			n := min(blockSize-int(at%blockSize), len(b))
			if e.flags&flagFUA != 0 || kept() {
				if _, err := file.WriteAt(b[:n], at); err != nil {
					return err
				}
			}
			at, b = at+int64(n), b[n:]
		}
	}
	return nil
}

func TestPowerCutReplay(t *testing.T) {
	const sector = 512
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	entries := []struct {
		sector, sectors, flags uint64
		fill                   byte
	}{
		{0, 1, 0, 'a'},
		{9, 8, 0, 'b'}, // of two blocks
		{flags: flagFlush},
		{1, 1, flagFUA, 'c'},
		{0, 1, 0, 'd'},
		{9, 1, flagDiscard, 0},
		{2, 1, flagFlush, 'e'}, // is not itself on flash
	}
	log := make([]byte, sector)
	binary.LittleEndian.PutUint64(log, logMagic)
	binary.LittleEndian.PutUint64(log[8:], 1)
	binary.LittleEndian.PutUint64(log[logEntriesAt:], uint64(len(entries)))
	binary.LittleEndian.PutUint32(log[24:], sector)
	for _, e := range entries {
		head := make([]byte, sector)
		for i, n := range []uint64{e.sector, e.sectors, e.flags} {
			binary.LittleEndian.PutUint64(head[8*i:], n)
		}
		log = append(log, head...)
		if e.flags&flagDiscard == 0 {
			for range e.sectors * sector {
				log = append(log, e.fill)
			}
		}
	}
	if _, err := file.Write(log); err != nil {
		t.Fatal(err)
	}
	l, err := openLog(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		k    int
		kept bool
		want string // the first byte of each sector from 0, '.' for zero
	}{
		{"before anything", 0, false, ".................."},
		{"nothing flushed, nothing kept", 2, false, ".................."},
		{"nothing flushed, all kept", 2, true, "a........bbbbbbbb."},
		{"flushed", 3, false, "a........bbbbbbbb."},
		{"forced", 4, false, "ac.......bbbbbbbb."},
		{"not flushed, not kept", 6, false, "ac.......bbbbbbbb."},
		{"not flushed, kept", 6, true, "dc........bbbbbbb."},
		{"flushed before its own data", 7, false, "dc........bbbbbbb."},
		{"flushed, its own data kept", 7, true, "dce.......bbbbbbb."},
	} {
		t.Run(test.name, func(t *testing.T) {
			file, err := os.Create(filepath.Join(t.TempDir(), "disk"))
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			if err := file.Truncate(int64(len(test.want) * sector)); err != nil {
				t.Fatal(err)
			}
			r := &replay{log: l, disk: disk{}}
			if err := r.cut(file, test.k, l.flushed(test.k), func() bool { return test.kept }); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, len(test.want))
			for i := range got {
				if _, err := file.ReadAt(got[i:i+1], int64(i*sector)); err != nil {
					t.Fatal(err)
				}
				if got[i] == 0 {
					got[i] = '.'
				}
			}
			if string(got) != test.want {
				t.Errorf("after %d entries the disk is %s, want %s", test.k, got, test.want)
			}
		})
	}
}
