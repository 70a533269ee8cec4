package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"

	"modernc.org/sqlite"

	"github.com/rookery-im/rookery"
)

// conn is one connection to the database, for one goroutine at a time. It
// speaks to the driver directly: statements stay prepared for as long as the
// connection lives, and calls cost neither the locks of database/sql nor a
// goroutine to watch a context. No statement here runs for long.
type conn struct {
	driver driver.Conn
	stmts  map[string]*stmt
	// used counts the statements, for trim.
	used, trimmed uint64
}

// trim gives back the pages that the connection keeps in memory, if it was not
// used since the latest trim but for as many statements. One that is in use
// would read them again at once.
func (c *conn) trim(but uint64) (err error) {
	if c.used-c.trimmed <= but {
		_, err = c.exec("PRAGMA shrink_memory")
	}
	c.trimmed = c.used
	return err
}

// connect opens the database file and sets it up by the pragmas, in order.
func connect(path string, pragmas ...string) (*conn, error) {
	d, err := new(sqlite.Driver).Open(dsn(path))
	if err != nil {
		return nil, err
	}
	c := &conn{driver: d, stmts: make(map[string]*stmt)}
	for _, p := range pragmas {
		if _, err := c.exec("PRAGMA " + p); err != nil {
			return nil, errors.Join(err, c.close())
		}
	}
	return c, nil
}

// dsn is the file as a URI, so that no character in its name has a meaning.
func dsn(path string) string { return (&url.URL{Scheme: "file", Path: path}).String() }

func (c *conn) close() error {
	var errs []error
	for _, stmt := range c.stmts {
		errs = append(errs, stmt.driver.Close())
	}
	return errors.Join(append(errs, c.driver.Close())...)
}

// exec runs a statement and returns how many rows it changed.
func (c *conn) exec(query string, args ...any) (int64, error) {
	stmt, err := c.prepare(query)
	if err != nil {
		return 0, err
	}
	result, err := stmt.driver.(driver.StmtExecContext).ExecContext(context.Background(), stmt.bind(args))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", query, err)
	}
	return result.RowsAffected()
}

// each calls yield with every row of a query until it returns false. The row
// is valid during the call only.
func (c *conn) each(query string, yield func(row) bool, args ...any) error {
	stmt, err := c.prepare(query)
	if err != nil {
		return err
	}
	rows, err := stmt.driver.(driver.StmtQueryContext).QueryContext(context.Background(), stmt.bind(args))
	if err != nil {
		return fmt.Errorf("%s: %w", query, err)
	}
	defer rows.Close()
	values := make(row, len(rows.Columns()))
	for {
		switch err := rows.Next(values); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("%s: %w", query, err)
		}
		if !yield(values) {
			return nil
		}
	}
}

// first calls use with the first row of a query and reports whether there was
// one.
func (c *conn) first(query string, use func(row), args ...any) (found bool, err error) {
	err = c.each(query, func(r row) bool {
		use(r)
		found = true
		return false
	}, args...)
	return found, err
}

// exists reports whether a query has a row.
func (c *conn) exists(query string, args ...any) (bool, error) {
	return c.first(query, func(row) {}, args...)
}

func (c *conn) prepare(query string) (*stmt, error) {
	c.used++
	if stmt, ok := c.stmts[query]; ok {
		return stmt, nil
	}
	d, err := c.driver.Prepare(query)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", query, err)
	}
	s := &stmt{driver: d}
	c.stmts[query] = s
	return s, nil
}

// stmt is a prepared statement with room for its arguments.
type stmt struct {
	driver driver.Stmt
	args   []driver.NamedValue
}

func (s *stmt) bind(args []any) []driver.NamedValue {
	s.args = s.args[:0]
	for i, a := range args {
		s.args = append(s.args, driver.NamedValue{Ordinal: i + 1, Value: value(a)})
	}
	return s.args
}

// value is an argument in the types that the driver takes.
func value(a any) driver.Value {
	switch a := a.(type) {
	case int:
		return int64(a)
	case uint64:
		return int64(a)
	case bool:
		if a {
			return int64(1)
		}
		return int64(0)
	case time.Time:
		return a.UnixMicro()
	case time.Duration:
		return int64(a)
	case []byte:
		if a == nil {
			return []byte{} // nil would be NULL
		}
		return a
	case rookery.UIN:
		return int64(a)
	case rookery.Kind:
		return int64(a)
	case rookery.Status:
		return int64(a)
	case rookery.Rule:
		return int64(a)
	}
	return a
}

// row is one row of a query.
type row []driver.Value

func (r row) int(i int) int64 {
	n, _ := r[i].(int64)
	return n
}

func (r row) text(i int) string {
	s, _ := r[i].(string)
	return s
}

func (r row) blob(i int) []byte {
	b, _ := r[i].([]byte)
	return b
}

func (r row) uin(i int) rookery.UIN { return rookery.UIN(r.int(i)) }
func (r row) bool(i int) bool       { return r.int(i) != 0 }
func (r row) time(i int) time.Time  { return time.UnixMicro(r.int(i)).UTC() }
