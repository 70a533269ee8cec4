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

// dbConn is one connection to the database, for one goroutine at a time. It uses the driver directly
// instead of database/sql: statements stay prepared as long as the connection lives, and calls need no
// locks and no goroutine that watches a context. No statement here runs for long.
type dbConn struct {
	driverConn driver.Conn
	statements map[string]*preparedStatement
	// statementCount counts the executed statements; countAtTrim is its value at the latest
	// releaseUnusedMemory.
	statementCount, countAtTrim uint64
}

// releaseUnusedMemory drops the cached pages if the connection has run at most allowed statements
// since the previous call. A busy connection would read the pages again at once.
func (c *dbConn) releaseUnusedMemory(allowed uint64) (err error) {
	if c.statementCount-c.countAtTrim <= allowed {
		_, err = c.execute("PRAGMA shrink_memory")
	}
	c.countAtTrim = c.statementCount
	return err
}

// openConnection opens the database file and runs the pragmas in order.
func openConnection(path string, pragmas ...string) (*dbConn, error) {
	d, err := new(sqlite.Driver).Open(fileURI(path))
	if err != nil {
		return nil, err
	}
	c := &dbConn{driverConn: d, statements: make(map[string]*preparedStatement)}
	for _, pragma := range pragmas {
		if _, err := c.execute("PRAGMA " + pragma); err != nil {
			return nil, errors.Join(err, c.close())
		}
	}
	return c, nil
}

// fileURI returns path as a URI, so that no character in it has a special meaning to SQLite.
func fileURI(path string) string { return (&url.URL{Scheme: "file", Path: path}).String() }

func (c *dbConn) close() error {
	var errs []error
	for _, stmt := range c.statements {
		errs = append(errs, stmt.driverStatement.Close())
	}
	return errors.Join(append(errs, c.driverConn.Close())...)
}

// execute runs a statement and returns the number of changed rows.
func (c *dbConn) execute(query string, args ...any) (int64, error) {
	stmt, err := c.prepareStatement(query)
	if err != nil {
		return 0, err
	}
	result, err := stmt.driverStatement.(driver.StmtExecContext).ExecContext(
		context.Background(), stmt.bindArguments(args),
	)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", query, err)
	}
	return result.RowsAffected()
}

// queryRows calls yield with each row of a query until yield returns false. The row is valid only
// during the call.
func (c *dbConn) queryRows(query string, yield func(resultRow) bool, args ...any) error {
	stmt, err := c.prepareStatement(query)
	if err != nil {
		return err
	}
	rows, err := stmt.driverStatement.(driver.StmtQueryContext).QueryContext(
		context.Background(), stmt.bindArguments(args),
	)
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

// queryFirst calls use with the first row of a query and reports whether there was one.
func (c *dbConn) queryFirst(query string, use func(resultRow), args ...any) (found bool, err error) {
	err = c.queryRows(query, func(row resultRow) bool {
		use(row)
		found = true
		return false
	}, args...)
	return found, err
}

// hasRow reports whether a query returns a row.
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

// preparedStatement is a prepared statement and a reusable slice for its arguments.
type preparedStatement struct {
	driverStatement driver.Stmt
	boundArgs       []driver.NamedValue
}

func (s *preparedStatement) bindArguments(args []any) []driver.NamedValue {
	s.boundArgs = s.boundArgs[:0]
	for i, argument := range args {
		s.boundArgs = append(s.boundArgs, driver.NamedValue{Ordinal: i + 1, Value: driverValue(argument)})
	}
	return s.boundArgs
}

// driverValue converts an argument to a type that the driver accepts.
func driverValue(argument any) driver.Value {
	switch argument := argument.(type) {
	case int:
		return int64(argument)
	case uint64:
		return int64(argument)
	case bool:
		if argument {
			return int64(1)
		}
		return int64(0)
	case time.Time:
		return argument.UnixMicro()
	case time.Duration:
		return int64(argument)
	case []byte:
		if argument == nil {
			return []byte{} // nil would be NULL
		}
		return argument
	case rookery.UIN:
		return int64(argument)
	case rookery.Kind:
		return int64(argument)
	case rookery.Status:
		return int64(argument)
	case rookery.FriendRule:
		return int64(argument)
	}
	return argument
}

// resultRow is one row of a query result. Its methods convert the value of a column, counted from 0.
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

// statementsPerTransaction is the number of statements that BEGIN and COMMIT of a ReleaseMemory call
// add to the writer's connection. They do not make the connection count as used.
const statementsPerTransaction = 2

// ReleaseMemory drops the cached database pages of connections that were idle since the previous call.
// The pool of readers returns its connections in turn, so that the loop visits each of them.
func (s *Store) ReleaseMemory(ctx context.Context) error {
	for range s.readerCount {
		if err := s.withReader(ctx, func(conn *dbConn) error { return conn.releaseUnusedMemory(0) }); err != nil {
			return err
		}
	}
	return s.submitWrite(ctx, writeRequest{apply: func(batch *writeBatch) error {
		batch.afterCommit = append(batch.afterCommit, func() {
			if err := batch.conn.releaseUnusedMemory(statementsPerTransaction); err != nil {
				batch.log.Warn("the store cannot release memory", "error", err)
			}
		})
		return nil
	}})
}
