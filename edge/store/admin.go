package store

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"selvage/edge/series"
)

// What an operator does to a data folder. Check, Measure and Export may be used while a host has it open;
// Compact and Import take it for themselves.

// look opens the database of a folder to read it.
func look(dir string) (*session, error) {
	path := databasePath(dir)
	if _, err := os.Stat(path); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, reason{why: "there is no " + fileName, try: "name the data folder of a host"}
		}
		return nil, err
	}
	c, err := connect(path)
	if err != nil {
		return nil, err
	}
	err = c.run(busyTimeout, "PRAGMA temp_store = MEMORY")
	if err == nil {
		err = c.isOurs()
	}
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// isOurs refuses what this version did not write and cannot read.
func (c *session) isOurs() error {
	app, err := c.number("PRAGMA application_id")
	if err != nil {
		return err
	}
	version, err := c.number("PRAGMA user_version")
	switch {
	case err != nil:
		return err
	case app != applicationID:
		return reason{why: "it is the database of another program", try: "name one that Selvage has made"}
	case version > schemaVersion:
		return newer(version)
	case version < schemaVersion:
		return reason{why: "it is of an older Selvage", try: "start the host once, which brings it up to date"}
	}
	return nil
}

// Check reads all of a database and returns what is wrong with it, nothing if all is well. What is damaged is salvaged
// when the host starts the next time.
func Check(dir string) (wrong []string, err error) {
	c, err := look(dir)
	if err == nil {
		err = c.once("PRAGMA integrity_check", func(row []driver.Value) {
			if text, _ := row[0].(string); text != "ok" {
				wrong = append(wrong, text)
			}
		})
	}
	for _, part := range []struct {
		rows, name string
		read       func(body []byte) error
	}{
		{"SELECT seq, body FROM feed", "row of the feed", func(b []byte) error { return readGroup(b, func(LaneID, bool, *series.Point) {}) }},
		{"SELECT id, body FROM block", "block", func(b []byte) error { _, err := unpack(b); return err }},
		{"SELECT start, body FROM rollup", "roll-up", func(b []byte) error { _, err := unpackSpans(b); return err }},
	} {
		if err == nil {
			err = c.once(part.rows, func(row []driver.Value) {
				body, _ := row[1].([]byte)
				if err := part.read(body); err != nil {
					wrong = append(wrong, fmt.Sprintf("%s %v: %v", part.name, row[0], err))
				}
			})
		}
	}
	if isDamage(err) {
		wrong, err = append(wrong, err.Error()), nil
	}
	if len(wrong) > 0 && err == nil {
		err = mark(dir)
	}
	if c != nil {
		err = errors.Join(err, c.close())
	}
	return wrong, fault("check the store in "+dir, err)
}

// Usage is what a database holds.
type Usage struct {
	Epoch          string
	File, Log      int64 // bytes of the database and of the log before it
	Free           int64 // bytes of the file that are to be used again
	Nodes, Lanes   int64
	Values         int64 // of value lanes
	Entries        int64 // of map and list lanes
	Points, Packed int64 // sealed of the history, and their bytes
	Blocks         int64
	Waiting        int64 // rows of the feed that are not sealed, and their bytes
	WaitingBytes   int64
	Rolled         int64             // bytes of roll-ups
	Cursors        map[string]uint64 // how far each peer has confirmed the feed
}

// Measure says what the database of a folder holds.
func Measure(dir string) (u Usage, err error) {
	c, err := look(dir)
	if err == nil {
		u.Cursors = map[string]uint64{}
		var page, pages, free int64
		for sql, to := range map[string]*int64{
			"PRAGMA page_size": &page, "PRAGMA page_count": &pages, "PRAGMA freelist_count": &free,
			"SELECT count(DISTINCT node) FROM lane WHERE node <> ''": &u.Nodes, "SELECT count(*) FROM lane WHERE node <> ''": &u.Lanes,
			"SELECT count(*) FROM value": &u.Values, "SELECT count(*) FROM entry": &u.Entries,
			"SELECT coalesce(sum(points), 0) FROM block": &u.Points, "SELECT coalesce(sum(length(body)), 0) FROM block": &u.Packed,
			"SELECT count(*) FROM block": &u.Blocks, "SELECT count(*) FROM feed": &u.Waiting,
			"SELECT coalesce(sum(length(body)), 0) FROM feed":   &u.WaitingBytes,
			"SELECT coalesce(sum(length(body)), 0) FROM rollup": &u.Rolled,
		} {
			if err == nil {
				*to, err = c.number(sql)
			}
		}
		u.File, u.Free = page*pages, page*free
		if err == nil {
			u.Epoch, err = c.word("SELECT value FROM meta WHERE key = 'epoch'")
		}
		if err == nil {
			err = c.once("SELECT name, seq FROM cursor", func(row []driver.Value) {
				name, _ := row[0].(string)
				seq, _ := row[1].(int64)
				u.Cursors[name] = uint64(seq)
			})
		}
		if info, err := os.Stat(databasePath(dir) + "-wal"); err == nil {
			u.Log = info.Size()
		}
		err = errors.Join(err, c.close())
	}
	return u, fault("read the store in "+dir, err)
}

