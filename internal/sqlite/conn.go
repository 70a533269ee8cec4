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

// dbConn is one connection to the database, for one goroutine at a time. It
// speaks to the driver directly: statements stay prepared for as long as the
// connection lives, and calls cost neither the locks of database/sql nor a
// goroutine to watch a context. No statement here runs for long.
type dbConn struct {
	driverConn driver.Conn
	statements map[string]*preparedStatement
	// statementCount counts the statements, for trim.
	statementCount, countAtTrim uint64
}

// releaseUnusedMemory gives back the pages that the connection keeps in memory, if it was not
// used since the latest trim but for as many statements. One that is in use
// would read them again at once.
func (c *dbConn) releaseUnusedMemory(but uint64) (err error) {
	if c.statementCount-c.countAtTrim <= but {
		_, err = c.execute("PRAGMA shrink_memory")
	}
	c.countAtTrim = c.statementCount
	return err
}

// openConnection opens the database file and sets it up by the pragmas, in order.
func openConnection(path string, pragmas ...string) (*dbConn, error) {
	d, err := new(sqlite.Driver).Open(fileURI(path))
	if err != nil {
		return nil, err
	}
	c := &dbConn{driverConn: d, statements: make(map[string]*preparedStatement)}
	for _, p := range pragmas {
		if _, err := c.execute("PRAGMA " + p); err != nil {
			return nil, errors.Join(err, c.close())
		}
	}
	return c, nil
}

// fileURI is the file as a URI, so that no character in its name has a meaning.
func fileURI(path string) string { return (&url.URL{Scheme: "file", Path: path}).String() }

func (c *dbConn) close() error {
	var errs []error
	for _, stmt := range c.statements {
		errs = append(errs, stmt.driverStatement.Close())
	}
	return errors.Join(append(errs, c.driverConn.Close())...)
}

// execute runs a statement and returns how many rows it changed.
func (c *dbConn) execute(query string, args ...any) (int64, error) {
	stmt, err := c.prepareStatement(query)
	if err != nil {
		return 0, err
	}
	result, err := stmt.driverStatement.(driver.StmtExecContext).ExecContext(context.Background(), stmt.bindArguments(args))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", query, err)
	}
	return result.RowsAffected()
}

// queryRows calls yield with every row of a query until it returns false. The row
// is valid during the call only.
func (c *dbConn) queryRows(query string, yield func(resultRow) bool, args ...any) error {
	stmt, err := c.prepareStatement(query)
	if err != nil {
		return err
	}
	rows, err := stmt.driverStatement.(driver.StmtQueryContext).QueryContext(context.Background(), stmt.bindArguments(args))
	if err != nil {
		return fmt.Errorf("%s: %w", query, err)
	}
	defer rows.Close()
	values := make(resultRow, len(rows.Columns()))
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

// queryFirst calls use with the first row of a query and reports whether there was
// one.
func (c *dbConn) queryFirst(query string, use func(resultRow), args ...any) (found bool, err error) {
	err = c.queryRows(query, func(row resultRow) bool {
		use(row)
		found = true
		return false
	}, args...)
	return found, err
}

// hasRow reports whether a query has a row.
func (c *dbConn) hasRow(query string, args ...any) (bool, error) {
	return c.queryFirst(query, func(resultRow) {}, args...)
}

func (c *dbConn) prepareStatement(query string) (*preparedStatement, error) {
	c.statementCount++
	if stmt, ok := c.statements[query]; ok {
		return stmt, nil
	}
	d, err := c.driverConn.Prepare(query)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", query, err)
	}
	s := &preparedStatement{driverStatement: d}
	c.statements[query] = s
	return s, nil
}

// preparedStatement is a prepared statement with room for its arguments.
type preparedStatement struct {
	driverStatement driver.Stmt
	boundArgs       []driver.NamedValue
}

func (s *preparedStatement) bindArguments(args []any) []driver.NamedValue {
	s.boundArgs = s.boundArgs[:0]
	for i, a := range args {
		s.boundArgs = append(s.boundArgs, driver.NamedValue{Ordinal: i + 1, Value: driverValue(a)})
	}
	return s.boundArgs
}

// driverValue is an argument in the types that the driver takes.
func driverValue(a any) driver.Value {
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

// resultRow is one row of a query.
type resultRow []driver.Value

func (r resultRow) int(i int) int64 {
	n, _ := r[i].(int64)
	return n
}

func (r resultRow) text(i int) string {
	s, _ := r[i].(string)
	return s
}

func (r resultRow) blob(i int) []byte {
	b, _ := r[i].([]byte)
	return b
}

func (r resultRow) uin(i int) rookery.UIN { return rookery.UIN(r.int(i)) }
func (r resultRow) bool(i int) bool       { return r.int(i) != 0 }
func (r resultRow) time(i int) time.Time  { return time.UnixMicro(r.int(i)).UTC() }
