// Package sqlite implements internal/service's Store in one SQLite database. Callers pass accounts,
// entries, sessions and request keys; they get copies back.
//
// One goroutine writes (writer.go); a few connections read at the same time. New entries first go to a
// journal and to memory, and later to the rows of their mailboxes (journal.go). A file beside the
// database makes sure that no entry number is used twice, even after a restore (numberbound.go).
package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/disk"
)

// Config says where a store is and how it works.
type Config struct {
	// Path is the database file, for example rookery.db. The store keeps rookery.numbers beside it
	// (numberbound.go) and, while it is open, PATH-wal and PATH-shm.
	Path string
	// MustExist makes Open fail if there is no store at Path.
	MustExist bool
	// Log receives what an operator should look into. The default is slog.Default.
	Log *slog.Logger
	// Now is the clock. Only Open uses it, and only after a restore. The default is time.Now.
	Now func() time.Time
	// Synchronous is SQLite's pragma of that name. The default is FULL. With anything less, a power
	// failure can lose acknowledged changes.
	Synchronous string
	// ReserveBytes is the disk space to keep for readers, see diskreserve.go. 0 removes an existing
	// reserve; LeaveReserveUnchanged leaves it alone.
	ReserveBytes int64
	// MaxRequestKeys limits the remembered requests. Each takes about 80 bytes of memory. At the
	// limit, requests with a key get CodeTemporary. The default is 4 million.
	MaxRequestKeys int
	// ReadConnections is the number of connections for reading. The default is 4.
	ReadConnections int

	// maxJournaledBytes is the memory that journaled entries may take, as entryMemoryBytes counts it,
	// before they are moved to their mailboxes. Tests set a smaller value. The default is 4 MiB.
	maxJournaledBytes int
}

// Store is an open store. All methods may be called concurrently. internal/service's Store documents
// their contracts.
type Store struct {
	writer      *writer
	readers     chan *dbConn
	readerCount int // of readers
	journaled   *journaledEntries
	requestKeys *requestKeys
	closed      chan struct{}
	isNew       bool
}

// IsNew reports whether Open created the store.
func (s *Store) IsNew() bool { return s.isNew }

// applicationID identifies a store of Rookery. The first migration writes it into the header of the
// file.
const applicationID = 1383034731

const (
	// logPagesLimit is the length of the write-ahead log, in pages, at which SQLite makes a
	// checkpoint, that is, copies the log into the database. Copying stalls the writer, and a page
	// that changed many times in between is copied once. 16000 pages are 64 MB.
	logPagesLimit = 16000
	pageBytes     = 4096
	// SQLite cuts the log back to maxLogBytes after a slow reader made it grow.
	maxLogBytes = 4 * logPagesLimit * pageBytes
)

// Open opens the store, creates or migrates it if needed, and starts its writer. It returns
// ErrDatabaseMissing where a new store would destroy a write-ahead log. The caller makes sure that no other
// process has the store open, and closes it with Close.
func Open(ctx context.Context, config Config) (*Store, error) {
	path, err := filepath.Abs(config.Path)
	if err != nil {
		return nil, err
	}
	config.Path = path
	config.Log = cmp.Or(config.Log, slog.Default())
	config.Synchronous = cmp.Or(config.Synchronous, "FULL")
	config.MaxRequestKeys = cmp.Or(config.MaxRequestKeys, 4_000_000)
	config.ReadConnections = cmp.Or(config.ReadConnections, 4)
	if config.Now == nil {
		config.Now = time.Now
	}
	config.maxJournaledBytes = cmp.Or(config.maxJournaledBytes, 4<<20)
	store, err := openOrCreate(ctx, config)
	if isDiskFull(err) && config.ReserveBytes > 0 && disk.HasReserved(ReservePath(path), config.ReserveBytes) {
		if err := disk.ReleaseSpace(ReservePath(path)); err != nil {
			return nil, err
		}
		store, err = openOrCreate(ctx, config)
	}
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", path, explainError(path, err))
	}
	return store, nil
}

func openOrCreate(ctx context.Context, config Config) (*Store, error) {
	exists, err := Exists(config.Path)
	switch {
	case err != nil:
		return nil, err
	case !exists && config.MustExist:
		return nil, errors.New("it does not exist")
	}
	makeFilesPrivate(config)
	if err := migrateSchema(ctx, config); err != nil {
		return nil, err
	}
	return openStore(config, !exists)
}