// Export writes what the database of a folder holds, as of its last commit, to a new file, which is on flash
// when Export returns.
func Export(dir, file string) error {
	what := "export the store in " + dir + " to " + file
	if _, err := os.Stat(file); err == nil {
		return fault(what, reason{why: "there is such a file already", try: "name another one, or move it away"})
	}
	part := file + ".part" // what is cut short must not be taken for a backup
	err := copyOut(dir, part)
	if err == nil {
		err = os.Rename(part, file)
	}
	if err == nil {
		err = syncFolder(filepath.Dir(file))
	}
	return fault(what, err)
}

// copyOut writes the database of a folder to a file, on flash, without the room that is free in it.
func copyOut(dir, file string) error {
	if err := removeDatabase(file); err != nil {
		return err
	}
	c, err := look(dir)
	if err != nil {
		return err
	}
	err = c.run(fmt.Sprintf("PRAGMA page_size = %d", pageSize))
	if err = errors.Join(err, c.once("VACUUM INTO ?", nil, file), c.close()); err == nil {
		err = syncFile(file)
	}
	if err != nil {
		removeDatabase(file)
	}
	return err
}

// Import puts what Export has written in the place of a folder's database, under a new epoch: to its peers it is
// another store. What was there before is set aside; its name is returned, "" if there was nothing.
func Import(dir, file string) (aside string, err error) {
	what := "import " + file + " into " + dir
	lock, err := lockFolder(dir)
	if err != nil {
		return "", fault(what, err)
	}
	defer lock.release()
	path := databasePath(dir)
	part := path + ".part"
	if err = removeDatabase(part); err == nil {
		err = copyFile(part, file)
	}
	if err == nil {
		err = adopt(part)
	}
	if err != nil {
		return "", fault(what, errors.Join(err, removeDatabase(part)))
	}
	aside, err = replace(path, part, "before-import")
	return aside, fault(what, err)
}

// adopt checks a file and gives it an epoch of its own.
func adopt(path string) error {
	c, err := openWriter(path)
	if err != nil {
		return err
	}
	app, err := c.number("PRAGMA application_id")
	if err == nil && app != applicationID {
		err = reason{why: "that is not an export of Selvage", try: "name a file that selvage store export has written"}
	}
	if err == nil {
		var ok string
		if ok, err = c.word("PRAGMA integrity_check(1)"); err == nil && ok != "ok" {
			err = reason{why: "that file is damaged (" + ok + ")", try: "use another export"}
		}
	}
	if err == nil {
		err = c.prepareSchema()
	}
	if err == nil {
		err = c.renew()
	}
	if err == nil {
		err = c.run("PRAGMA wal_checkpoint(TRUNCATE)")
	}
	return errors.Join(err, c.close())
}

// Compact gives the room that is free in a folder's database back to the disk. It needs as much again meanwhile.
func Compact(dir string) (before, after int64, err error) {
	what := "compact the store in " + dir
	lock, err := lockFolder(dir)
	if err != nil {
		return 0, 0, fault(what, err)
	}
	defer lock.release()
	path := databasePath(dir)
	size := func() int64 {
		info, err := os.Stat(path)
		if err != nil {
			return 0
		}
		return info.Size()
	}
	before = size()
	// Not VACUUM alone, which makes the copy in memory, and writes it twice.
	part := path + ".part"
	err = copyOut(dir, part)
	if _, left := os.Stat(path + "-wal"); err == nil && left == nil { // the log that would be taken for that of the new file
		err = errors.Join(reason{why: "another program has it open", try: "close what reads it, and try again"}, removeDatabase(part))
	}
	if err == nil {
		err = os.Rename(part, path)
	}
	if err == nil {
		err = syncFolder(dir)
	}
	return before, size(), fault(what, err)
}
