package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net/url"

	"modernc.org/sqlite"
)

// session is one connection to the database, used by one goroutine at a time. It speaks to the driver
// through the interfaces of database/sql/driver rather than through a sql.DB, whose pool, locks and
// conversions would cost more than the rows: the store has one writer and a handful of readers, and
// knows which is which.
type session struct {
	conn connection
	kept []*statement // prepared for as long as the connection lives
}

type connection interface {
	driver.Conn
	driver.ConnPrepareContext
	sqlite.DBStatus
}

var errDriver = errors.New("the SQLite driver lacks an interface of the version this was written for")

func connect(path string) (*session, error) {
	// As a URL, so that a folder may have any name.
	dsn := url.URL{Scheme: "file", OmitHost: true, Path: path}
	connector, err := sqlite.NewConnector(dsn.String())
	if err != nil {
		return nil, err
	}
	conn, err := connector.Connect(context.Background())
	if err != nil {
		return nil, err
	}
	full, ok := conn.(connection)
	if !ok {
		return nil, errors.Join(errDriver, conn.Close())
	}
	return &session{conn: full}, nil
}

// close disconnects. SQLite would keep a connection half open for a statement that was not closed.
func (c *session) close() error {
	var errs []error
	for _, st := range c.kept {
		errs = append(errs, st.close())
	}
	return errors.Join(append(errs, c.conn.Close())...)
}

// run runs statements without arguments once each.
func (c *session) run(statements ...string) error {
	for _, sql := range statements {
		if err := c.once(sql, nil); err != nil {
			return err
		}
	}
	return nil
}

// once prepares and runs one query and calls each for its rows.
func (c *session) once(sql string, each func(columns []driver.Value), args ...any) error {
	st, err := c.prepare(sql)
	if err != nil {
		return err
	}
	return errors.Join(st.query(each, args...), st.close())
}

// script runs several statements that yield no rows.
func (c *session) script(sql string) error {
	st, err := c.prepare(sql)
	if err != nil {
		return err
	}
	_, err = st.exec()
	return errors.Join(err, st.close())
}

// number returns the one number that a query yields.
func (c *session) number(sql string) (n int64, err error) {
	err = c.once(sql, func(columns []driver.Value) { n, _ = columns[0].(int64) })
	return n, err
}

// word returns the one text that a query yields.
func (c *session) word(sql string, args ...any) (word string, err error) {
	err = c.once(sql, func(columns []driver.Value) { word, _ = columns[0].(string) }, args...)
	return word, err
}

// written returns how many pages this connection has written to the log.
func (c *session) written() int64 {
	pages, _, err := c.conn.Status(sqlite.DBStatusCacheWrite, false)
	if err != nil {
		return 0
	}
	return int64(pages)
}

// statement is a prepared statement with room for its arguments.
type statement struct {
	st      prepared
	args    []driver.NamedValue
	columns []driver.Value
}

type prepared interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

func (c *session) prepare(sql string) (*statement, error) {
	st, err := c.conn.PrepareContext(context.Background(), sql)
	if err != nil {
		return nil, err
	}
	full, ok := st.(prepared)
	if !ok {
		return nil, errors.Join(errDriver, st.Close())
	}
	return &statement{st: full}, nil
}

// prepareAll prepares statements into the places given, for as long as the connection lives.
func (c *session) prepareAll(list map[string]**statement) error {
	for sql, place := range list {
		st, err := c.prepare(sql)
		if err != nil {
			return err
		}
		*place = st
		c.kept = append(c.kept, st)
	}
	return nil
}

func (s *statement) close() error { return s.st.Close() }

// bind takes int64, string and []byte, which is what SQLite stores.
func (s *statement) bind(args []any) []driver.NamedValue {
	s.args = s.args[:0]
	for i, v := range args {
		s.args = append(s.args, driver.NamedValue{Ordinal: i + 1, Value: v})
	}
	return s.args
}

// exec runs s and returns how many rows it changed.
func (s *statement) exec(args ...any) (changed int64, err error) {
	res, err := s.st.ExecContext(context.Background(), s.bind(args))
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// query runs s and calls each for its rows. The values are each's to keep, the slice is not.
func (s *statement) query(each func(columns []driver.Value), args ...any) error {
	rows, err := s.st.QueryContext(context.Background(), s.bind(args))
	if err != nil {
		return err
	}
	if s.columns == nil {
		s.columns = make([]driver.Value, len(rows.Columns()))
	}
	for err == nil {
		if err = rows.Next(s.columns); err == nil && each != nil {
			each(s.columns)
		}
	}
	if err == io.EOF {
		err = nil
	}
	return errors.Join(err, rows.Close())
}
