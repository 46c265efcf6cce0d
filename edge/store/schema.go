package store

import (
	"fmt"
	"path/filepath"
)

const (
	fileName = "selvage.db"

	// pageSize is that of new files. A commit writes whole pages to the log: of 100 readings 102 bytes each
	// with 2 KiB, 121 with 4 KiB; of 1,000 readings 24 and 23. The smaller ones of 1 KiB cost 85 and 27, and a
	// deeper tree for those who have a million agents.
	pageSize = 2048

	applicationID = 0x53656c76 // "Selv": tells our file from any other SQLite database
	schemaVersion = 2
)

// schema is what the file holds. A stamp is its boot's id, nanoseconds since that boot, wall time as
// it showed, and whether that could be trusted; boot 0 is "never". A boot's offset is its wall minus
// monotonic time when that was first trusted: it gives earlier stamps of the boot their time. Until then
// there is the same as its wall clock showed it; ended is the time since the boot when it was last heard of
// before another one.
const schema = `
CREATE TABLE boot (
	id INTEGER PRIMARY KEY, boot TEXT NOT NULL UNIQUE, offset_ns INTEGER,
	shown_ns INTEGER NOT NULL DEFAULT 0, ended_ns INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE lane (id INTEGER PRIMARY KEY, node TEXT NOT NULL, lane TEXT NOT NULL, kind TEXT NOT NULL, UNIQUE (node, lane)) STRICT;
CREATE TABLE value (
	lane INTEGER PRIMARY KEY, body BLOB NOT NULL,
	boot INTEGER NOT NULL, mono INTEGER NOT NULL, wall INTEGER NOT NULL, trusted INTEGER NOT NULL,
	seq INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE entry (
	lane INTEGER NOT NULL, key BLOB NOT NULL, body BLOB NOT NULL,
	boot INTEGER NOT NULL, mono INTEGER NOT NULL, wall INTEGER NOT NULL, trusted INTEGER NOT NULL,
	PRIMARY KEY (lane, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
` + historySchema

// historySchema is what came with version 2. A row of feed has the points of one commit, by the number of
// the first. When they are many, all are sealed as one segment, by the number of its last, with the boot and
// the nanoseconds since that when this was done: into blocks of one
// lane each, with the least and greatest time of their points in ms since 1970, or, for a boot whose time is
// not known yet, since that boot. A row of rollup has spans of one step in ms, from one time on. The value of
// a lane is the newest of its row and the feed; seq tells which that is.
const historySchema = `
CREATE TABLE feed (seq INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE segment (last INTEGER PRIMARY KEY, boot INTEGER NOT NULL, mono INTEGER NOT NULL) STRICT;
CREATE TABLE block (
	id INTEGER PRIMARY KEY, lane INTEGER NOT NULL, segment INTEGER NOT NULL,
	least INTEGER NOT NULL, greatest INTEGER NOT NULL, boot INTEGER NOT NULL,
	points INTEGER NOT NULL, body BLOB NOT NULL
) STRICT;
CREATE INDEX block_lane ON block (lane, boot, greatest, least);
CREATE INDEX block_segment ON block (segment, lane);
CREATE INDEX block_boot ON block (boot) WHERE boot > 0;
CREATE TABLE rollup (
	lane INTEGER NOT NULL, step INTEGER NOT NULL, start INTEGER NOT NULL, body BLOB NOT NULL,
	PRIMARY KEY (lane, step, start)
) STRICT, WITHOUT ROWID;
CREATE TABLE cursor (name TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`

// busyTimeout is for what only someone with an SQLite shell can lock; wait for them a little.
const busyTimeout = "PRAGMA busy_timeout = 2000"

func databasePath(dir string) string { return filepath.Join(dir, fileName) }

// openWriter opens the one connection that writes. It does not touch the file yet.
func openWriter(path string) (*session, error) {
	c, err := connect(path)
	if err != nil {
		return nil, err
	}
	if err := c.run(busyTimeout); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// prepareSchema sees to it that the file is ours and of this version, creating it when it is new.
func (c *session) prepareSchema() error {
	app, err := c.number("PRAGMA application_id")
	if err != nil {
		return err
	}
	version, err := c.number("PRAGMA user_version")
	if err != nil {
		return err
	}
	tables, err := c.number("SELECT count(*) FROM sqlite_schema")
	if err != nil {
		return err
	}
	switch {
	case app == applicationID && version > schemaVersion:
		return newer(version)
	case app != applicationID && (tables > 0 || app != 0):
		return reason{
			why: fileName + " there is the database of another program",
			try: "move it away, or set another data folder",
		}
	}
	if err := c.tune(); err != nil {
		return err
	}
	switch {
	case app != applicationID:
		err = c.create()
	case version < schemaVersion:
		err = c.migrate()
	}
	return err
}

func newer(version int64) error {
	return reason{
		why: fmt.Sprintf("%s was written by a newer Selvage (its schema is %d, this version knows %d)", fileName, version, schemaVersion),
		try: "start that newer version, or put back a copy of the folder from before the update",
	}
}

// tune sets how the writer treats the disk and memory.
func (c *session) tune() error {
	if err := c.run(fmt.Sprintf("PRAGMA page_size = %d", pageSize)); err != nil {
		return err
	}
	mode, err := c.word("PRAGMA journal_mode = WAL")
	if err != nil {
		return err
	}
	if mode != "wal" {
		return reason{
			why: "this file system cannot hold a write-ahead log",
			try: "use a local disk or card for the data folder, not a network share",
		}
	}
	return c.run(
		"PRAGMA synchronous = FULL",            // a commit returns after its fdatasync
		"PRAGMA cache_size = -512",             // KiB
		"PRAGMA mmap_size = 0",                 // a card that falls out must be an error, not a fault
		"PRAGMA temp_store = MEMORY",           // no temporary files on the card
		"PRAGMA wal_autocheckpoint = 0",        // SQLite's own tells nobody when it fails; see writer.checkpoint
		"PRAGMA journal_size_limit = 16777216", // a huge commit does not leave a huge log
	)
}

func (c *session) create() error {
	err := c.run("BEGIN IMMEDIATE")
	if err == nil {
		err = c.script(schema)
	}
	if err == nil {
		err = c.once("INSERT INTO meta (key, value) VALUES ('epoch', ?)", nil, newEpoch())
	}
	if err == nil {
		err = c.run(
			fmt.Sprintf("PRAGMA application_id = %d", applicationID),
			fmt.Sprintf("PRAGMA user_version = %d", schemaVersion),
			"COMMIT",
		)
	}
	return err
}

// migrate brings a file of version 1 to the present one.
func (c *session) migrate() error {
	err := c.run("BEGIN IMMEDIATE", "ALTER TABLE value ADD COLUMN seq INTEGER NOT NULL DEFAULT 0",
		"ALTER TABLE boot ADD COLUMN shown_ns INTEGER NOT NULL DEFAULT 0", "ALTER TABLE boot ADD COLUMN ended_ns INTEGER NOT NULL DEFAULT 0")
	if err == nil {
		err = c.script(historySchema)
	}
	if err == nil {
		err = c.run(fmt.Sprintf("PRAGMA user_version = %d", schemaVersion), "COMMIT")
	}
	if err != nil {
		c.run("ROLLBACK")
	}
	return err
}

// tuneReader bounds what a connection that only reads may use.
func (c *session) tuneReader() error {
	return c.run(
		busyTimeout,
		"PRAGMA query_only = ON",
		"PRAGMA cache_size = -256", // KiB
		"PRAGMA mmap_size = 0",
		"PRAGMA temp_store = MEMORY",
	)
}
