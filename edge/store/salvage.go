package store

import (
	"cmp"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"selvage/edge/health"
	"selvage/edge/series"
)

// Salvaged tells what became of a damaged file.
type Salvaged struct {
	Aside string   // where the damaged file is now
	Rows  int64    // that could be read
	Lost  []string // tables of which something could not, with why
}

// tell shows what a salvage has found.
func (s *Store) tell(saved *Salvaged) {
	lost := "nothing is known to be lost"
	if len(saved.Lost) > 0 {
		lost = "something is lost of " + strings.Join(saved.Lost, ", ")
	}
	s.opts.Health.Clear(damagedCode)
	s.opts.Log.Warn("a damaged database was salvaged", "rows", saved.Rows, "aside", saved.Aside, "lost", saved.Lost)
	s.opts.Health.Raise(health.Condition{
		Code:   "store.salvaged",
		Text:   fmt.Sprintf("%s was damaged: %d rows could be read and are kept; %s; the damaged file is %s", s.path, saved.Rows, lost, saved.Aside),
		Remedy: "see whether something is missing; delete that file when it is not needed; look for disk errors in the kernel's log (dmesg), since a worn card wants replacing",
	})
}

// salvage makes a new file of what can be read of the one at path, and sets that aside.
func salvage(path string) (*Salvaged, error) {
	part := path + ".part"
	if err := removeDatabase(part); err != nil { // of a salvage that was cut short
		return nil, err
	}
	s := &Salvaged{}
	to, err := openWriter(part)
	if err != nil {
		return nil, err
	}
	err = to.prepareSchema()
	if err == nil {
		err = s.read(path, to)
	}
	if err == nil {
		err = to.run("PRAGMA wal_checkpoint(TRUNCATE)")
	}
	if err = errors.Join(err, to.close()); err != nil {
		return nil, err
	}
	s.Aside, err = replace(path, part, "damaged")
	return s, err
}

// tables are what a salvage copies, in this order, and how their rows are ordered.
var tables = []struct {
	name string
	key  []string
	ok   func(row []driver.Value) bool // whether a row that could be read is whole; nil for always
}{
	{name: "boot", key: []string{"id"}},
	{name: "lane", key: []string{"id"}},
	{name: "value", key: []string{"lane"}},
	{name: "entry", key: []string{"lane", "key"}},
	{name: "feed", key: []string{"seq"}, ok: func(row []driver.Value) bool {
		body, _ := row[1].([]byte)
		return readGroup(body, func(LaneID, bool, *series.Point) {}) == nil
	}},
	{name: "segment", key: []string{"last"}},
	{name: "block", key: []string{"id"}, ok: func(row []driver.Value) bool {
		body, _ := row[7].([]byte)
		_, err := unpack(body)
		return err == nil
	}},
	{name: "rollup", key: []string{"lane", "step", "start"}, ok: func(row []driver.Value) bool {
		body, _ := row[3].([]byte)
		_, err := unpackSpans(body)
		return err == nil
	}},
	{name: "cursor", key: []string{"name"}},
}

// afterSalvage drops what belongs to lanes that could not be read, and has new lanes, boots and points take
// numbers that nothing refers to: a point below a cursor would never be delivered.
const afterSalvage = `
DELETE FROM value WHERE lane NOT IN (SELECT id FROM lane);
DELETE FROM entry WHERE lane NOT IN (SELECT id FROM lane);
DELETE FROM block WHERE lane NOT IN (SELECT id FROM lane);
DELETE FROM rollup WHERE lane NOT IN (SELECT id FROM lane);
INSERT INTO lane (id, node, lane, kind) SELECT coalesce(max(id), 0) + 1000000, '', hex(randomblob(8)), '' FROM lane;
INSERT INTO boot (id, boot) SELECT coalesce(max(id), 0) + 1000000, hex(randomblob(16)) FROM boot;
REPLACE INTO meta (key, value) SELECT 'seq', max(
	(SELECT coalesce(max(last), 0) FROM segment), (SELECT coalesce(max(segment), 0) FROM block),
	(SELECT coalesce(max(seq), 0) FROM feed) + 4096, (SELECT coalesce(max(seq), 0) FROM value),
	(SELECT coalesce(max(seq), 0) FROM cursor WHERE seq < 1 << 62));
`

// read copies what can be read of the file at path.
func (s *Salvaged) read(path string, to *session) error {
	from, err := connect(path)
	if err != nil {
		s.Lost = append(s.Lost, err.Error())
		return nil
	}
	defer from.close()
	if version, err := from.number("PRAGMA user_version"); err == nil && version > schemaVersion {
		return newer(version)
	}
	for _, t := range tables {
		if err := to.run("BEGIN"); err != nil {
			return err
		}
		unread, err := s.table(from, to, t.name, t.key, t.ok)
		if err == nil && t.name == "lane" && unread != nil {
			err = s.names(from, to)
		}
		if err == nil {
			err = to.run("COMMIT")
		}
		if err != nil {
			return err
		}
		if unread != nil {
			s.Lost = append(s.Lost, t.name+" ("+unread.Error()+")")
		}
	}
	return to.script(afterSalvage)
}

// table copies a table: from its begin until a page that cannot be read, then from its end back to one.
func (s *Salvaged) table(from, to *session, name string, key []string, ok func([]driver.Value) bool) (unread, failed error) {
	var columns, marks []string
	err := from.once("SELECT name FROM pragma_table_info(?)", func(c []driver.Value) {
		column, _ := c[0].(string)
		columns, marks = append(columns, column), append(marks, "?")
	}, name)
	if err != nil || len(columns) == 0 { // a file of version 1 has no history
		return err, nil
	}
	list := strings.Join(columns, ", ")
	insert, err := to.prepare("INSERT OR IGNORE INTO " + name + " (" + list + ") VALUES (" + strings.Join(marks, ", ") + ")")
	if err != nil {
		return nil, err
	}
	defer insert.close()
	broken := 0
	copyRow := func(row []driver.Value) {
		if ok != nil && !ok(row) {
			broken++
			return
		}
		args := make([]any, len(row))
		for i, v := range row {
			if b, is := v.([]byte); is && b == nil {
				v = []byte{}
			}
			args[i] = v
		}
		n, err := insert.exec(args...)
		s.Rows += n
		if isMisfit(err) {
			broken++
			return
		}
		failed = cmp.Or(failed, err)
	}
	for _, direction := range []string{" ASC", " DESC"} {
		err = from.once("SELECT "+list+" FROM "+name+" ORDER BY "+strings.Join(key, direction+", ")+direction, copyRow)
		if unread = cmp.Or(unread, err); err == nil || failed != nil {
			break
		}
	}
	if unread == nil && broken > 0 {
		unread = fmt.Errorf("%d rows are not whole", broken)
	}
	return unread, failed
}

// names copies what the index of the lanes knows beyond their table. It lacks their kinds, which show in what
// there is of them.
func (s *Salvaged) names(from, to *session) (failed error) {
	from.once(`SELECT id, node, lane, iif(EXISTS (SELECT 1 FROM entry WHERE entry.lane = l.id), 'map', 'value')
		FROM lane l INDEXED BY sqlite_autoindex_lane_1`, func(row []driver.Value) {
		id, _ := row[0].(int64)
		node, _ := row[1].(string)
		lane, _ := row[2].(string)
		kind, _ := row[3].(string)
		failed = cmp.Or(failed, to.once("INSERT OR IGNORE INTO lane (id, node, lane, kind) VALUES (?, ?, ?, ?)", nil, id, node, lane, kind))
	})
	return failed
}