func openStore(config Config, isNew bool) (*Store, error) {
	c, err := openConnection(config.Path, "busy_timeout = 5000", "synchronous = "+config.Synchronous,
		"cache_size = -65536", "temp_store = MEMORY",
		fmt.Sprintf("wal_autocheckpoint = %d", autoCheckpointPages(config)),
		fmt.Sprintf("journal_size_limit = %d", maxLogBytes))
	if err != nil {
		return nil, err
	}
	store := &Store{
		journaled:   newJournaledEntries(config.maxJournaledBytes),
		requestKeys: newRequestKeys(config.MaxRequestKeys),
		readers:     make(chan *dbConn, config.ReadConnections),
		readerCount: config.ReadConnections,
		closed:      make(chan struct{}),
		isNew:       isNew,
	}
	store.writer = newWriter(c, store.journaled, store.requestKeys, config)
	if err := store.writer.loadState(isNew); err != nil {
		return nil, errors.Join(err, c.close())
	}
	for range config.ReadConnections {
		conn, err := openConnection(
			config.Path, "busy_timeout = 5000", "query_only = ON", "cache_size = -16384", "temp_store = MEMORY",
		)
		if err != nil {
			return nil, errors.Join(err, store.closeReaders(len(store.readers)), c.close())
		}
		store.readers <- conn
	}
	go store.writer.run()
	return store, nil
}

// autoCheckpointPages returns the length of the write-ahead log at which SQLite makes a checkpoint.
// The disk reserve, if there is one, has space for that many pages.
func autoCheckpointPages(config Config) int64 {
	if config.ReserveBytes > 0 {
		return min(logPagesLimit, max(config.ReserveBytes/pageBytes, 1))
	}
	return logPagesLimit
}

// Close finishes the accepted changes, copies the write-ahead log into the database and closes the
// connections. Calling Close again does nothing.
func (s *Store) Close() error {
	if !s.writer.close() {
		return nil
	}
	close(s.closed)
	err := s.closeReaders(s.readerCount)
	s.checkpoint()
	return errors.Join(err, s.writer.conn.close())
}

func (s *Store) closeReaders(n int) error {
	var errs []error
	for range n {
		errs = append(errs, (<-s.readers).close())
	}
	return errors.Join(errs...)
}

var errClosed = rookery.Temporary(errors.New("the store is closed"))

// withReader calls f with a connection for reading. It returns an error of f as CodeTemporary. The
// connection must not be used after f returns.
func (s *Store) withReader(ctx context.Context, f func(*dbConn) error) error {
	select {
	case <-s.closed:
		return errClosed
	default:
	}
	select {
	case <-s.closed:
		return errClosed
	case <-ctx.Done():
		return rookery.Temporary(ctx.Err())
	case conn := <-s.readers:
		defer func() { s.readers <- conn }()
		if err := f(conn); err != nil {
			return rookery.Temporary(err)
		}
		return nil
	}
}

// The comment of migrations/00001_first.sql explains the SQL names that differ from the code's.
//
//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrateSchema brings the schema to the version of this program. It opens its own connection.
func migrateSchema(ctx context.Context, config Config) (err error) {
	if err := prepareDatabaseFile(config); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", fileURI(config.Path))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files,
		goose.WithSlog(slog.New(slog.DiscardHandler)), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	schemaVersion, knownVersion, err := provider.GetVersions(ctx)
	if err != nil {
		return err
	}
	if schemaVersion > knownVersion {
		return fmt.Errorf(
			"its schema has version %d, this program knows %d: "+
				"use a newer rookery, or restore a backup from before the update",
			schemaVersion, knownVersion,
		)
	}
	_, err = provider.Up(ctx)
	return err
}

// prepareDatabaseFile turns on the write-ahead log. It fails if the file is the database of another
// program.
func prepareDatabaseFile(config Config) (err error) {
	if err := checkFilesWritable(config.Path); err != nil {
		return disk.ExplainError(err)
	}
	conn, err := openConnection(config.Path, "busy_timeout = 5000", "page_size = 4096")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.close()) }()
	var id int64
	if _, err := conn.queryFirst("PRAGMA application_id", func(row resultRow) { id = row.int(0) }); err != nil {
		return err
	}
	hasTables, err := conn.hasRow("SELECT 1 FROM sqlite_schema WHERE name NOT LIKE 'goose%' AND name NOT LIKE 'sqlite%'")
	if err != nil {
		return err
	}
	if hasTables && id != applicationID {
		return errors.New("this is the database of another program: choose another file")
	}
	_, err = conn.execute("PRAGMA journal_mode = WAL")
	return err
}
